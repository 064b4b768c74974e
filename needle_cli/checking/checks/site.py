"""What the one-sided slopes around a case on its kinks say of the gradient there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from needle_cli.checking.checks.context import Question, merge
from needle_cli.checking.checks.conventions import tied_to, unconventional
from needle_cli.checking.checks.surroundings import Output, Surroundings
from needle_cli.checking.claims import Claims, Kink
from needle_cli.checking.kinks.base import Place
from needle_cli.checking.kinks.registry import kink_of
from needle_cli.checking.model import Answer, Code, Finding, Verdict
from needle_cli.checking.numerics.one_sided import usable
from needle_cli.checking.point import inner

MOST_OUTPUTS = 12
"""Most outputs that are judged, those at a kink first. Chosen."""


class Site(Surroundings):
    """One case on its kinks with the slopes around it, whatever the spec declares.

    Every output is judged separately, with a one-hot cotangent. If it is convex or concave, its
    gradient has to lie between the left and the right slope along every direction. Along a
    direction in which equal entries stay equal there is one slope, whatever the curvature. Then
    the gradient is compared with the spec's convention. If the slopes contradict the curvature
    that the spec states, the spec is wrong.
    """

    def __init__(self, question: Question, claims: Claims) -> None:
        super().__init__(question, claims)
        self.kinks: Sequence[Kink] = ()
        self.on: list[frozenset[Place]] = []

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
        return merge([self._judged(int(j)) for j in order[:MOST_OUTPUTS]])

    def _judged(self, j: int) -> Answer:
        output = Output(j, self.gradients(j), self.sides)
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
            or self._alone(output, met)
            or self._total(output, met)
            or self._convention(output, met, rough)
        )
        if found is not None:
            return Answer(Verdict.FAIL, (found,), 1e9, probes={Verdict.FAIL: 1}, met=frozenset(met))
        undecided = bool(output.lost()) and not any(k.convention is not None for k in kinks)
        verdict = Verdict.NO_DERIVATIVE if undecided else Verdict.PASS
        return Answer(Verdict.PASS, probes={verdict: 1}, met=frozenset(met))

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

    def _not_finite(self, output: Output, kinks: Sequence[Kink]) -> Finding | None:
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
                unit = self.unit((i, int(flat)))
                slope = left if np.isfinite(left) else right
                return self._finding(
                    Code.NOT_FINITE,
                    text,
                    (i, int(flat)),
                    analytic=float(g[flat]),
                    numeric=slope / unit,
                )
        return None

    def _contradiction(self, output: Output, kinks: Sequence[Kink]) -> Finding | None:
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

    def _interval(self, output: Output, kinks: Sequence[Kink]) -> Finding | None:
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
        numbers = (found.analytic, found.nearest, found.allowed, found.low, found.high)
        return self._outside(place, self.unit(place), *numbers)

    def _outside(
        self,
        place: Place,
        unit: float,
        analytic: float,
        nearest: float,
        allowed: float,
        low: float,
        high: float,
    ) -> Finding:
        """Return the finding of an entry whose gradient times `unit` is outside [low, high]."""
        slopes = f"the one-sided slopes are [{low / unit:.6g}, {high / unit:.6g}]"
        if low == high:
            slopes = f"the slope {low / unit:.6g}"
        return self._finding(
            Code.OUTSIDE_SLOPES,
            f"the gradient is {analytic / unit:.6g}, {slopes}",
            place,
            analytic=analytic / unit,
            numeric=nearest / unit,
            allowed=allowed / unit,
        )

    def _alone(self, output: Output, met: Sequence[int]) -> Finding | None:
        """Find an entry on a kink of its own, without convention, outside its two slopes.

        The projections of an output that is neither convex nor concave are not judged otherwise.
        """
        for k in met:
            kink = self.kinks[k]
            if kink_of(kink).shared or kink.convention is not None or kink.curvature != "none":
                continue
            for place in sorted(self.on[k] & output.kinked()):
                side = self.sides[place]
                got = output.value(place, self.position[place[0]]) * self.unit(place)
                low, high = sorted(float(s.slope[output.number]) for s in (side.left, side.right))
                margin = float(side.tolerance[output.number])
                if not low - margin <= got <= high + margin:
                    nearest = low if got < low else high
                    return self._outside(place, self.unit(place), got, nearest, margin, low, high)
        return None

    def _total(self, output: Output, met: Sequence[int]) -> Finding | None:
        """Find equal entries whose gradients do not add up to the slope when they move together.

        They stay equal, so that a sort, a median or a window's maximum has a slope, however the
        gradient is shared among them.
        """
        for kink in (self.kinks[k] for k in met):
            for group in kink_of(kink).groups(self.subject.case):
                if kink.convention == "zero" or not group <= self.sides.keys():
                    continue
                direction, side = self.moved(group)
                slope = float(side.slope()[0][output.number])
                smooth = side.kinds[0] & usable(side.left) & usable(side.right)
                got, margin = inner(output.gradients, direction), side.tolerance[output.number]
                if not smooth[output.number] or not abs(got - slope) > margin:
                    continue
                unit = max(float(np.max(np.abs(u), initial=0.0)) for u in direction)
                text = (
                    f"the gradients of {len(group)} equal entries add up to {got / unit:.6g}; "
                    f"if they move together, the slope is {slope / unit:.6g}"
                )
                numbers = {"analytic": got, "numeric": slope, "allowed": float(margin)}
                numbers = {word: number / unit for word, number in numbers.items()}
                return self._finding(Code.OUTSIDE_SLOPES, text, min(group), **numbers)
        return None

    def _convention(
        self, output: Output, met: Sequence[int], rough: frozenset[Place]
    ) -> Finding | None:
        """Find a gradient that is not the spec's convention: a number, or a way to share."""
        for k in met:
            kink = self.kinks[k]
            places = sorted((self.on[k] & rough) or tied_to(self, kink, output))
            places = [p for p in places if p[0] in self.position and p in self.sides]
            if kink.convention is None or not places:
                continue
            found = unconventional(self, kink, output, places)
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
