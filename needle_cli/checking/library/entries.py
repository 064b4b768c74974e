"""The wrong entries of a gradient, each with the slope of one output along one input entry.

The checks compare projections: sums over all outputs, weighted by a random output gradient. A
reader knows none of these weights. So for every wrong entry an output is looked for in which it
shows, and what is printed is the slope of that output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from needle_cli.checking.checks.context import Question
from needle_cli.checking.model import Array, Element, Garbage, OperatorError
from needle_cli.checking.numerics.line import Line
from needle_cli.checking.numerics.localise import elements
from needle_cli.checking.numerics.probes import unit_direction
from needle_cli.checking.numerics.steps import FAST_STEP
from needle_cli.checking.point import Subject, is_floating

MOST = 64
"""Most wrong entries whose slope is looked for. Chosen: more than are printed."""

TRIED = 4
"""Most outputs that are tried for one entry where there are many. Chosen."""

BENT = 1e-3
"""Relative difference of the slopes on both sides, at two steps, that shows a kink. Chosen: far
above the curvature that such steps see."""


def table_of(question: Question) -> list[Element]:
    """Return analytic and numeric entries of the gradient; the wrong ones as slopes."""
    subject = question.wide
    try:
        table = elements(subject, question.cotangent, question.tangent)
        slopes = Slopes(subject, question.cotangent)
        chosen = [e for e in table if e.wrong][:MOST]
        return [slopes.at(e) if e in chosen else e for e in table]
    except (OperatorError, Garbage):
        return []


class Slopes:
    """Single slopes of an operator at one point."""

    def __init__(self, subject: Subject, cotangent: Array) -> None:
        self.subject, self.cotangent = subject, cotangent
        self._gradients: dict[int, list[Array]] = {}

    def at(self, element: Element) -> Element:
        """Return a wrong entry as the slope of the output in which it is most wrong.

        It is returned as not wrong if it lies within the slopes on both sides of a kink, and as it
        is if it is right for every single output: such a gradient is not linear.
        """
        position = self.subject.judged_names.index(element.input)
        line = Line(self.subject, unit_direction(self.subject, position, element.index))
        length = float(line.direction[position][element.index])
        column = line.slope(FAST_STEP) / length
        alone = np.count_nonzero(column) == 1
        found = element
        for k in self._outputs(column):
            analytic = float(self._gradient(k)[position][element.index])
            numeric = float(column[k])
            weight = float(self.cotangent[k])
            if alone and numeric != 0 and np.isfinite(element.numeric):
                numeric = element.numeric / weight
            allowed = element.allowed / abs(weight)
            if abs(analytic - numeric) <= allowed:
                continue
            if self._within(line, k, length, analytic):
                found = replace(element, wrong=False)
                continue
            return replace(
                element,
                analytic=analytic,
                numeric=numeric,
                allowed=allowed,
                of=output_name(self.subject, k),
            )
        return found

    def _outputs(self, column: Array) -> Sequence[int]:
        """Return the outputs to try: those that move most; all others too if they are few."""
        share = np.where(np.isfinite(column), np.abs(self.cotangent * column), 0.0)
        order = [int(k) for k in np.argsort(-share, kind="stable")]
        order = order if len(order) <= MOST else order[:TRIED]
        return [k for k in order if self.cotangent[k] != 0]

    def _gradient(self, output: int) -> list[Array]:
        if output not in self._gradients:
            self._gradients[output] = self.subject.gradients_of(output)
        return self._gradients[output]

    def _within(self, line: Line, k: int, length: float, analytic: float) -> bool:
        """Whether a slope lies between those on both sides of a kink of output `k`."""
        for step in (FAST_STEP, FAST_STEP / 8):
            origin = line.origin[k]
            sides = [
                (line.at(side * step)[k] - origin) / (side * step * length) for side in (1, -1)
            ]
            low, high = min(sides), max(sides)
            size = max(abs(low), abs(high))
            bent = high - low > BENT * size
            if not (bent and low - BENT * size <= analytic <= high + BENT * size):
                return False
        return True


def output_name(subject: Subject, k: int) -> str:
    """Return the name of an entry of the output: `output[2, 1]`, or `output 1[2]` of several."""
    outputs = subject.evaluation.outputs
    for number, out in enumerate(outputs):
        if not is_floating(out):
            continue
        if k < out.size:
            name = "output" if len(outputs) == 1 else f"output {number}"
            index = [int(i) for i in np.unravel_index(k, out.shape)]
            return f"{name}{index}" if out.ndim else name
        k -= out.size
    return "output"
