"""The input of every check: an operator, a case, the spec's claims, and reproducible randomness."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from needle_cli.causes import Cause
from needle_cli.checking.claims import Claims
from needle_cli.checking.model import Answer, Array, Case, Code, Finding, OpUnderTest, Verdict
from needle_cli.checking.numerics.probes import Tangent, random_cotangent
from needle_cli.checking.point import Subject, is_floating, limits, widen


def seed_of(*parts: object) -> int:
    """Return a seed that depends only on the parts, not on the process or the order of work."""
    text = "\x1f".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def generator(*parts: object) -> np.random.Generator:
    """Return a generator seeded by the parts."""
    return np.random.Generator(np.random.PCG64(seed_of(*parts)))


class Question:
    """One check at one case.

    `subject` is the operator at the case as given; `wide` is the same in float64, in which finite
    differences are taken. `tangent` projects directions onto the inputs' domains.
    """

    def __init__(
        self,
        op: OpUnderTest,
        case: Case,
        claims: Claims | None = None,
        *,
        device: str = "cpu",
        dtype: str = "float64",
        order: int = 2,
        tangent: Tangent | None = None,
    ) -> None:
        self.op = op
        self.case = case
        self.claims = claims
        self.device = device
        self.dtype = dtype
        self.order = order
        self.tangent = tangent

    @cached_property
    def subject(self) -> Subject:
        """The operator at the case as given."""
        return Subject(self.op, self.case)

    @cached_property
    def wide(self) -> Subject:
        """The operator at the same numbers in float64."""
        widened = widen(self.case)
        if widened is self.case:
            return self.subject
        given = [leaf.dtype for leaf in self.case.leaves() if is_floating(leaf)]
        return Subject(self.op, widened, max(float(limits(kind).eps) for kind in given))

    @cached_property
    def cotangent(self) -> Array:
        """The case's cotangent as a vector: the recorded one, or one drawn from the case's seed."""
        if self.case.cotangent is not None:
            parts = [c.reshape(-1) for c in self.case.cotangent if is_floating(c)]
            given = np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)
            # The output shape may have changed since the case was recorded.
            if given.size == self.wide.vector.size:
                return given
        return self.wide.rounded(random_cotangent(self.rng("cotangent"), self.wide.vector.size))

    def draw_cotangent(self, rng: np.random.Generator) -> None:
        """Draw the cotangent from an existing generator, which is cheaper than creating one."""
        drawn = random_cotangent(rng, self.wide.vector.size)
        self.__dict__["cotangent"] = self.wide.rounded(drawn)

    @cached_property
    def gradients(self) -> list[Array]:
        """The judged gradients in float64 for the case's cotangent."""
        return self.wide.gradients(self.cotangent)

    @property
    def varies(self) -> bool:
        """Whether the spec says that equal calls may round differently on this device."""
        return self.claims is not None and self.claims.varies(self.device)

    def rng(self, *purpose: object) -> np.random.Generator:
        """Return a generator for one purpose at this case."""
        return generator(self.case.seed, self.op.name, self.device, self.dtype, *purpose)

    def factor(self, check: str, dtype: str = "") -> float:
        """Return the multiple of the computed bound that the spec allows for a dtype."""
        if self.claims is None:
            return 1.0
        return self.claims.factor(check, dtype or self.dtype, self.device)


NOTHING = Answer(Verdict.PASS)
"""The answer of a check that does not apply to a case."""


def passed(share: float = 0.0, probes: int = 1) -> Answer:
    """Return an answer without a finding."""
    return Answer(Verdict.PASS, share=share, probes={Verdict.PASS: probes})


def failed(
    check: str,
    code: Code,
    message: str,
    *,
    name: str = "",
    error: bool = False,
    cause: Cause | None = None,
    traceback: str = "",
) -> Answer:
    """Return an answer with one finding that is not about a number."""
    finding = Finding(check, code, name, None, None, None, None, cause, message, traceback)
    return Answer(Verdict.FAIL, (finding,), probes={Verdict.FAIL: 1}, error=error)


def worst_entry(
    check: str,
    code: Code,
    names: Sequence[str],
    got: Sequence[Array],
    wanted: Sequence[Array],
    allowed: Sequence[Array],
    message: str,
    where: Sequence[Array] | None = None,
) -> Answer:
    """Compare arrays entry by entry; a finding names the entry that exceeds its bound most.

    NaN never agrees; equal infinities do. Entries outside the masks `where` are skipped.
    """
    share = 0.0
    place: tuple[str, tuple[int, ...] | None] = (names[0] if names else "", None)
    finding: Finding | None = None
    masks: Sequence[Array | None] = where or [None] * len(names)
    for name, a, b, bound, mask in zip(names, got, wanted, allowed, masks, strict=True):
        if a.size == 0:
            continue
        with np.errstate(all="ignore"):
            error = np.where(a == b, 0.0, np.abs(a - b))
            ratio = np.where(error == 0.0, 0.0, error / bound)
        ratio = np.where(np.isnan(ratio), np.inf, ratio)
        if mask is not None:
            ratio = np.where(mask, ratio, 0.0)
        index = tuple(int(k) for k in np.unravel_index(int(np.argmax(ratio)), a.shape))
        here = float(ratio[index])
        if here > share:
            share, place = here, (name, index)
            if here > 1.0:
                finding = Finding(
                    check,
                    code,
                    name,
                    index,
                    float(a[index]),
                    float(b[index]),
                    float(np.broadcast_to(bound, a.shape)[index]),
                    message=message,
                )
    if finding is not None:
        return Answer(Verdict.FAIL, (finding,), share, place, {Verdict.FAIL: 1})
    return Answer(Verdict.PASS, (), share, place, {Verdict.PASS: 1})


def merge(answers: Sequence[Answer]) -> Answer:
    """Return one answer for several: the worst verdict, all findings, the largest share."""
    order = [Verdict.PASS, Verdict.NO_DERIVATIVE, Verdict.CANNOT_TELL, Verdict.FAIL]
    asked = [answer for answer in answers if answer.asked]
    if not asked:
        return NOTHING
    top = max(asked, key=lambda answer: answer.share)
    probes: dict[Verdict, int] = {}
    for answer in asked:
        for verdict, count in answer.probes.items():
            probes[verdict] = probes.get(verdict, 0) + count
    return Answer(
        max((answer.verdict for answer in asked), key=order.index),
        tuple(finding for answer in asked for finding in answer.findings),
        top.share,
        top.where,
        probes,
        tuple(note for answer in asked for note in answer.notes),
        any(answer.error for answer in asked),
        frozenset(number for answer in asked for number in answer.met),
    )
