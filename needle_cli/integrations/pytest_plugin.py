"""`pytest --needle`: one test per operator and check, for projects that use pytest.

The operators and settings are those of `needle check`: `[tool.needle]` and `NEEDLE_*` apply.
Without `--needle` nothing is imported and nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from needle_cli.operators.unit import Unit
    from needle_cli.reports.events import Row, RunInfo
    from needle_cli.settings import Settings


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--needle` and `--needle-ops`."""
    group = parser.getgroup("needle", "gradients of operators")
    group.addoption("--needle", action="store_true", help="one test per operator and check")
    group.addoption(
        "--needle-ops", action="append", default=[], metavar="NAME|GLOB|PATH.py",
        help="operators to test (repeatable; default: all of the engine's)",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker by which these tests can be selected: `-m needle`."""
    config.addinivalue_line("markers", "needle: a check of an operator's gradient")
    config.addinivalue_line("markers", "xdist_group(name): run in one worker (pytest-xdist)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the tests, before other plugins select among them."""
    if config.getoption("--needle"):
        items.extend(_tests(session, config))


def _tests(session: pytest.Session, config: pytest.Config) -> Iterator[pytest.Item]:
    from needle_cli.operators.selection import select
    from needle_cli.problems import Problem
    from needle_cli.running.session import chosen_checks
    from needle_cli.settings import resolve

    try:
        settings = resolve({})
        units = select(config.getoption("--needle-ops"), settings)
        checks = chosen_checks(settings)
    except Problem as problem:
        raise pytest.UsageError(f"needle: {problem}") from problem
    judge = Judge(settings)
    root = Root.from_parent(session, name="needle")
    for unit in units:
        parent = Operator.from_parent(root, name=unit.name, unit=unit, judge=judge)
        for device in settings["device"]:
            for dtype in settings["dtype"]:
                for check in checks if unit.spec and unit.exists else ("spec",):
                    yield Check.from_parent(
                        parent, name=f"{check}[{device}-{dtype}]", place=(check, device, dtype)
                    )


class Judge:
    """Judges an operator in a worker process when the first of its tests runs, one at a time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._rows: dict[str, list[Row]] = {}
        self._info: RunInfo | None = None

    def rows(self, unit: Unit) -> tuple[list[Row], RunInfo]:
        """Return the rows of an operator, and what the run was asked."""
        from needle_cli.running.session import Run

        if unit.name not in self._rows:
            run = Run([unit], self.settings, ("pytest", "--needle"), [], lambda text: None)
            self._rows[unit.name] = list(run.go().rows)
            self._info = run.info
        assert self._info is not None
        return self._rows[unit.name], self._info


class Root(pytest.Collector):
    """The parent of all operators."""

    def collect(self) -> list[Any]:
        """Return nothing: the tests are added one by one."""
        return []


class Operator(Root):
    """One operator."""

    def __init__(self, *, unit: Unit, judge: Judge, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit, self.judge = unit, judge


class Refused(Exception):
    """A check has a finding or stayed unanswered; the text is that of the screen."""


class Check(pytest.Item):
    """One check of one operator on one device in one dtype."""

    def __init__(self, *, place: tuple[str, str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.place = place
        self.add_marker("needle")
        self.add_marker(pytest.mark.xdist_group(self._operator.unit.name))

    @property
    def _operator(self) -> Operator:
        parent = self.parent
        assert isinstance(parent, Operator)
        return parent

    def runtest(self) -> None:
        """Run the check, and raise what the screen would show."""
        operator = self._operator
        rows, info = operator.judge.rows(operator.unit)
        row = next((r for r in rows if (r.check, r.device, r.dtype) == self.place), None)
        row = row or next((r for r in rows if r.is_open), None)
        if row is None:
            pytest.skip("not asked")
        if row.status == "not_applicable":
            pytest.skip(row.reason)
        if row.status == "known":
            pytest.xfail(row.reason)
        if row.is_open:
            raise Refused(_screen(row, info, rows))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Show a finding as the command does, without our traceback."""
        if isinstance(excinfo.value, Refused):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Return file and line of `def gradient`."""
        unit = self._operator.unit
        return unit.path or "needle", max(unit.line - 1, 0), f"{unit.name} {self.name}"


def _screen(row: Row, info: RunInfo, rows: list[Row]) -> str:
    from needle_cli.console import WIDTH, harmless
    from needle_cli.reports.terminal import details
    from needle_cli.reports.terminal.page import Page

    page = Page(False, WIDTH)
    details.show(page, row, info, "full", (), rows)
    return harmless(page.text())
