"""The soak sees every kind of deviation; that the tool has none is what it is run for."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks import soak

ROWS = {"right": "pass", "wrong": "fail", "prints": "error"}
CHECKS = {"right": "gradient", "wrong": "gradient", "prints": "purity"}


def document(rows, left_out=()):
    results = [
        {"op": f"company/{name}", "check": CHECKS[name], "status": status, "reason": "printed",
         "findings": []}
        for name, status in rows.items()
    ]  # fmt: skip
    return json.dumps({"results": results, "summary": {"left_out": list(left_out)}})


def deviations(tmp_path, code, text, trouble="nothing"):
    one = soak.Round(0, ["prints"], 1, trouble, 1.0)
    (tmp_path / "r.json").write_text(text)
    soak._compare(one, code, "", tmp_path / "r.json")
    return " ".join(one.deviations)


def test_what_is_as_it_should_be_is_no_deviation(tmp_path):
    assert not deviations(tmp_path, 1, document(ROWS))
    assert not deviations(
        tmp_path, 143, document({"right": "pass"}, ["wrong", "prints"]), "SIGTERM"
    )
    assert not deviations(tmp_path, 3, "", "no space for reports")


@pytest.mark.parametrize("code, text, trouble, said", [
    (1, document(ROWS | {"wrong": "pass"}), "nothing", "wrong: pass"),
    (1, document({"right": "pass", "wrong": "fail"}), "nothing", "lost: ['prints']"),
    (1, document({"right": "pass"}, ["wrong", "prints"]), "nothing", "lost: ['prints', 'wrong']"),
    (0, document(ROWS), "nothing", "exit code 0"),
    (3, document(ROWS), "nothing", "exit code 3"),
    (1, document(ROWS), "no space for reports", "exit code 1"),
    (1, "{", "nothing", "there is no report"),
], ids=["verdict", "lost", "left out", "zero", "internal", "disk", "report"])  # fmt: skip
def test_a_deviation_is_seen(tmp_path, code, text, trouble, said):
    assert said in deviations(tmp_path, code, text, trouble)


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks at /proc")
def test_a_process_that_is_left_is_seen():
    words = [sys.executable, "-c", "print(flush=True); import time; time.sleep(1000)"]
    environ = os.environ | {soak.MARK: "abc"}
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert soak._marked("abc") == [process.pid] and soak._marked("ab") == []
        process.kill()
