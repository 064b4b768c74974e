"""kink: the gradient at declared points without a derivative, and at closed ends of domains.

Every output is judged separately, with a one-hot cotangent. If it is convex or concave, its
gradient has to lie between the left and the right slope along every direction. Then the gradient is
compared with the spec's convention. If the slopes contradict the curvature that the spec states,
the spec is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import NOTHING, Question, merge
from needle_cli.checking.claims import Claims, Kink
from needle_cli.checking.domains.registry import domain_of
from needle_cli.checking.kinks.base import Place
from needle_cli.checking.kinks.registry import kink_of
from needle_cli.checking.model import (
    Answer,
    Array,
    Code,
    Finding,
    OpUnderTest,
    Plan,
    Status,
    Structure,
    Verdict,
)
from needle_cli.checking.numerics.directional import MOST_COORDINATES, DirectionalDerivatives
from needle_cli.checking.numerics.one_sided import Allows, OneSidedSlopes
from needle_cli.checking.point import Subject

LARGEST = MOST_COORDINATES
"""Most entries of a case that is judged: the slopes along every coordinate are measured."""

MOST_OUTPUTS = 12
"""Most outputs that are judged, those at a kink first. Chosen."""

ROUNDINGS = 8 * 2.0**-52
"""Allowed relative difference from a convention, eight roundings: 1/3 has no exact double."""


class KinkCheck(Check):
    """Whether the gradient at declared kinks and closed ends follows the spec."""

    name = "kink"
    numbers = "kink"
    needs_gradient = True
    most = 24
    """A case is expensive: every output along every coordinate. Tuned on the shipped specs."""

    def why_not(self, op: OpUnderTest, claims: Claims, plan: Plan) -> str:
        """Return a reason if the operator has no kink and no closed end."""
        text = "the spec declares no [[kink]], and no domain has a closed end"
        return super().why_not(op, claims, plan) or ("" if concerns(claims) else text)

    def wants(
        self, op: OpUnderTest, claims: Claims, structure: Structure, turn: int
    ) -> tuple[str, ...]:
        """Run at kinks and closed ends, if there are any and the structure is small enough."""
        fits = concerns(claims) and 0 < structure.size() <= LARGEST
        return (self.numbers,) if fits else ()

    def conclude(
        self, claims: Claims, examples: int, met: frozenset[int]
    ) -> tuple[Status, str] | None:
        """Fail if the spec declares a kink that was observed at no case."""
        text = unmet(claims, met)
        if text and not examples:
            unseen = "no case is small enough to be put on the declared kinks"
            return Status.CANNOT_TELL, unseen
        return (Status.FAIL, text) if text else None

    def ask(self, question: Question) -> Answer:
        """Judge every output of a case that lies on declared kinks or on closed ends."""
        claims, subject = question.claims, question.wide
        if claims is None or "kink" not in question.case.tags:
            return NOTHING
        if not subject.judged or not subject.vector.size or subject.case.size() > LARGEST:
            return NOTHING
        with np.errstate(all="ignore"):
            return Site(question, claims).judge(claims.kinks)


def concerns(claims: Claims) -> bool:
    """Return True if an operator has declared kinks or a domain with a closed end."""
    return bool(claims.kinks) or any(
        domain_of(claim.domain).closed_ends and claim.differentiable
        for claim in claims.inputs.values()
    )


def unmet(claims: Claims, met: frozenset[int]) -> str:
    """Return a message about the declared kinks that no case has shown, or ""."""
    words = []
    for number, kink in enumerate(claims.kinks):
        judged = any(claims.inputs[name].differentiable for name in kink.of)
        if number not in met and judged:
            at = f" at {kink.value}" if kink_of(kink).takes_value else ""
            words.append(f"the {kink.kind} of {' and '.join(kink.of)}{at}")
    if not words:
        return ""
    return (
        f"the spec declares a kink that no case has shown: {', '.join(words)}; "
        "left and right slope agree wherever it was tried"
    )


@dataclass(frozen=True)
class _Output:
    """One output: its gradient, and its one-sided slopes along coordinates."""

    number: int
    gradients: list[Array]
    sides: dict[Place, OneSidedSlopes]

    def value(self, place: Place, position: int) -> float:
        """Return the gradient's entry at a place of the judged leaf `position`."""
        return float(self.gradients[position].reshape(-1)[place[1]])

    def kinked(self) -> frozenset[Place]:
        """Return the entries along which left and right slope differ."""
        return frozenset(p for p, side in self.sides.items() if side.kinds[1][self.number])

    def lost(self) -> frozenset[Place]:
        """Return the entries along which there is no finite slope."""
        return frozenset(p for p, side in self.sides.items() if side.kinds[2][self.number])


