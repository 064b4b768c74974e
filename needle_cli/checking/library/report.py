"""The library's result: a verdict, the findings, and a readable text."""

from __future__ import annotations

from dataclasses import dataclass, field

from needle_cli.checking.model import Element, Finding, Verdict

SHOWN = 8
"""How many wrong entries are printed. Chosen."""


class GradientError(AssertionError):
    """Raised by `raise_for_findings`; the text is the report."""


@dataclass(frozen=True)
class Report:
    """The result of `check_function` and `check_pair`.

    `verdict` is one of pass, fail, no_derivative, cannot_tell. `passed` is true only for pass;
    `findings` is empty unless the verdict is fail. In `elements`, wrong entries have the slope of
    one output, named in `of`; the others belong to the output gradient that was drawn.
    """

    name: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    elements: tuple[Element, ...] = ()
    seed: int = 0
    asked: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether every check that was asked passed."""
        return self.verdict is Verdict.PASS

    def raise_for_findings(self) -> None:
        """Raise `GradientError` (an `AssertionError`) if there is a finding."""
        if self.findings:
            raise GradientError(str(self))

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.verdict} (asked: {', '.join(self.asked)}; seed {self.seed})"]
        for finding in self.findings:
            lines.append(f"  {finding.check}: {finding.message or finding.cause}")
            if finding.cause and finding.message:
                lines.append(f"    likely cause: {finding.cause}")
            if finding.analytic is not None and finding.numeric is not None:
                at = finding.input + ("" if finding.index is None else str(list(finding.index)))
                lines.append(
                    f"    {at}: analytic {finding.analytic:.10g}, numeric {finding.numeric:.10g}"
                    + ("" if finding.allowed is None else f", allowed {finding.allowed:.2g}")
                )
        wrong = [element for element in self.elements if element.wrong]
        shown = wrong[:SHOWN] if len(wrong) > 1 else []
        lines.extend(f"    {slope(element)}" for element in shown)
        if len(wrong) > SHOWN:
            lines.append(f"    and {len(wrong) - SHOWN} more entries")
        lines.extend(f"  note: {note}" for note in self.notes)
        return "\n".join(lines)


def slope(element: Element) -> str:
    """Return a wrong entry in words: the slope, or the product with the output gradient."""
    at = f"{element.input}{list(element.index)}" if element.index else element.input
    if not element.of:
        at = f"{at}, summed over outputs times the output gradient"
        return f"{at}: analytic {element.analytic:.10g}, numeric {element.numeric:.10g}"
    return (
        f"the slope of {element.of} along {at} is {element.numeric:.10g}, "
        f"the gradient says {element.analytic:.10g}"
    )
