"""What a campaign shows: a table, survivors with their diffs, edits that change nothing, why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tests.mutants.campaign import Verdict
from tests.mutants.command import Session

QUIET = ("equivalent", "rounding", "beyond")
WORDS = {
    "equivalent": "change nothing: every number compared is equal",
    "rounding": "change the order of work only: nothing differs but the last digits",
    "beyond": "change only what no spec promises anything about",
}


def table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield a line per operator, or per helper that several operators share."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(_group(verdict), []).append(verdict)
    yield f"{'gradient of':32} edits caught equal rounding beyond survived  caught by"
    for name, members in groups.items():
        yield _line(name, members)
    yield _line("all", list(verdicts))


def _group(verdict: Verdict) -> str:
    shared = len(verdict.mutant.operators) > 1
    return verdict.mutant.owner.partition(".")[0] if shared else verdict.mutant.operators[0]


def _line(name: str, members: Sequence[Verdict]) -> str:
    count = Counter(v.status for v in members)
    checks = Counter(v.check for v in members if v.status == "caught")
    words = ", ".join(f"{check} {n}" for check, n in checks.most_common())
    return (
        f"{name:32} {len(members):5} {count['caught']:6} {count['equivalent']:5} "
        f"{count['rounding']:8} {count['beyond']:6} {count['survived']:8}  {words}"
    )


def survivors(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield every mutant that was not caught, or whose replay went wrong, with its diff."""
    for verdict in verdicts:
        if verdict.ok:
            continue
        yield f"\n{verdict.status.upper()} {verdict.mutant.name} [{verdict.mutant.kind}]"
        yield from (f"    {line}" for line in verdict.mutant.diff.splitlines())
        if verdict.status == "caught":
            yield f"    caught by {verdict.check}, but replay said {' and '.join(verdict.replays)}"
            continue
        asked, doubts = ", ".join(dict.fromkeys(verdict.tried)), ", ".join(verdict.rows)
        yield f"    asked of {asked}; doubts: {doubts or 'none'}"
        yield from _differences(verdict)


def unchanged(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield the edits that no check can or has to see, with the numbers that say so."""
    for status in QUIET:
        members = [v for v in verdicts if v.status == status]
        if members:
            yield f"\n{len(members)} edits {WORDS[status]}"
        for verdict in members:
            yield f"  {verdict.mutant.name}"
            yield from (f"      {line}" for line in verdict.mutant.diff.splitlines()[3:])
            found = verdict.agreement
            last = f", {found['roundings']:.2g} roundings" if found["largest"] else ""
            yield (f"      {found['values']:,} numbers in {found['cases']} cases, "
                   f"largest difference {found['largest']:.3g}{last}")  # fmt: skip
            yield from _differences(verdict)


def _differences(verdict: Verdict) -> Iterator[str]:
    seen: set[str] = set()
    for difference in verdict.agreement.get("differences", []):
        if difference["where"] in seen:
            continue
        seen.add(difference["where"])
        yield (f"      {difference['where']}: {difference['operator']}, {difference['order']}, "
               f"{difference['what']}: {difference['difference']}")  # fmt: skip
        yield f"          at {difference['case']}"


def commands(found: Sequence[Session]) -> Iterator[str]:
    """Yield what the commands said, one line per operator, with a screen where it went wrong."""
    yield "\nneedle check ops, needle replay TOKEN, and the same after repair"
    for session in found:
        word = session.problem or "exit 1, FAILS, FIXED"
        yield f"  {session.operator:28} {session.mutant.name.partition(' ')[2]}: {word}"


def document(verdicts: Sequence[Verdict], found: Sequence[Session]) -> dict[str, Any]:
    """Return everything as JSON data."""
    return {
        "mutants": [
            {
                "file": v.mutant.file, "line": v.mutant.line, "owner": v.mutant.owner,
                "kind": v.mutant.kind, "what": v.mutant.what, "diff": v.mutant.diff,
                "operators": v.mutant.operators, "status": v.status, "operator": v.operator,
                "check": v.check, "message": v.message, "case": v.case, "rows": v.rows,
                "replays": v.replays, "agreement": v.agreement,
            }
            for v in verdicts
        ],
        "commands": [
            {"operator": s.operator, "mutant": s.mutant.name, "codes": s.codes,
             "token": s.token, "problem": s.problem}
            for s in found
        ],
    }  # fmt: skip
