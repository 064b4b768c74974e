"""`--against REF`: where a change asks for less than REF, and what the judge of REF says of it.

A change that edits an operator together with its spec, reference or settings brings its own judge.
So everything that the judge reads is compared with REF, and the operators of which it differs are
judged a second time with what REF has. They have to pass both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from needle_cli.gate import previous_judge
from needle_cli.gate.comparison import CONFIG, Comparison, compare
from needle_cli.gate.git import NoBase
from needle_cli.gate.weakening import Weakening
from needle_cli.operators.unit import Unit
from needle_cli.problems import Problem, shown_path
from needle_cli.reports.events import ACCEPTED, GATE, NOTED, FindingView, Row
from needle_cli.settings import Settings
from needle_cli.specs.document import Document
from needle_cli.specs.lines import key_lines
from needle_cli.specs.reasons import explains

BY_HAND = ("flag", "environment")
"""A reason that excuses a change must come from here, not from a file of the change itself."""

Lint = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
"""Asks a worker what the specs of users' files lack; the gate itself starts no worker."""


@dataclass(frozen=True)
class Remark:
    """One thing that the gate says.

    `excusable`: a reason may accept it. `noted`: it is only told.
    """

    op: str
    text: str
    path: str
    line: int = 1
    excusable: bool = True
    noted: bool = False


def rows(
    every: Sequence[Unit], units: Sequence[Unit], settings: Settings, lint: Lint | None = None
) -> list[Row]:
    """Return a row for every operator about which the gate has something to say.

    It fails if less is asked than at REF or if REF's own judge refuses it. What
    `--accept-weakening` accepts is known, and is still shown with its reason; what is only noted
    passes. `every` are all operators, `units` those that are judged. Without `lint`, only specs and
    settings are compared; nothing is linted or judged. Without `--against` there are no rows.

    Raises `Problem` if there is nothing to compare with (a change does not pass because history is
    missing), or if the change excuses itself.
    """
    ref = settings["against"]
    if not ref:
        return []
    reason = _reason(settings)
    try:
        found = compare(every, ref, settings)
    except NoBase as error:
        raise Problem(f"--against {ref}: {error}", kind="git") from error
    said: dict[str, list[tuple[str, FindingView]]] = {}
    for remark in _remarks(found, every, units, settings, lint):
        status, view = _told(remark, reason)
        said.setdefault(remark.op or GATE, []).append((status, view))
    return [_row(op, told, settings) for op, told in said.items()]


def _reason(settings: Settings) -> str:
    """Return the reason for which less is accepted; it is a person's, and says something."""
    for name in ("accept-weakening", "exit-zero"):
        if settings[name] and settings.origins[name] not in BY_HAND:
            text = (
                f"{name} is set in a file, where a change could excuse itself: give it as --{name}"
            )
            raise Problem(text, kind="config", path=CONFIG)
    reason: str = settings["accept-weakening"]
    if reason and not explains(reason):
        text = (
            f"--accept-weakening {reason!r} explains nothing: say in a few words why less is asked"
        )
        raise Problem(text)
    return reason


def _told(remark: Remark, reason: str) -> tuple[str, FindingView]:
    """Return the status that a remark gives its row, and the remark as it is shown."""
    view = FindingView(remark.text, path=remark.path, line=remark.line)
    if remark.noted:
        return "pass", replace(view, code=NOTED)
    if reason and remark.excusable:
        text = f"{remark.text} (accepted: {reason})"
        return "known", replace(view, message=text, code=ACCEPTED)
    return "fail", view


def _row(op: str, told: Sequence[tuple[str, FindingView]], settings: Settings) -> Row:
    """Return the row of what the gate says of one operator, the gravest first."""
    order = ("fail", "known", "pass")
    ranked = sorted(told, key=lambda item: order.index(item[0]))
    findings = tuple(view for _, view in ranked)
    status, first = ranked[0]
    reason = first.message if status == "fail" else "; ".join(view.message for view in findings)
    return Row(op, "against", settings["device"][0], settings["dtype"][0], status, reason,
               path=first.path, line=first.line, findings=findings)  # fmt: skip


def _remarks(
    found: Comparison,
    every: Sequence[Unit],
    units: Sequence[Unit],
    settings: Settings,
    lint: Lint | None,
) -> Iterator[Remark]:
    places = _Places(every)
    for item in found.weakenings:
        text = f"asks for less than {found.ref}: {item.text}"
        yield Remark(item.op, text, *places.of(item), excusable=not item.refused)
    for item in found.notes:
        text = f"new, and its spec asks for less than the default: {item.text}"
        yield Remark(item.op, text if item.op else item.text, *places.of(item), noted=True)
    if lint is None:
        return
    specified = {unit.name: unit for unit in units if unit.exists and unit.spec}
    sources = dict.fromkeys(unit.source for unit in specified.values())
    for issue in lint(list(sources)):
        if issue["op"] in specified:
            text = f"{issue['message']} [{issue['rule']}]"
            place = (issue["path"] or places.spec(issue["op"]), issue["line"] or 1)
            yield Remark(issue["op"], text, *place, excusable=False)
    again = found.judged_again(units)
    for op, text in previous_judge.refusals(found.change, found.config, again, settings):
        place = (places.spec(op), 1) if op else (CONFIG, 1)
        yield Remark(op, f"refused by the spec of {found.ref}: {text}", *place)


class _Places:
    """Where the keys of specs and settings stand, read once for every file."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = {unit.name: unit for unit in units}
        self._read: dict[str, Document] = {}

    def spec(self, op: str) -> str:
        """Return the path of an operator's spec, that of its file if it has none."""
        unit = self._units.get(op)
        if unit is None:
            return CONFIG
        return shown_path(Path(unit.spec)) if unit.spec else unit.path

    def of(self, item: Weakening) -> tuple[str, int]:
        """Return file and line of the key of a weakening."""
        path = item.path or self.spec(item.op)
        return path, self._document(path).line_of(item.key) if item.key else 1

    def _document(self, path: str) -> Document:
        if path not in self._read:
            try:
                lines = key_lines(Path(path).read_text("utf-8")) if path.endswith(".toml") else {}
            except (OSError, ValueError):
                lines = {}
            self._read[path] = Document(Path(path), {}, lines)
        return self._read[path]
