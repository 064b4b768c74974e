"""The details of a failing check: likely cause, smallest and typical case, how to ask again."""

from __future__ import annotations

from collections.abc import Sequence

from needle_cli.problems import counted
from needle_cli.records.tokens import Record, leaves
from needle_cli.reports import documents
from needle_cli.reports.events import (
    FINDING,
    OF_THE_GATE,
    UNANSWERED,
    CaseView,
    FindingView,
    Row,
    RunInfo,
    Spot,
)
from needle_cli.reports.numbers import array_text, brief, cell, param_text, shape_word, small
from needle_cli.reports.terminal.error_map import heat_map
from needle_cli.reports.terminal.page import Page

MOST_ELEMENTS = 8
MOST_FINDINGS = 3
STYLES = {"error": "red", "fail": "red", "no_derivative": "red", "timeout": "yellow",
          "cannot_tell": "yellow"}  # fmt: skip


def show(
    page: Page,
    row: Row,
    info: RunInfo,
    hints: str,
    others: Sequence[str] = (),
    siblings: Sequence[Row] = (),
) -> None:
    """Add the block of one failing or unanswered row.

    `others` are checks that failed in the same way. If `siblings`, all rows of the operator, are
    given, the spec's formula and the verdict of every check are added.
    """
    heading(page, row)
    page.line()
    if not row.findings:
        page.entry("What happened", row.reason or row.status)
        page.line()
    refusing = [finding for finding in row.findings if finding.refuses]
    for finding in refusing[:MOST_FINDINGS]:
        one(page, row, finding, info, hints, others)
    if siblings and row.findings:
        if row.formula:
            page.entry("Formula", row.formula)
        if len(siblings) > 1:
            page.entry("Every check", verdicts(siblings))
        if row.formula or len(siblings) > 1:
            page.line()
    more = refusing[MOST_FINDINGS:]
    if more:
        page.entry("Also", f"{counted(len(more), 'other finding')}, in --format json")
        page.line()


def verdicts(rows: Sequence[Row]) -> str:
    """Return the verdict of every check of an operator, those with findings first."""
    words = {"✗": FINDING, "?": UNANSWERED, "✓": ("pass", "known")}
    told = {mark: [r.check for r in rows if r.status in group] for mark, group in words.items()}
    return " · ".join(f"{mark} {' '.join(checks)}" for mark, checks in told.items() if checks)


def heading(page: Page, row: Row) -> None:
    """Add the line with operator, check and, at the right, the source line."""
    mark = "✗" if row.is_finding else "?"
    words = [row.op, "no spec" if row.check == "spec" else row.check]
    if row.check not in OF_THE_GATE:
        words += [row.device, row.dtype]
    left = f"{mark} {' · '.join(words)}"
    right = f"{row.path}:{row.line}" if row.path else ""
    gap = page.columns - len(left) - len(right)
    style = STYLES.get(row.status, "")
    if gap >= 2:
        page.pieces((left, f"bold {style}"), (" " * gap + right, "dim"))
    else:
        page.pieces((left, f"bold {style}"))
        page.pieces((f"  {right}", "dim"))


def one(
    page: Page,
    row: Row,
    finding: FindingView,
    info: RunInfo,
    hints: str,
    others: Sequence[str] = (),
) -> None:
    """Add one finding."""
    if finding.cause and hints != "none":
        page.entry("Likely cause", _cause(finding), "bold")
    if finding.message and finding.message != finding.cause:
        page.entry("What happened", finding.message)
    if finding.path and (finding.path, finding.line) != (row.path, row.line):
        page.entry("Where", f"{finding.path}:{finding.line}")
    if others:
        page.entry("The same in", ", ".join(others))
    if hints == "full" and finding.fix:
        page.entry("Usual fix", finding.fix)
    if finding.add:
        page.block("Add to spec", finding.add)
    if (
        hints == "full"
        and not finding.cause
        and row.status == "fail"
        and row.check not in OF_THE_GATE
    ):
        page.entry("See also", f"needle explain {row.check}")
    if finding.smallest is not None:
        smallest(page, finding.smallest)
    if finding.typical is not None and finding.typical.elements:
        typical(page, finding.typical)
    picture(page, finding)
    if finding.replay_id:
        page.line()
        again(page, row, finding, info)
    page.line()


def smallest(page: Page, case: CaseView) -> None:
    """Add the smallest case with its inputs and entries."""
    page.line()
    page.entry("Case" if case.label == "as drawn" else "Smallest case", _inputs(case))
    if case.elements:
        entries = _entries(case.elements, MOST_ELEMENTS)
        grid(page, ("element", "analytic", "numeric", "difference", "allowed", ""), [
            (e.name, cell(e.analytic), cell(e.numeric), _difference(e), small(e.allowed),
             "✗" if e.wrong else "")
            for e in entries
        ])  # fmt: skip
        _rest(page, case.elements, entries)


