"""What others put into their build servers: valid files, and a gate that turns red for a reason."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.browser import Visit, browser  # noqa: F401 - the fixture
from tests.gate.test_against import SPECS, WRONG, project  # noqa: F401 - the fixture
from tests.helpers import ROOT, edit, environment

CI = ROOT / "examples" / "ci"
SCHEMAS = {
    "vendor.github-workflows": [
        CI / f"github-{name}.yml" for name in ("minimal", "sharded", "nightly")
    ],
    "vendor.github-actions": [ROOT / "action.yml"],
    "vendor.gitlab-ci": [CI / "gitlab.yml"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_templates_are_what_their_servers_read(schema):
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    if schema == "vendor.gitlab-ci":
        command += ["--data-transform", "gitlab-ci"]
    done = subprocess.run([*command, *map(str, SCHEMAS[schema])], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_template_that_is_wrong_is_noticed(tmp_path):
    pytest.importorskip("check_jsonschema")
    broken = tmp_path / "workflow.yml"
    broken.write_text((CI / "github-minimal.yml").read_text().replace("runs-on:", "runs-onto:"))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema",
               "vendor.github-workflows", str(broken)]  # fmt: skip
    assert subprocess.run(command, capture_output=True).returncode == 1


def gate(folder, **extra):
    """Run the script of the action as a build server would; return code, screen and summary."""
    page = folder.parent / "summary.md"
    page.unlink(missing_ok=True)
    binary = folder.parent / "bin"
    binary.mkdir(exist_ok=True)
    shim = binary / "needle"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m needle_cli "$@"\n')
    shim.chmod(0o755)
    env = environment() | {
        "PATH": f"{binary}{os.pathsep}{os.environ['PATH']}", "GATE_AGAINST": "main",
        "CI": "true", "GATE_FAULTS": "",
        "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page), **extra,
    }  # fmt: skip
    done = subprocess.run(["bash", str(CI / "gate.sh"), "mine.py"], cwd=folder, env=env,
                          capture_output=True, text=True)  # fmt: skip
    return done.returncode, done.stdout + done.stderr, page.read_text() if page.exists() else ""


def add_operator(folder):
    edit(folder, "mine.py", '"square"]', '"square", "fresh"]')
    with (folder / "mine.py").open("a") as stream:
        stream.write("\n\ndef fresh(a):\n    return Square()(a)\n")


pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def test_a_pull_request_without_operators_is_green(project):  # noqa: F811
    code, screen, page = gate(project)
    assert code == 0, screen
    assert "nothing judged" in page and "no operator changed" in page


def test_a_wrong_gradient_turns_it_red_on_its_line(project):  # noqa: F811
    edit(project, "mine.py", *WRONG)
    code, screen, page = gate(project)
    assert code == 1
    line = next(i for i, text in enumerate((project / "mine.py").read_text().splitlines(), 1)
                if "node.inputs[0] * 3" in text) - 1  # fmt: skip
    assert (
        f"::error file=mine.py,line={line},endLine={line},title=mine/square%3A gradient" in screen
    )
    assert "× the numeric one" in screen and "needle replay" in screen
    assert "1 finding in 1 operator" in page


def test_a_narrowed_domain_turns_it_red_on_its_spec(project):  # noqa: F811
    edit(project, "mine.specs/absolute.toml", 'domain = "nonzero"', 'domain = "positive"')
    code, screen, page = gate(project)
    assert code == 1
    assert "::error file=mine.specs/absolute.toml,line=7" in screen
    assert "domain of a%3A" not in screen and "domain of a: nonzero → positive" in screen
    assert "domain of a: nonzero → positive" in page
    code, screen, page = gate(project, GATE_REASON="negative numbers come in the next change")
    assert code == 0, screen
    assert "accepted: negative numbers come in the next change" in page


def test_a_narrow_domain_without_a_word_of_why_turns_it_red(project):  # noqa: F811
    add_operator(project)
    spec = SPECS["square"].replace("mine:square", "mine:fresh")
    path = project / "mine.specs" / "fresh.toml"
    path.write_text(spec.replace('"(n)"', '{ shape = "(n)", domain = { low = 1.0, high = 2.0 } }'))
    code, screen, page = gate(project)
    assert code == 1 and "[narrow]" in screen and "[narrow]" in page
    path.write_text(spec)
    assert gate(project)[0] == 0
    # Three checks alone, as this project asks, do not refuse every wrong gradient.
    code, screen, _ = gate(project, GATE_FAULTS="--faults")
    assert code == 1 and "faults" in screen


def test_an_operator_without_spec_turns_it_red(project):  # noqa: F811
    add_operator(project)
    code, screen, page = gate(project)
    assert code != 0
    assert "mine/fresh" in screen and "no spec" in screen and "no spec" in page


def test_a_browser_shows_what_turns_it_red(project, browser):  # noqa: F811
    said = {
        "mine/square": "× the numeric one",
        "mine/absolute": "domain of a: nonzero → positive",
        "mine/fresh": "no spec",
    }
    gate(project, NEEDLE_REPORT="html=before.html")
    edit(project, "mine.py", *WRONG)
    edit(project, "mine.specs/absolute.toml", 'domain = "nonzero"', 'domain = "positive"')
    add_operator(project)
    gate(project, NEEDLE_REPORT="html=after.html")
    with Visit(browser, project / "before.html") as visit:
        assert not visit.shown()
    with Visit(browser, project / "after.html") as visit:
        assert set(said) <= set(visit.shown())
        for name, words in said.items():
            assert words in visit.text_of(name)
