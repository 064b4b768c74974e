"""Write docs/measured.md: the figures of benchmarks/results/ as readable tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from benchmarks.results import RESULTS

PAGE = RESULTS.parents[1] / "docs" / "measured.md"

HEAD = """# What was measured

Written by `python -m benchmarks measured` from `benchmarks/results/`. Times are of shared machines:
only ratios within one run mean anything.
"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for name, section in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            stored = json.loads(path.read_text(encoding="utf-8"))
            lines = list(section(stored["rows"]))
            lines += ["", f"{stored['date']}; {stored['machine']}."]
            parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def write() -> int:
    """Write the page and return 0."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written to {PAGE.parent.name}/{PAGE.name}")
    return 0


def _false_alarms(rows: dict[str, Any]) -> Iterator[str]:
    found = rows["operators"]
    cases, probes, doubts = (sum(r[k] for r in found) for k in ("cases", "probes", "cannot_tell"))
    alarms = sum(len(r["findings"]) for r in found)
    yield "## False alarms\n"
    yield (
        f"`python -m benchmarks false_alarms --seed {rows['seed']}`: every right operator, "
        f"{rows['examples']:,} examples in each of {' and '.join(rows['dtypes'])}, values scaled "
        "by 1e-8 to 1e8, with exact zeros, ones and ties. Every finding is a false one.\n"
    )
    yield (
        f"**{alarms} findings** in {cases:,} cases and {probes:,} comparisons, "
        f"{doubts} undecided ({doubts / max(1, probes):.4%}). {rows.get('note', '')}\n"
    )
    yield "| operator | cases | comparisons | findings | undecided |"
    yield "|---|---:|---:|---:|---:|"
    for r in found:
        share = f"{r['cannot_tell']} ({r['cannot_tell'] / max(1, r['probes']):.2%})"
        told = share if r["cannot_tell"] else "0"
        yield (
            f"| {r['operator']} | {r['cases']:,} | {r['probes']:,} "
            f"| {len(r['findings'])} | {told} |"
        )
    said = [f"- {r['operator']}: {text}" for r in found for text in r["findings"]]
    if said:
        yield ""
        yield from said


def _diagnosis(rows: dict[str, Any]) -> Iterator[str]:
    yield "## The likely cause\n"
    yield (
        f"`python -m benchmarks diagnosis --examples {rows['examples']}`: every planted fault in "
        "every operator where it shows, and forty operators with mistakes as people make them, "
        "which were written by somebody who had not seen the faults. The causes were improved on "
        "both, so neither share is one of unseen mistakes.\n"
    )
    yield "| | asked | named rightly | no cause | another cause |"
    yield "|---|---:|---:|---:|---:|"
    groups = {title: row for title, row in rows.items() if isinstance(row, dict)}
    for title, row in groups.items():
        share = row["right"] / max(1, row["asked"])
        yield (
            f"| {title} | {row['asked']} | {row['right']} ({share:.1%}) | {row['no cause']} "
            f"| {row['another cause']} |"
        )
    missed = [m for row in groups.values() for m in row["not named rightly"]]
    if missed:
        yield ""
        for one in missed:
            yield f"- {one['what']}: {one['printed'] or 'no cause'}"


def _faults(rows: dict[str, Any]) -> Iterator[str]:
    yield "## Planted faults\n"
    yield (
        f"`python -m benchmarks faults`: `needle check ops --faults` took {rows['seconds']:.0f} s "
        f"on {rows['cores']} cores, {rows['ratio']:.1f} times a run without.\n"
    )
    yield "| operator | caught |"
    yield "|---|---:|"
    for name, score in rows["scores"].items():
        yield f"| {name} | {score} |"


def _ops(rows: dict[str, Any]) -> Iterator[str]:
    total = sum(rows["checks"].values())
    yield "## Where the time goes\n"
    yield "`python -m benchmarks ops`: the default profile, all operators, by check.\n"
    yield "| check | share of the time |"
    yield "|---|---:|"
    for name, spent in sorted(rows["checks"].items(), key=lambda item: -item[1]):
        yield f"| {name} | {spent / total:.1%} |"


def _detection(rows: dict[str, Any]) -> Iterator[str]:
    yield f"## Wrong and tricky right gradients: {rows['half']}\n"
    yield (
        f"`python -m benchmarks detection --half {rows['half']} --seeds {rows['seeds']}`: pairs "
        "that were written without sight of the numerics, one of two random halves. Every answer "
        "is proved with many digits. Accused and passed are the tool's errors. The half dev was "
        "looked at while the numerics were written, the half held was asked twice since.\n"
    )
    yield "| category | right | accused | undecided | wrong | refused | undecided | passed |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    columns = [
        ("right", None), ("right", "accused"), ("right", "undecided"), ("wrong", None),
        ("wrong", "refused"), ("wrong", "undecided"), ("wrong", "passed"),
    ]  # fmt: skip
    totals = [0] * len(columns)
    for name, found in rows["categories"].items():
        counts = [
            found[kind].get(word, 0) if word else sum(found[kind].values())
            for kind, word in columns
        ]
        totals = [a + b for a, b in zip(totals, counts, strict=True)]
        yield f"| {name} | " + " | ".join(map(str, counts)) + " |"
    yield "| **all** | " + " | ".join(f"**{count}**" for count in totals) + " |"
    yield ""
    for one in rows["not as wanted"]:
        yield f"- {one['answer']}: {one['case']}, seed {one['seed']} ({one['why']})"


def _frameworks(rows: dict[str, Any]) -> Iterator[str]:
    yield "## Operators of other libraries\n"
    yield (
        f"`python -m benchmarks frameworks --cases {rows['cases']} --seed {rows['seed']}`: the "
        f"libraries' own gradients in {', '.join(rows['dtypes'])}, inputs of all magnitudes "
        "outside of the faults in [found.md](found.md).\n"
    )
    yield "| library | operators | cases | findings | undecided | faults of the tool |"
    yield "|---|---:|---:|---:|---:|---:|"
    words = ("finding", "undecided", "fault")
    for framework in dict.fromkeys(r["framework"] for r in rows["operators"]):
        mine = [r for r in rows["operators"] if r["framework"] == framework]
        counts = [sum(r[word] for r in mine) for word in words]
        asked = sum(counts) + sum(r["passed"] for r in mine)
        yield f"| {framework} | {len(mine)} | {asked} | " + " | ".join(map(str, counts)) + " |"
    yield ""
    for r in rows["operators"]:
        if r["finding"] or r["fault"]:
            yield (
                f"- {r['framework']} {r['operator']}: {r['finding']} findings, {r['fault']} faults "
                f"of the tool in {sum(r[w] for w in ('passed', *words))} cases"
            )


SECTIONS = {
    "false_alarms": _false_alarms,
    "detection_dev": _detection,
    "detection_held": _detection,
    "frameworks": _frameworks,
    "diagnosis": _diagnosis,
    "faults": _faults,
    "ops": _ops,
}
