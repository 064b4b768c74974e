"""Kinks that an operator has and its spec does not declare: the entries that would, tried out.

Where a point without a derivative was met, the entries and outputs that have a left and a right
slope there suggest a `[[kink]]`. It is offered only after other cases have been put on it and have
shown it too; its curvature is what the slopes say there, its convention what the gradient answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from needle_cli.checking.checks import kink as kink_check
from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.checks.tally import Tally
from needle_cli.checking.claims import Claims, Kink
from needle_cli.checking.domains.registry import domain_of
from needle_cli.checking.generation.corners import corner_structures
from needle_cli.checking.generation.realise import realise
from needle_cli.checking.kinks.base import Place
from needle_cli.checking.kinks.registry import kink_of, special_first
from needle_cli.checking.model import (
    Case,
    Garbage,
    GeneratorError,
    OperatorError,
    OpUnderTest,
    Plan,
)
from needle_cli.checking.parameters.registry import kind_of

MOST_SITES = 6
MOST_TRIALS = 10
MOST_KINKS = 4

NO_REASON = "TODO: say why it is neither convex nor concave"


class Sight:
    """What is seen at one case: per output the entries without one slope, and the curvature."""

    def __init__(self, case: Case, site: kink_check.Site) -> None:
        self.case = case
        self.site = site
        convex, concave = site.directional.curvature
        self.convex: list[bool] = convex.tolist()
        self.concave: list[bool] = concave.tolist()
        self.rough = [
            frozenset(p for p, side in site.sides.items() if side.kinds[1][j] or side.kinds[2][j])
            for j in range(site.subject.vector.size)
        ]

    def entry(self, place: Place) -> float:
        """Return the number at a place of the inputs."""
        return float(self.case.leaves()[place[0]].reshape(-1)[place[1]])

    def answer(self, output: int, place: Place) -> float:
        """Return the gradient of an output at a place."""
        gradient = self.site.gradients(output)[self.site.position[place[0]]]
        return float(gradient.reshape(-1)[place[1]])

    def refuses(self, kink: Kink) -> bool:
        """Tell whether the gradient here is not what a kink declares."""
        return bool(self.site.judge((kink,)).findings)


class Undeclared:
    """Finds the kinks that are missing in the spec of one operator."""

    def __init__(self, op: OpUnderTest, claims: Claims, plan: Plan) -> None:
        self.op, self.claims, self.plan = op, claims, plan
        self.found: list[Kink] = []
        self.tried: list[Kink] = []

    def kinks(self, tallies: Mapping[str, Tally]) -> tuple[Kink, ...]:
        """Return the entries to add to the spec, none where nothing simple explains the cases."""
        cases = [e.case for t in tallies.values() for e in (*t.kinks, *t.at_kinks)]
        small = [case for case in cases if 0 < case.size() <= kink_check.LARGEST]
        for case in sorted(small, key=Case.size)[:MOST_SITES]:
            sight = self._look(case)
            if sight is None or len(self.found) >= MOST_KINKS or self._explained(sight):
                continue
            self._explain(sight)
        return tuple(self.found)

    def _explain(self, sight: Sight) -> None:
        """Add the kinks that a case suggests and others show, until they account for it."""
        for kink in self._suggestions(sight):
            if kink in self.tried:
                continue
            self.tried.append(kink)
            confirmed = self._confirmed(kink)
            if confirmed is not None:
                self.found.append(confirmed)
                if self._explained(sight) or len(self.found) >= MOST_KINKS:
                    return

    def _look(self, case: Case) -> Sight | None:
        question = Inquiry(self.op, self.claims, self.plan).question(case)
        try:
            site = kink_check.Site(question, self.claims)
            for j in range(site.subject.vector.size):
                site.gradients(j)
            return Sight(case, site)
        except (OperatorError, Garbage):
            return None

    def _explained(self, sight: Sight) -> bool:
        """Tell whether the kinks known so far account for all that is seen at a case."""
        known = (*self.claims.kinks, *self.found)
        on = frozenset().union(*(kink_of(kink).places(sight.case) for kink in known))
        tangled = any(
            not (convex or concave or rough)
            for convex, concave, rough in zip(sight.convex, sight.concave, sight.rough, strict=True)
        )
        return all(rough <= on for rough in sight.rough) and (bool(on) or not tangled)

    def _suggestions(self, sight: Sight) -> Iterator[Kink]:
        """Yield what the entries of a case suggest, what several of them share first."""
        owners = sight.case.leaf_owners()
        names = [n for n, c in self.claims.inputs.items() if c.differentiable and n in owners]
        # Mirrored entries of a symmetric matrix are equal by nature, and no tie.
        free = [n for n in names if not domain_of(self.claims.inputs[n].domain).mirrored]
        every = frozenset().union(*sight.rough)
        axes = [n for n, claim in self.claims.params.items() if kind_of(claim).names_axes]
        along = axes[0] if axes else None
        if not every:
            # At a tie of a median every coordinate looks smooth.
            for kind in special_first():
                yield from kind.among(free, free, along) if kind.within else ()
            return
        several = max(sight.rough, key=len)
        of = [name for name in names if any(owners[i] == name for i, _ in several)]
        if len(several) > len({sight.entry(place) for place in several}):
            for kind in special_first():
                yield from kind.among(of, free, along)
        for place in sorted(every):
            if any(place in kink_of(known).places(sight.case) for known in self.found):
                continue
            for kind in special_first():
                yield from kind.at(owners[place[0]], sight.entry(place), sight.case.params)

    def _confirmed(self, kink: Kink) -> Kink | None:
        """Return a kink as it would have to be declared; None where other cases do not show it."""
        # Alone: beside a kink at 0, every tie at 0 would seem to be one too.
        claims = replace(self.claims, kinks=(kink,))
        seen: list[tuple[Sight, int, frozenset[Place]]] = []
        sights = self._sights(claims)
        for sight in sights:
            on = kink_of(kink).places(sight.case)
            for j, rough in enumerate(sight.rough if on else ()):
                tangled = not (rough or sight.convex[j] or sight.concave[j])
                if rough & on or tangled:
                    seen.append((sight, j, rough & on))
        if not seen or (kink_of(kink).everywhere and not self._everywhere(kink, seen)):
            return None
        pure = [(s, j) for s, j, met in seen if s.rough[j] == met]
        word = "none"
        for name in ("convex", "concave"):
            if pure and all(getattr(s, name)[j] for s, j in pure):
                word = name
        kink = replace(kink, curvature=word, reason=NO_REASON if word == "none" else "")
        return self._with_convention(kink, seen, sights)

    def _everywhere(self, kink: Kink, seen: Sequence[tuple[Sight, int, frozenset[Place]]]) -> bool:
        """Tell whether nearly all whole numbers of the cases are kinks, and several of them."""
        sights = list({id(sight): sight for sight, _, _ in seen}.values())
        met = [(s, p) for s in sights for p in kink_of(kink).places(s.case)]
        rough = [(s, p) for s, p in met if any(p in places for places in s.rough)]
        far = any(abs(s.entry(p)) >= 2 for s, p in rough)
        return far and len({s.entry(p) for s, p in rough}) > 2 and len(rough) >= 0.9 * len(met)

    def _sights(self, claims: Claims, times: int = 1) -> list[Sight]:
        """Return what small cases on the kinks of `claims` show, `times` as many on demand."""
        cases = []
        for place, structure in enumerate(times * corner_structures(claims)):
            # Zeros and ones elsewhere would show kinks that are not the one on trial.
            seed = structure.seed + (place if times > 1 else 0)
            drawn = replace(structure, special="none", scale=1.0, seed=seed)
            try:
                case = realise(claims, drawn, self.plan.dtype, "kink")
            except GeneratorError:
                continue
            if "kink" in case.tags and 0 < case.size() <= kink_check.LARGEST:
                cases.append(case)
        most = times * MOST_TRIALS
        few = cases[:: max(1, len(cases) // most)][:most]
        return [sight for sight in map(self._look, few) if sight is not None]

    def _with_convention(
        self,
        kink: Kink,
        seen: Sequence[tuple[Sight, int, frozenset[Place]]],
        sights: Sequence[Sight],
    ) -> Kink:
        """Return a kink with the convention that the gradient keeps; as it is if it keeps none."""
        candidates = list(kink_of(kink).tried)
        answers = {s.answer(j, place) + 0.0 for s, j, met in seen for place in met}
        if not kink_of(kink).shared and len(answers) == 1:
            candidates.insert(0, answers.pop())
        offered = [replace(kink, convention=convention) for convention in candidates]
        offered = [one for one in offered if not any(s.refuses(one) for s in sights)]
        # Few cases may leave several of them standing, so these are held against more.
        more = self._sights(replace(self.claims, kinks=(kink,)), 3) if offered else []
        return next((one for one in offered if not any(s.refuses(one) for s in more)), kink)
