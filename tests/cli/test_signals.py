"""Ctrl-C, SIGTERM and SIGHUP end a run with its reports; nothing of it stays behind."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from needle_cli import stopping
from needle_cli.stopping import Stopped
from tests.campaign import swept
from tests.helpers import environment, workplace

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
LONGEST = 300
"""Seconds after which a test gives up; a busy machine has to stay below it."""


class Running:
    """A run of the canned operators, with its own folder for temporary files.

    `screen` is where its standard output goes, if not to a pipe that is read.
    """

    def __init__(self, folder, *words, start="exec", screen=subprocess.PIPE):
        self.folder, self.temporary = folder, folder / "tmp"
        self.temporary.mkdir()
        self.report, self.events = folder / "r.json", folder / "r.ndjson"
        self.report.write_text("earlier")
        command = [sys.executable, "-m", "needle_cli", "check", str(workplace() / "canned.py"),
                   "-j", "1", f"--report=json={self.report}", f"--report=ndjson={self.events}",
                   *words]  # fmt: skip
        self.process = subprocess.Popen(
            ["sh", "-c", f'{start} "$@"', "sh", *command], cwd=folder,
            env=environment(True, {"TMPDIR": self.temporary}), stdout=screen,
            stderr=subprocess.PIPE, start_new_session=True, text=True,
        )  # fmt: skip

    def wait_for(self, event):
        """Wait until the run has told of an event."""
        while self.process.poll() is None and not (
            self.events.exists() and f'"{event}"' in self.events.read_text("utf-8")
        ):
            time.sleep(0.02)

    def children(self):
        """Return the processes below the tool's."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as stream:
            return [int(word) for word in stream.read().split()]

    def end(self):
        screen, errors = self.process.communicate(timeout=LONGEST)
        return self.process.returncode, screen, errors


def gone(pid):
    """Return whether a process ends; one that has ended and is not yet waited for counts."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
                if stream.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="looks at /proc")


@needs_proc
@pytest.mark.parametrize("name", swept(CODES, ["SIGTERM"]))
def test_a_signal_reports_what_was_done(name, tmp_path):
    run = Running(tmp_path, "-k", "right or slow")
    run.wait_for("operator_done")
    children = run.children()
    assert children
    for _ in range(2):  # some send it twice
        os.killpg(run.process.pid, getattr(signal, name))
    code, screen, errors = run.end()
    assert code == CODES[name], errors
    assert "interrupted" in screen and "Traceback" not in errors
    document = json.loads(run.report.read_text(encoding="utf-8"))
    assert document["summary"]["interrupted"] and document["summary"]["exit_code"] == code
    assert {row["op"] for row in document["results"]} == {"canned/right"}
    assert document["summary"]["left_out"] == ["canned/slow"]
    assert all(gone(child) for child in children)
    assert os.listdir(run.temporary) == []


@needs_proc
def test_an_earlier_report_survives_a_kill(tmp_path):
    run = Running(tmp_path, "-k", "right or slow")
    run.wait_for("operator_done")
    children = run.children()
    run.process.kill()
    assert run.end()[0] == -signal.SIGKILL
    assert run.report.read_text() == "earlier"
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]
    assert all(gone(child) for child in children)


def test_what_the_caller_ignores_is_ignored(tmp_path):
    """As under `nohup`."""
    run = Running(tmp_path, "-k", "right", start="trap '' HUP; exec")
    run.wait_for("run_started")
    run.process.send_signal(signal.SIGHUP)
    assert run.end()[0] == 0
    assert json.loads(run.report.read_text())["summary"]["exit_code"] == 0


@needs_proc
def test_a_signal_ends_a_run_whose_screen_nobody_reads(tmp_path):
    unread, screen = os.pipe()
    os.set_blocking(screen, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(screen, bytes(4096))
    os.set_blocking(screen, True)
    run = Running(tmp_path, "-k", "right or slow", "--report", "junit=j.xml", screen=screen)
    run.wait_for("operator_done")
    run.process.send_signal(signal.SIGTERM)
    code, _, errors = run.end()
    assert code == CODES["SIGTERM"] and "standard output: nobody reads it" in errors
    assert json.loads(run.report.read_text("utf-8"))["summary"]["interrupted"]
    assert (tmp_path / "j.xml").exists()
    os.close(screen), os.close(unread)


@needs_proc
def test_a_run_survives_its_temporary_folder(tmp_path):
    run = Running(tmp_path, "-k", "right or wrong or sums", "-j", "2")
    run.wait_for("run_started")
    while run.process.poll() is None and run.temporary.exists():
        shutil.rmtree(run.temporary, ignore_errors=True)
    code, _, errors = run.end()
    assert code == 1 and "internal" not in errors and "Traceback" not in errors
    results = json.loads(run.report.read_text("utf-8"))["results"]
    verdicts = {row["op"]: row["status"] for row in results if row["check"] == "gradient"}
    assert verdicts["canned/right"] == "pass" and verdicts["canned/wrong"] == "fail"


@pytest.mark.campaign
@needs_proc
@pytest.mark.parametrize("seed", range(40))
def test_a_signal_at_any_moment(seed, tmp_path):
    """The report is the earlier one or whole, and no process or folder is left."""
    rng = random.Random(seed)
    name = rng.choice(list(CODES))
    run = Running(tmp_path, "-k", "right or wrong or unsure", *rng.choice(((), ("-j", "3"))))
    if rng.random() < 0.8:
        run.wait_for("run_started")
    time.sleep(rng.random() * 0.6)
    os.killpg(run.process.pid, getattr(signal, name))
    code, _, errors = run.end()
    number = getattr(signal, name)  # it ends Python before and after the command as usual
    assert code in (1, CODES[name], -number), errors
    assert not run.events.exists() or "Traceback" not in errors, errors
    text = run.report.read_text("utf-8")
    assert text == "earlier" or json.loads(text)["schema"] == "needle.report"
    assert os.listdir(run.temporary) == []
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def tell(name="SIGTERM"):
    os.kill(os.getpid(), getattr(signal, name))


@pytest.fixture
def listening():
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals come to the main thread")
    with stopping.listening():
        yield


@pytest.mark.parametrize("name", CODES)
def test_the_first_signal_raises_and_the_second_does_not(listening, name):
    with pytest.raises(Stopped) as caught, stopping.waiting():
        tell(name)
    assert stopping.code_of(caught.value) == CODES[name]
    tell(name)


def test_a_signal_interrupts_only_what_waits(listening):
    done = []
    tell()
    done.append("told")
    with pytest.raises(Stopped), stopping.waiting():
        done.append("never")
    with stopping.waiting():
        tell()
        done.append("ending")
    assert done == ["told", "ending"]


def test_a_signal_that_interrupts_nothing_counts_at_the_end():
    with pytest.raises(Stopped), stopping.listening():
        tell()


def test_what_nobody_reads_is_given_up_only_after_a_signal(listening, monkeypatch):
    monkeypatch.setattr(stopping, "UNREAD", 0.01)
    with stopping.writing():
        time.sleep(0.05)
    tell()
    with pytest.raises(TimeoutError), stopping.writing():
        time.sleep(LONGEST)
    with pytest.raises(Stopped), stopping.waiting():
        raise AssertionError("the signal is still to be obeyed")
    time.sleep(0.05)  # what is not being written is not given up


def test_who_insists_interrupts_everything(listening):
    tell()
    tell()
    with pytest.raises(Stopped):
        tell()


def test_handlers_are_given_back():
    before = [signal.getsignal(getattr(signal, name)) for name in CODES]
    with stopping.listening():
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(getattr(signal, name)) for name in CODES] == before
