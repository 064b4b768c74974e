"""Hostile operators in random company under random trouble, for as long as is asked.

Every round judges a few kinds of `tests/hostile` beside good operators, in a random order and with
a random number of workers, and perhaps something happens to the run: a signal, a full disk, a short
time, the removal of its folders. Afterwards nothing may be lost, hung or left behind, and every
verdict in the report has to be the one that the table states.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hostile.company import ASKED, GOOD_ONES, by_operator, unexpected, write
from tests.hostile.kinds import KINDS

MARK = "SOAK_ROUND"
"""The environment variable by which the processes of a round are known."""

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGKILL")
TROUBLES = (
    "nothing", "nothing", "nothing", *SIGNALS, "full disk", "no space for reports", "short time",
    "one failure", "folders removed",
)  # fmt: skip
"""What may happen to a round, and how often."""

SHY = ("removes_temporary_folders",)
"""Kinds whose verdict depends on what else runs on the machine."""

BOUND = 240.0
"""Seconds after which a round has hung: many times what the slowest one needs on a busy machine."""


@dataclass
class Round:
    """One round: what is judged and what happens to it."""

    number: int
    names: list[str]
    jobs: int
    trouble: str
    after: float
    deviations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"round {self.number}: {self.trouble}, -j {self.jobs}, {' '.join(self.names)}"


def run(minutes: float, seed: int) -> int:
    """Run rounds; print every deviation, and return 1 if there was any."""
    draw, until = random.Random(seed), time.monotonic() + 60 * minutes
    done: Counter[str] = Counter()
    judged, deviations = 0, 0
    while time.monotonic() < until:
        one = _drawn(draw, sum(done.values()))
        judged += _carry_out(one)
        done[one.trouble] += 1
        for text in one.deviations:
            print(f"{one}\n    {text}", flush=True)
        deviations += bool(one.deviations)
    print(f"{sum(done.values())} rounds, seed {seed}, {judged} verdicts compared; deviations in "
          f"{deviations}; {dict(done)}")  # fmt: skip
    return int(deviations > 0)


def _drawn(draw: random.Random, number: int) -> Round:
    kinds = [kind for kind in KINDS.values() if kind.name not in SHY]
    quick = [kind.name for kind in kinds if not kind.slow]
    slow = [kind.name for kind in kinds if kind.slow]
    names = draw.sample(quick, draw.randint(3, 12)) + draw.sample(slow, draw.random() < 0.15)
    draw.shuffle(names)
    jobs, trouble, after = draw.choice((1, 2, 4)), draw.choice(TROUBLES), 6 * draw.random()
    return Round(number, names, jobs, trouble, after)


def _carry_out(one: Round) -> int:
    """Run a round and note what deviates; return how many verdicts were compared."""
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    temporary, work = folder / "tmp", folder / "work"
    for path in (temporary, work):
        path.mkdir()
    mark = secrets.token_hex(8)
    try:
        files = write(work, one.names)
        report = work / "report.json"
        words = ["check", *files, *map(str, ASKED), "-j", str(one.jobs), f"--report=json={report}"]
        words += _words(one)
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("NEEDLE", "CI"))}
        environ |= {MARK: mark, "TMPDIR": str(temporary)}
        environ["PYTHONPATH"] = str(Path(__file__).parents[1])
        process = subprocess.Popen(
            [sys.executable, "-m", "needle_cli", *words], cwd=work, env=environ,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=_no_space if one.trouble == "full disk" else None,
        )  # fmt: skip
        try:
            screen, errors = _out_of(process, one, work)
        except subprocess.TimeoutExpired:
            process.kill()
            one.deviations.append(f"has not ended within {BOUND:.0f} s")
            return 0
        left = _left(mark)
        if left:
            one.deviations.append(f"processes are left: {left}")
        if one.trouble != "SIGKILL" and (behind := sorted(os.listdir(temporary))):
            one.deviations.append(f"folders are left: {behind}")
        if one.trouble in SIGNALS and process.returncode == -getattr(signal, one.trouble):
            return 0  # Python was still loading the tool, or it cannot be caught
        if "Traceback" in errors or "Traceback" in screen:
            one.deviations.append(errors[-2000:])
        return _compare(one, process.returncode, screen, report)
    finally:
        for pid in _marked(mark):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def _words(one: Round) -> list[str]:
    return {
        "no space for reports": ["--report=junit=/dev/full"],
        "short time": ["--max-time", f"{one.after:.2f}"],
        "one failure": ["-x"],
    }.get(one.trouble, [])


def _no_space() -> None:
    """Let no file of the tool get as large as a report, as on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))


def _out_of(process: subprocess.Popen[bytes], one: Round, work: Path) -> tuple[str, str]:
    """Let the trouble happen; return what the tool wrote."""
    if one.trouble in (*SIGNALS, "folders removed"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(one.after)
        if one.trouble == "folders removed":
            shutil.rmtree(work / ".needle", ignore_errors=True)
            shutil.rmtree(work.with_name("tmp"), ignore_errors=True)
            work.with_name("tmp").mkdir()
        elif process.poll() is None:
            process.send_signal(getattr(signal, one.trouble))
    screen, errors = process.communicate(timeout=BOUND)
    return screen.decode("utf-8", "replace"), errors.decode("utf-8", "replace")


def _marked(mark: str) -> list[int]:
    """Return the processes of a round that still run."""
    found, wanted = [], f"{MARK}={mark}".encode()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
                found += [int(name)] if state != "Z" else []
    return found


def _left(mark: str) -> list[str]:
    """Return the command lines of processes that do not end by themselves within seconds."""
    until = time.monotonic() + 10
    while (found := _marked(mark)) and time.monotonic() < until:
        time.sleep(0.1)
    lines = []
    for pid in found:
        with contextlib.suppress(OSError):
            lines.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
    return lines


def _compare(one: Round, code: int, screen: str, report: Path) -> int:
    """Compare exit code and verdicts with what they have to be; return how many verdicts."""
    stopped = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
    allowed = {1, stopped.get(one.trouble, 1)}
    if one.trouble in ("full disk", "no space for reports"):
        allowed = {3}
    if one.trouble == "short time":
        allowed |= {4}
    if code not in allowed:
        one.deviations.append(f"exit code {code}, expected {sorted(allowed)}: {screen[-300:]}")
        return 0
    if one.trouble == "full disk":
        return 0  # the limit is that of the operators too
    try:
        document: dict[str, Any] = json.loads(report.read_text() if report.exists() else screen)
    except ValueError:
        document = {}
    if "results" not in document:
        if code == 1:
            one.deviations.append(f"there is no report: {screen[:300]}")
        return 0
    rows = by_operator(document)
    if one.trouble == "short time":
        late = [n for n in rows if any("--max-time" in r.get("reason", "") for r in rows[n])]
        rows = {name: those for name, those in rows.items() if name not in late}
    for name, verdict in unexpected(rows).items():
        one.deviations.append(f"{name}: {verdict[:300]}")
    left_out = {name.rpartition("/")[2] for name in document["summary"]["left_out"]}
    missing = {*one.names, *GOOD_ONES} - set(by_operator(document)) - left_out
    if missing or (left_out and code == 1 and one.trouble == "nothing"):
        one.deviations.append(f"lost: {sorted(missing or left_out)}")
    return len(rows)
