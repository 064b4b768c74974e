"""The documentation: it builds without a warning, and a link that leads nowhere is one."""

import os
import subprocess
import sys

import pytest

from tests.helpers import ROOT


def build(source, target):
    pytest.importorskip("material", reason="the site needs mkdocs-material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(target)]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(source)}
    return subprocess.run(command, cwd=source, env=env, capture_output=True, text=True)


def test_the_site_builds_without_a_warning(tmp_path):
    done = build(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "site" / "operators" / "arithmetic" / "multiply" / "index.html").read_text()
    assert "EWiseMul" in page and "multilinear" in page
    assert "--8&lt;--" not in (tmp_path / "site" / "ci" / "index.html").read_text()
    assert "check_pair" in (tmp_path / "site" / "api" / "checking" / "index.html").read_text()
    assert (tmp_path / "site" / "pictures" / "step-exp.svg").read_text().startswith("<svg")


def test_a_link_that_leads_nowhere_is_refused(tmp_path):
    """One page, by the rules of the whole site."""
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "index.md"
    page.write_text("[nowhere](absent.md)\n")
    rules = f"INHERIT: {ROOT / 'mkdocs.yml'}\nnav: [index.md]\nhooks: []\nplugins: []\n"
    (tmp_path / "mkdocs.yml").write_text(rules)
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "absent.md" in done.stdout + done.stderr
    page.write_text("[here](index.md)\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode == 0, done.stdout + done.stderr
