"""A mutant as a user meets it: `needle check ops`, `needle replay TOKEN`, and after repair."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from needle_cli.operators import catalogue
from tests.mutants.campaign import Verdict
from tests.mutants.edits import Mutant

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Session:
    """Exit codes and screens of three commands; `problem` says what is not as it should be."""

    mutant: Mutant
    operator: str
    codes: tuple[int, ...] = ()
    token: str = ""
    screen: str = ""
    problem: str = ""


def sample(verdicts: Sequence[Verdict]) -> list[tuple[Mutant, str]]:
    """Return one mutant per operator that its own check caught, the plainest kind first."""
    chosen: dict[str, tuple[Mutant, str]] = {}
    plain = ("factor", "sign", "sum_to dropped", "axis")
    for verdict in sorted(verdicts, key=lambda v: v.mutant.kind not in plain):
        if verdict.status == "caught" and verdict.check != "":
            chosen.setdefault(verdict.operator, (verdict.mutant, verdict.operator))
    return [chosen[name] for name in sorted(chosen)]


def sessions(chosen: Sequence[tuple[Mutant, str]], jobs: int = 2) -> list[Session]:
    """Return what the commands say of several mutants, `jobs` at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda pair: session(*pair), chosen))


def session(mutant: Mutant, operator: str) -> Session:
    """Check an operator of a copy of the engine with the edit; replay before and after repair."""
    with tempfile.TemporaryDirectory(prefix="needle-mutant-") as folder:
        here = Path(folder)
        engine = catalogue.ENGINE
        shutil.copytree(engine, here / "needle", ignore=shutil.ignore_patterns("__pycache__"))
        edited = here / "needle" / "ops" / Path(mutant.file).name
        edited.write_text(mutant.text, encoding="utf-8")
        code, out = _needle(here, "check", "ops", operator, "--profile", "quick", "--seed", "0",
                            "-j", "1", "--format", "json")  # fmt: skip
        token, problem = _token(out)
        if code != 1 or problem:
            return Session(mutant, operator, (code,), problem=problem or f"exit code {code}: {out}")
        broken, screen = _needle(here, "replay", token, "-j", "1")
        shutil.copy(engine / "ops" / edited.name, edited)
        fixed, after = _needle(here, "replay", token, "-j", "1")
    codes = (code, broken, fixed)
    good = codes == (1, 1, 0) and screen.startswith("FAILS") and after.startswith("FIXED")
    problem = "" if good else f"exit codes {codes}; {screen}; {after}"
    return Session(mutant, operator, codes, token, screen, problem)


def _needle(folder: Path, *words: str) -> tuple[int, str]:
    """Run the tool with the engine in `folder`; return exit code and screen."""
    dropped = ("NEEDLE", "_NEEDLE", "CI", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "PYTHON")
    env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    env |= {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONUTF8": "1", "COLUMNS": "100",
            "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "needle_cli", *words], cwd=folder, env=env, timeout=300,
        capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stdout or done.stderr


def _token(out: str) -> tuple[str, str]:
    """Return the first token of a JSON report, or what is missing."""
    try:
        results = json.loads(out)["results"]
    except (ValueError, KeyError):
        return "", f"no JSON report: {out[:300]}"
    wrong = [r for r in results if r["status"] in ("fail", "error", "no_derivative")]
    tokens = [r["replay"]["token"] for r in wrong if r["replay"] and r["replay"]["token"]]
    return (tokens[0], "") if tokens else ("", f"no token among {len(wrong)} findings")
