"""Closed and full streams and files: verdicts and reports are those of open ones."""

import json
import os
import subprocess
import sys

import pytest

from needle_cli import console
from needle_cli.settings import REPORTS, SCREENS
from tests import forked
from tests.helpers import environment, needle, workplace

pytestmark = pytest.mark.skipif(not forked.POSSIBLE, reason="asks forks with other streams")
CLOSED = {
    "stdout": {"stdout": None},
    "stderr": {"stderr": None},
    "both": {"stdout": None, "stderr": None},
    "all": {"stdin": None, "stdout": None, "stderr": None},
}
FULL = {"stdout": {"stdout": "/dev/full"}, "both": {"stdout": "/dev/full", "stderr": "/dev/full"}}
PLAIN = [name for name in REPORTS if name != "html"]
"""All but the one that needs other packages."""

NOTHING = {"stdout": os.devnull, "stderr": os.devnull}


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Return a function that runs the canned operators; it returns code, screens and folder."""

    def run(streams):
        folder = tmp_path_factory.mktemp("closed")
        for name in ("canned.py", "canned.specs"):
            (folder / name).symlink_to(workplace() / name)
        words = ("check", "canned.py", "-k", "right or wrong", "--seed", "1",
                 "--report", "json=r.json", "--report", "ndjson=r.ndjson")  # fmt: skip
        return *needle(*words, cwd=folder, stand_in=True, streams=streams), folder

    return run


@pytest.fixture(scope="module")
def open_run(check):
    return check(None)


def results(folder):
    document = json.loads((folder / "r.json").read_text("utf-8"))
    events = [json.loads(line) for line in (folder / "r.ndjson").read_text("utf-8").splitlines()]
    assert [event["event"] for event in events].count("run_done") == 1
    assert events[-1]["summary"] == document["summary"]
    return document["results"]


@pytest.mark.parametrize("name", CLOSED)
def test_closed_streams_change_neither_verdict_nor_report(name, check, open_run):
    code, screen, errors, folder = check(CLOSED[name])
    assert code == open_run[0] == 1
    assert results(folder) == results(open_run[-1])
    assert "Traceback" not in screen + errors
    assert ("canned/wrong" in screen) == ("stdout" not in CLOSED[name])
    assert ("wrote r.json" in errors) == ("stderr" not in CLOSED[name])


@pytest.mark.parametrize("name", FULL)
def test_a_full_screen_is_an_error_and_costs_no_report(name, check, open_run):
    code, _, errors, folder = check(FULL[name])
    assert code == 3
    assert results(folder) == results(open_run[-1])
    assert ("cannot write to standard output: No space left" in errors) == (name == "stdout")


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_a_process_that_starts_without_a_stream(name):
    """Twin of the forks: here Python itself finds the stream closed."""
    mark = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-"}[name]
    command = f'"$0" -m needle_cli explain gradiant {mark}'
    done = subprocess.run(["sh", "-c", command, sys.executable], env=environment(),
                          capture_output=True, text=True, timeout=300)  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert ("did you mean gradient?" in done.stderr) == (name != "stderr")
    assert "Traceback" not in done.stderr


def rendered(open_run, folder, target, **how):
    return needle("report", open_run[-1] / "r.json", "--to", target, cwd=folder, **how)


@pytest.mark.parametrize("how", CLOSED)
@pytest.mark.parametrize("target", (*SCREENS, *(f"{name}=file" for name in PLAIN)))
def test_no_format_minds_closed_streams(target, how, open_run, tmp_path):
    code, _, errors = rendered(open_run, tmp_path, target, streams=CLOSED[how])
    assert code == 1 and "Traceback" not in errors
    if "=" in target:
        closed = (tmp_path / "file").read_bytes()
        rendered(open_run, tmp_path, target)
        assert closed and closed == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize("name", PLAIN)
def test_a_full_disk_is_an_error_with_the_path(name, open_run, tmp_path):
    code, _, errors = rendered(open_run, tmp_path, f"{name}=/dev/full")
    assert code == 3
    assert errors == "needle: cannot write the report /dev/full: No space left on device\n"
    full = {"stdout": "/dev/full"}
    code, _, errors = rendered(open_run, tmp_path, f"{name}=/dev/stdout", streams=full)
    assert code == 3 and "wrote" not in errors
    assert "cannot write the report /dev/stdout: No space left on device\n" in errors


@pytest.mark.parametrize("name", PLAIN)
def test_an_earlier_report_survives_a_full_disk(name, open_run, tmp_path):
    file = tmp_path / "file"
    file.write_text("earlier")
    code, _, _ = rendered(open_run, tmp_path, f"{name}=file", streams=NOTHING, largest=10)
    assert code == 3
    assert name == "ndjson" or file.read_text() == "earlier"  # which is read as it grows
    assert os.listdir(tmp_path) == ["file"]
    assert rendered(open_run, tmp_path, f"{name}=file")[0] == 1
    assert file.read_text("utf-8") != "earlier"


@pytest.mark.parametrize("name", PLAIN)
def test_a_link_and_the_permissions_of_a_report_stay(name, open_run, tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(file)
    file.touch(0o640)
    assert rendered(open_run, tmp_path, f"{name}=link")[0] == 1
    assert link.is_symlink() and file.stat().st_size and file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nodir/file", "there is no folder nodir"),
        ("folder", "Is a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("x" * 300, "File name too long"),
        ("", None),
    ],
)
def test_where_no_report_can_be_written(target, said, open_run, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    code, _, errors = rendered(open_run, tmp_path, f"junit={target}")
    if said is None:  # no path: the file that the format has anyway
        assert code == 1 and (tmp_path / "needle-junit.xml").exists()
        return
    assert (code, sorted(os.listdir(tmp_path))) == (2, ["folder", "loop"])
    assert errors == f"needle: cannot write the report {target}: {said}\n"


@pytest.mark.parametrize(
    "command", ("list ops", "--help", "--version", "explain gradient", "completion bash")
)
def test_a_full_output_of_any_command(command):
    code, _, errors = needle(*command.split(), streams={"stdout": "/dev/full"})
    assert code == 3 and errors.startswith("needle: cannot write to standard output: No space left")


def test_the_screen_gives_no_commands_and_moves_no_cursor(capsys):
    hostile = "::error::x\n  ::stop-commands::y\na ##[add-mask]z\n\x1b[2J\u202e\r\x9b"
    console.write(hostile)
    console.tell(hostile)
    for text in capsys.readouterr():
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]
        assert "##[" not in text and text.replace("\n", "").isprintable()
        assert ": :error::x" in text and "# #[add-mask]z" in text and "\\x1b[2J" in text
    assert json.loads(console.json_text({"a": hostile})) == {"a": hostile}
    assert "##[" not in console.json_text({"a": hostile})


def test_what_is_right_is_written_as_it_is(capsys):
    """Twin: an ordinary text is not touched, nor are our own commands."""
    console.write("a: b::c # [x] ## y")
    console.write(console.Commands("::error title=x::y\n"))
    assert capsys.readouterr().out == "a: b::c # [x] ## y\n::error title=x::y\n"