class Site:
    """One case on its kinks with the slopes around it, whatever the spec declares."""

    def __init__(self, question: Question, claims: Claims) -> None:
        self.subject = question.wide
        self.claims = claims
        rng = question.rng("kink")
        self.directional = DirectionalDerivatives(
            self.subject, rng, question.tangent, _inside(self.subject, claims)
        )
        self.kinks: Sequence[Kink] = ()
        self.on: list[frozenset[Place]] = []
        judged = self.subject.judged
        self.sides = {(judged[k], j): side for (k, j), side in self.directional.coordinates()}
        self.position = {i: k for k, i in enumerate(judged)}
        self._answers_of: dict[int, list[Array]] = {}

    def judge(self, kinks: Sequence[Kink]) -> Answer:
        """Return one answer for all outputs, with `kinks` as the declared ones."""
        self.kinks = kinks
        self.on = [kink_of(kink).places(self.subject.case) for kink in kinks]
        convex, concave = self.directional.curvature
        rough = ~(convex & concave)
        for side in self.directional.measured:
            _, kinked, lost = side.kinds
            rough |= kinked | lost
        order = [*np.flatnonzero(rough), *np.flatnonzero(~rough)]
        return merge([self._output(int(j)) for j in order[:MOST_OUTPUTS]])

    def _output(self, j: int) -> Answer:
        output = _Output(j, self.gradients(j), self.sides)
        rough = output.kinked() | output.lost()
        met = [k for k, on in enumerate(self.on) if on & rough]
        if not rough and not self._smooth(j):
            # At a tie of a median every coordinate looks smooth. So only the kinks that several
            # entries share count here: a direction that is not smooth may also cross a point kink
            # of another entry.
            shared = [k for k, kink in enumerate(self.kinks) if kink_of(kink).shared]
            met = [k for k in shared if self.on[k]]
        kinks = [self.kinks[k] for k in met]
        found = (
            self._not_finite(output, kinks)
            or self._contradiction(output, kinks)
            or self._interval(output, kinks)
            or self._conventions(output, met, rough)
        )
        if found is not None:
            return Answer(Verdict.FAIL, (found,), 1e9, probes={Verdict.FAIL: 1}, met=frozenset(met))
        undecided = bool(output.lost()) and not any(k.convention is not None for k in kinks)
        verdict = Verdict.NO_DERIVATIVE if undecided else Verdict.PASS
        return Answer(Verdict.PASS, probes={verdict: 1}, met=frozenset(met))

    def gradients(self, j: int) -> list[Array]:
        """Return the gradients of one output alone."""
        if j not in self._answers_of:
            self._answers_of[j] = self.subject.gradients_of(j)
        return self._answers_of[j]

    def _smooth(self, j: int) -> bool:
        convex, concave = self.directional.curvature
        return bool(convex[j] and concave[j])

    def _finding(
        self, code: Code, message: str, place: Place | None = None, **numbers: float
    ) -> Finding:
        if place is None:
            names = self.subject.judged_names
            return _finding(code, names[0], None, message, **numbers)
        leaf = self.subject.leaves[place[0]]
        index = tuple(int(k) for k in np.unravel_index(place[1], leaf.shape))
        name = self.subject.names[place[0]]
        at = name + (str(list(index)) if index else "")
        text = f"at {at} = {float(leaf[index])!r}: {message}"
        return _finding(code, name, index, text, **numbers)

    def _not_finite(self, output: _Output, kinks: Sequence[Kink]) -> Finding | None:
        """Find NaN or infinity where slopes are finite, unless infinity is the convention."""
        wanted = any(isinstance(k.convention, float) and np.isinf(k.convention) for k in kinks)
        for i, k in self.position.items():
            g = output.gradients[k].reshape(-1)
            for flat in np.flatnonzero(~np.isfinite(g)):
                side = self.sides.get((i, int(flat)))
                if side is None or side.kinds[2][output.number] or (wanted and np.isinf(g[flat])):
                    continue
                left, right = (float(s.slope[output.number]) for s in (side.left, side.right))
                text = f"the gradient is {g[flat]}, the one-sided slopes are finite"
                unit = self._unit((i, int(flat)))
                slope = left if np.isfinite(left) else right
                return self._finding(
                    Code.NOT_FINITE,
                    text,
                    (i, int(flat)),
                    analytic=float(g[flat]),
                    numeric=slope / unit,
                )
        return None

    def _contradiction(self, output: _Output, kinks: Sequence[Kink]) -> Finding | None:
        """Find a curvature in the spec that the slopes contradict."""
        words = {kink.curvature for kink in kinks}
        if len(words) != 1 or any(s.kinds[2][output.number] for s in self.directional.measured):
            return None
        (word,) = words
        convex, concave = (bool(mask[output.number]) for mask in self.directional.curvature)
        if (word == "convex" and not convex) or (word == "concave" and not concave):
            seen = "concave" if concave else "convex" if convex else "neither convex nor concave"
            text = f'the spec is wrong: it says curvature = "{word}", the slopes say {seen}'
            return self._finding(Code.CURVATURE, text)
        return None

    def _interval(self, output: _Output, kinks: Sequence[Kink]) -> Finding | None:
        """Find a direction along which the gradient lies outside the one-sided slopes."""
        convex, concave = (bool(mask[output.number]) for mask in self.directional.curvature)
        unjudged = any(kink.curvature == "none" for kink in kinks) or not (convex or concave)
        if unjudged or not all(np.isfinite(g).all() for g in output.gradients):
            return None
        found = self.directional.outside(output.number, output.gradients)
        if found is None:
            return None
        span = f"[{found.low:.6g}, {found.high:.6g}]"
        if found.place is None:
            text = (
                f"along a direction of several entries the gradient gives {found.analytic:.6g}, "
                f"the one-sided slopes are {span}"
            )
            return self._finding(
                Code.OUTSIDE_SLOPES,
                text,
                analytic=found.analytic,
                numeric=found.nearest,
                allowed=found.allowed,
            )
        place = (self.subject.judged[found.place[0]], found.place[1])
        unit = self._unit(place)
        span = f"[{found.low / unit:.6g}, {found.high / unit:.6g}]"
        text = f"the gradient is {found.analytic / unit:.6g}, the one-sided slopes are {span}"
        if found.low == found.high:
            text = f"the gradient is {found.analytic / unit:.6g}, the slope {found.low / unit:.6g}"
        return self._finding(
            Code.OUTSIDE_SLOPES,
            text,
            place,
            analytic=found.analytic / unit,
            numeric=found.nearest / unit,
            allowed=found.allowed / unit,
        )

    def _unit(self, place: Place) -> float:
        """Return the length of the coordinate direction at a place."""
        k = self.directional.places.index((self.position[place[0]], place[1]))
        direction = self.directional.directions[k][self.position[place[0]]]
        return float(direction.reshape(-1)[place[1]]) or 1.0

    def _conventions(
        self, output: _Output, met: Sequence[int], rough: frozenset[Place]
    ) -> Finding | None:
        """Find a gradient that is not the spec's convention: a number, or a way to share."""
        for k in met:
            kink = self.kinks[k]
            places = sorted((self.on[k] & rough) or self._tied_to(kink, output))
            places = [p for p in places if p[0] in self.position and p in self.sides]
            if kink.convention is None or not places:
                continue
            found = self._unconventional(kink, output, places)
            if found is not None:
                place, got, wanted = found
                text = (
                    f"the gradient is {got!r}, the spec's convention {kink.convention!r} "
                    f"asks for {wanted!r}"
                )
                return self._finding(
                    Code.CONVENTION, text, place, analytic=got, numeric=wanted, allowed=0.0
                )
        return None

    def _tied_to(self, kink: Kink, output: _Output) -> set[Place]:
        """Return the tied entries of the groups in which an output's gradient is not zero."""
        case = self.subject.case
        found: set[Place] = set()
        for group in kink_of(kink).groups(case):
            mine = [p for p in group if p[0] in self.position]
            if any(output.value(p, self.position[p[0]]) != 0 for p in mine):
                found |= set(mine)
        return found

    def _unconventional(
        self, kink: Kink, output: _Output, places: list[Place]
    ) -> tuple[Place, float, float] | None:
        """Return the first entry that differs from the convention, with both numbers."""
        got = [output.value(p, self.position[p[0]]) for p in places]
        wanted = self._wanted(kink, output, places, got)
        for place, a, b in zip(places, got, wanted, strict=True):
            slack = ROUNDINGS * max(abs(a), abs(b)) if np.isfinite(b) else 0.0
            if kink.convention in ("left", "right"):
                slack = float(self.sides[place].tolerance[output.number]) / self._unit(place)
            if a == b or abs(a - b) <= slack or (a == 0 and self._twin(output, place) == b):
                continue
            return place, a, b
        return None

    def _twin(self, output: _Output, place: Place) -> float | None:
        """Return the gradient at the mirrored entry of a symmetric input; None for other inputs.

        Both entries move together, so one of the two may carry the gradient of both.
        """
        owner = self.subject.case.leaf_owners()[place[0]]
        claim = self.claims.inputs_at(self.subject.case.tags)[owner]
        if not domain_of(claim.domain).mirrored:
            return None
        shape = self.subject.leaves[place[0]].shape
        *lead, i, j = (int(n) for n in np.unravel_index(place[1], shape))
        mirrored = int(np.ravel_multi_index((*lead, j, i), shape))
        return output.value((place[0], mirrored), self.position[place[0]])

    def _wanted(
        self, kink: Kink, output: _Output, places: list[Place], got: list[float]
    ) -> list[float]:
        """Return the gradient that the convention gives every entry; their sum is left as it is."""
        word = kink.convention
        if isinstance(word, int | float):
            first = min(p[0] for p in places)
            return kink_of(kink).divided(float(word), got, [p[0] == first for p in places])
        if word == "zero":
            return [0.0] * len(places)
        if word in ("left", "right"):
            return [
                float(getattr(self.sides[p], word).slope[output.number]) / self._unit(p)
                for p in places
            ]
        total = sum(got)
        if word == "even":
            return [total / len(places)] * len(places)
        rank = {"first": 0, "last": len(places) - 1}.get(word, self._rank(output.number, places))
        return [total if k == rank else 0.0 for k in range(len(places))]

    def _rank(self, j: int, places: list[Place]) -> int:
        """Return the rank of an output among those that share the same tie, for "stable"."""
        values = self.subject.vector
        alike = [
            i for i in range(values.size) if values[i] == values[j] and self._answers(i, places)
        ]
        return alike.index(j) % len(places) if j in alike else 0

    def _answers(self, i: int, places: list[Place]) -> bool:
        """Return True if an output depends on exactly these tied entries.

        Along coordinates the first and the last output of a tie have a kink. Those between look
        smooth, so their gradients decide.
        """
        kinked = {p for p, side in self.sides.items() if side.kinds[1][i]}
        if kinked:
            return kinked == set(places)
        gradients = self.gradients(i)
        touched = {
            (leaf, int(flat))
            for leaf, k in self.position.items()
            for flat in np.flatnonzero(gradients[k])
        }
        return bool(touched) and touched <= set(places)


def _finding(
    code: Code, name: str, index: tuple[int, ...] | None, message: str, **numbers: float
) -> Finding:
    return Finding(
        "kink",
        code,
        name,
        index,
        numbers.get("analytic"),
        numbers.get("numeric"),
        numbers.get("allowed"),
        message=message,
    )


def _inside(subject: Subject, claims: Claims) -> Allows | None:
    """Return the test that keeps steps inside closed domains, or None if there are none.

    At a closed end only directions that point inside have a slope, and it is one-sided.
    """
    inputs = claims.inputs_at(subject.case.tags)
    owners = subject.case.leaf_owners()
    domains = [domain_of(inputs[owners[i]].domain) for i in subject.judged]
    leaves = [subject.leaves[i] for i in subject.judged]

    def allows(direction: Sequence[Array], side: int) -> bool:
        # One-sided slopes use powers of two times the direction as steps, the largest an eighth.
        return all(
            bool(domain.inside(leaf + side * 2.0**-12 * u).all() or not u.any())
            for domain, leaf, u in zip(domains, leaves, direction, strict=True)
        )

    return allows if any(domain.closed_ends for domain in domains) else None
