"""`--watch`: a run for every change, until it is interrupted."""

import signal
import subprocess
import sys
import time

import pytest

from needle_cli.cli.watch import state_of
from needle_cli.operators.unit import Unit
from tests.helpers import environment, workplace


def test_a_change_of_any_file_is_seen(tmp_path):
    source, specs = tmp_path / "mine.py", tmp_path / "mine.specs"
    specs.mkdir()
    source.write_text("x = 1\n")
    (specs / "one.toml").write_text("")
    unit = Unit(
        "mine/one", str(specs / "one.toml"), str(source), 1, source=str(source), specs=specs
    )
    before = state_of([unit])
    assert state_of([unit]) == before and len(before) == 2
    source.write_text("x = 10\n")
    changed = state_of([unit])
    assert changed != before
    (specs / "two.toml").write_text("")
    assert state_of([unit]) != changed
    (specs / "one.toml").unlink()
    assert len(state_of([unit])) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_it_runs_again_and_ends_with_the_last_code(tmp_path):
    for name in ("canned.py", "canned.specs"):
        source = workplace() / name
        target = tmp_path / name
        if source.is_dir():
            target.mkdir()
            for spec in source.iterdir():
                (target / spec.name).write_bytes(spec.read_bytes())
        else:
            target.write_bytes(source.read_bytes())
    command = [sys.executable, "-m", "needle_cli", "check", "canned.py", "-k", "wrong", "--watch",
               "--format", "concise"]  # fmt: skip
    with subprocess.Popen(command, cwd=tmp_path, env=environment(True), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        assert process.stderr.readline().startswith("watching")
        with (tmp_path / "canned.py").open("a") as stream:
            stream.write("\n# another line\n")
        assert process.stderr.readline().startswith("watching")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        screen, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert screen.count("canned/wrong[cpu-float64] gradient") == 2
