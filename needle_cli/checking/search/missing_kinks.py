"""Find the kinks of an operator that its spec does not declare.

At a case without a derivative, the entries whose left and right slopes differ suggest a `[[kink]]`.
It is reported only after other cases that were put on it have shown it too. Its curvature follows
from the slopes at those cases, its convention from the gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from needle_cli.checking.checks.inquiry import Inquiry
from needle_cli.checking.checks.site import Site
from needle_cli.checking.checks.surroundings import LARGEST
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


class Observation:
    """What one case shows: per output, the entries without a single slope, and the curvature."""

    def __init__(self, case: Case, site: Site) -> None:
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
        """Return an entry of the inputs."""
        return float(self.case.leaves()[place[0]].reshape(-1)[place[1]])

    def answer(self, output: int, place: Place) -> float:
        """Return the gradient of an output in an entry."""
        gradient = self.site.gradients(output)[self.site.position[place[0]]]
        return float(gradient.reshape(-1)[place[1]])

    def refuses(self, kink: Kink) -> bool:
        """Return True if the gradient here contradicts a declaration of a kink."""
        return bool(self.site.judge((kink,)).findings)


class MissingKinks:
    """Finds the kinks that are missing in the spec of one operator."""

    def __init__(self, op: OpUnderTest, claims: Claims, plan: Plan) -> None:
        self.op, self.claims, self.plan = op, claims, plan
        self.found: list[Kink] = []
        self.tried: list[Kink] = []

    def kinks(self, tallies: Mapping[str, Tally]) -> tuple[Kink, ...]:
        """Return the kinks to add to the spec, none if nothing simple explains the cases."""
        cases = [e.case for t in tallies.values() for e in (*t.kinks, *t.at_kinks)]
        small = [case for case in cases if 0 < case.size() <= LARGEST]
        for case in sorted(small, key=Case.size)[:MOST_SITES]:
            observation = self._observe(case)
            if observation is None or len(self.found) >= MOST_KINKS or self._explained(observation):
                continue
            self._explain(observation)
        return tuple(self.found)

    def _explain(self, observation: Observation) -> None:
        """Add the kinks that a case suggests and others confirm, until they explain the case."""
        for kink in self._suggestions(observation):
            if kink in self.tried:
                continue
            self.tried.append(kink)
            confirmed = self._confirmed(kink)
            if confirmed is not None:
                self.found.append(confirmed)
                if self._explained(observation) or len(self.found) >= MOST_KINKS:
                    return

    def _observe(self, case: Case) -> Observation | None:
        question = Inquiry(self.op, self.claims, self.plan).question(case)
        try:
            site = Site(question, self.claims)
            for j in range(site.subject.vector.size):
                site.gradients(j)
            return Observation(case, site)
        except (OperatorError, Garbage):
            return None

    def _explained(self, observation: Observation) -> bool:
        """Return True if the kinks known so far explain everything that a case shows."""
        known = (*self.claims.kinks, *self.found)
        on = frozenset().union(*(kink_of(kink).places(observation.case) for kink in known))
        tangled = any(
            not (convex or concave or rough)
            for convex, concave, rough in zip(
                observation.convex, observation.concave, observation.rough, strict=True
            )
        )
        return all(rough <= on for rough in observation.rough) and (bool(on) or not tangled)

    def _suggestions(self, observation: Observation) -> Iterator[Kink]:
        """Yield the kinks that a case suggests, those shared by several entries first."""
        owners = observation.case.leaf_owners()
        names = [n for n, c in self.claims.inputs.items() if c.differentiable and n in owners]
        # Mirrored entries of a symmetric matrix are always equal, which is no tie.
        free = [n for n in names if not domain_of(self.claims.inputs[n].domain).mirrored]
        every = frozenset().union(*observation.rough)
        axes = [n for n, claim in self.claims.params.items() if kind_of(claim).names_axes]
        along = axes[0] if axes else None
        if not every:
            # At a tie of a median every coordinate looks smooth.
            for kind in special_first():
                yield from kind.among(free, free, along) if kind.within else ()
            return
        several = max(observation.rough, key=len)
        of = [name for name in names if any(owners[i] == name for i, _ in several)]
        if len(several) > len({observation.entry(place) for place in several}):
            for kind in special_first():
                yield from kind.among(of, free, along)
        for place in sorted(every):
            if any(place in kink_of(known).places(observation.case) for known in self.found):
                continue
            for kind in special_first():
                yield from kind.at(
                    owners[place[0]], observation.entry(place), observation.case.params
                )

    def _confirmed(self, kink: Kink) -> Kink | None:
        """Return the kink as it should be declared, or None if other cases do not show it."""
        # Without other kinks: with a kink at 0, every tie at 0 would look like a kink too.
        claims = replace(self.claims, kinks=(kink,))
        seen: list[tuple[Observation, int, frozenset[Place]]] = []
        observations = self._observations(claims)
        for observation in observations:
            on = kink_of(kink).places(observation.case)
            for j, rough in enumerate(observation.rough if on else ()):
                tangled = not (rough or observation.convex[j] or observation.concave[j])
                if rough & on or tangled:
                    seen.append((observation, j, rough & on))
        if not seen or (kink_of(kink).everywhere and not self._everywhere(kink, seen)):
            return None
        pure = [(s, j) for s, j, met in seen if s.rough[j] == met]
        word = "none"
        for name in ("convex", "concave"):
            if pure and all(getattr(s, name)[j] for s, j in pure):
                word = name
        kink = replace(kink, curvature=word, reason=NO_REASON if word == "none" else "")
        return self._with_convention(kink, seen, observations)

    def _everywhere(
        self, kink: Kink, seen: Sequence[tuple[Observation, int, frozenset[Place]]]
    ) -> bool:
        """Return True if nearly all integers of the cases are kinks, and there are several."""
        observations = list({id(observation): observation for observation, _, _ in seen}.values())
        met = [(s, p) for s in observations for p in kink_of(kink).places(s.case)]
        rough = [(s, p) for s, p in met if any(p in places for places in s.rough)]
        far = any(abs(s.entry(p)) >= 2 for s, p in rough)
        return far and len({s.entry(p) for s, p in rough}) > 2 and len(rough) >= 0.9 * len(met)

    def _observations(self, claims: Claims, times: int = 1) -> list[Observation]:
        """Return what small cases on the kinks of `claims` show, for `times` as many cases."""
        cases = []
        for place, structure in enumerate(times * corner_structures(claims)):
            # Zeros and ones in other entries would show kinks other than the one being tried.
            seed = structure.seed + (place if times > 1 else 0)
            drawn = replace(structure, special="none", scale=1.0, seed=seed)
            try:
                case = realise(claims, drawn, self.plan.dtype, "kink")
            except GeneratorError:
                continue
            if "kink" in case.tags and 0 < case.size() <= LARGEST:
                cases.append(case)
        most = times * MOST_TRIALS
        few = cases[:: max(1, len(cases) // most)][:most]
        return [observation for observation in map(self._observe, few) if observation is not None]

    def _with_convention(
        self,
        kink: Kink,
        seen: Sequence[tuple[Observation, int, frozenset[Place]]],
        observations: Sequence[Observation],
    ) -> Kink:
        """Return the kink with the convention that the gradient follows, if it follows one."""
        candidates = list(kink_of(kink).tried)
        answers = {s.answer(j, place) + 0.0 for s, j, met in seen for place in met}
        if not kink_of(kink).shared and len(answers) == 1:
            candidates.insert(0, answers.pop())
        offered = [replace(kink, convention=convention) for convention in candidates]
        offered = [one for one in offered if not any(s.refuses(one) for s in observations)]
        # A few cases may fit several conventions, so these are compared with more cases.
        more = self._observations(replace(self.claims, kinks=(kink,)), 3) if offered else []
        return next((one for one in offered if not any(s.refuses(one) for s in more)), kink)