def typical(page: Page, case: CaseView) -> None:
    """Add a typical case: shapes, how many entries are wrong, the ratios."""
    wrong = sum(element.wrong for element in case.elements)
    shapes = ", ".join(f"{n} has shape {shape_word(s)}" for n, s in case.shapes.items())
    counted = f"; {wrong} of {len(case.elements)} elements wrong" if case.elements else ""
    page.line()
    page.entry("Typical case", shapes + counted)
    if case.elements:
        entries = _entries(case.elements, MOST_ELEMENTS)
        grid(page, ("element", "analytic", "numeric", "ratio", ""), [
            (e.name, cell(e.analytic), cell(e.numeric), _ratio(e), "✗" if e.wrong else "")
            for e in entries
        ])  # fmt: skip
        _rest(page, case.elements, entries)


def picture(page: Page, finding: FindingView) -> None:
    """Add the map of a matrix's errors, preferably of the typical case."""
    for case in (finding.typical, finding.smallest):
        drawn = heat_map(case.elements) if case is not None else None
        if drawn is not None:
            page.line()
            page.entry("Error map", drawn.title)
            for cells in drawn.rows:
                page.pieces((" " * 16, ""), *cells)
            return


def again(page: Page, row: Row, finding: FindingView, info: RunInfo) -> None:
    """Add the lines that ask the question again."""
    page.command("Ask again", f"needle replay {finding.replay_id}{info.again}")
    if finding.token:
        page.command("Without files", f"needle replay {finding.token}{info.again}")
    else:
        page.command("Without files", documents.seed_line(row, info))
    page.command("As a script", f"needle replay {finding.replay_id} --script")


def grid(
    page: Page, titles: Sequence[str], rows: Sequence[Sequence[str]], margin: int = 17
) -> None:
    """Add a small table without lines: the first column aligned left, the others right."""
    widths = [max(len(row[i]) for row in (titles, *rows)) for i in range(len(titles))]

    def drawn(cells: Sequence[str]) -> str:
        first = f"{cells[0]:<{widths[0]}}"
        rest = [f"{cells[i]:>{widths[i]}}" for i in range(1, len(cells))]
        return "   ".join([first, *rest])

    if margin + sum(widths) + 3 * (len(widths) - 1) > page.columns:
        margin = 4
    page.pieces((" " * margin + drawn(titles), "dim"))
    for row in rows:
        page.pieces((" " * margin + drawn(row), ""))


def _cause(finding: FindingView) -> str:
    certainty = f"\n({finding.certainty})" if finding.certainty else ""
    return finding.cause + certainty


def _inputs(case: CaseView) -> str:
    """Return inputs, parameters and output gradient of a case on one line."""
    if case.record is None:
        words = [f"{name}: shape {shape_word(shape)}" for name, shape in case.shapes.items()]
        return "   ".join(words) or case.label
    return "   ".join(_words(case.record)) or "no inputs"


def _words(record: Record) -> list[str]:
    words = [_assigned(name, array) for name, array in leaves(record)]
    words += [f"{name} = {param_text(data)}" for name, data in record["params"].items()]
    for place, array in enumerate(record["cotangent"] or ()):
        many = f" {place}" if len(record["cotangent"]) > 1 else ""
        words.append(_assigned(f"output gradient{many}", array))
    return words


def _assigned(name: str, array: Record) -> str:
    text = array_text(array)
    shape = array["shape"]
    if text.startswith("shape"):
        return f"{name}: {text}"
    if len(array["values"]) > 1 or len(shape) == 1:
        return f"{name} = {text}"
    return f"{name}: {shape_word(shape)} = {text}" if len(shape) != 1 else f"{name} = {text}"


def _entries(elements: Sequence[Spot], most: int) -> list[Spot]:
    """Return the elements to show: all if they are few, else the wrong ones first, in order."""
    if len(elements) <= most:
        return list(elements)
    wrong = [element for element in elements if element.wrong][:most]
    return wrong or list(elements[:most])


def _rest(page: Page, elements: Sequence[Spot], shown: Sequence[Spot]) -> None:
    if len(shown) < len(elements):
        wrong = sum(e.wrong for e in elements) - sum(e.wrong for e in shown)
        tail = f", {wrong} of them wrong" if wrong else ""
        page.line(f"{' ' * 17}… {len(elements) - len(shown)} more elements{tail}")


def _difference(spot: Spot) -> str:
    if spot.analytic is None or spot.numeric is None:
        return "–"
    return small(abs(spot.analytic - spot.numeric))


def _ratio(spot: Spot) -> str:
    if spot.analytic is None or not spot.numeric:
        return "–"
    return brief(spot.analytic / spot.numeric + 0.0)
