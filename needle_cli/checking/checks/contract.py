"""contract: one gradient per input, of the input's shape and dtype, a tensor of this graph."""

from __future__ import annotations

from collections.abc import Sequence

from needle_cli.causes import Cause
from needle_cli.checking.checks import facts
from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import Question, merge, passed, refused
from needle_cli.checking.model import Answer, Array, Code, Gradient, GradientKind
from needle_cli.checking.point import Subject, is_floating


class Contract(Check):
    """Whether there is one gradient per input, in the input's form."""

    name = "contract"
    required = True
    proves = True

    def ask(self, question: Question) -> Answer:
        """Ask for the form of the gradients for the case's own cotangent, in its own dtype."""
        subject = question.subject
        raw = subject.evaluation.gradient(subject.cotangents(question.cotangent))
        judged = form(subject, raw)
        return judged if judged.findings else merge([judged, facts.no_nan_leak(question)])


def form(subject: Subject, raw: Sequence[Gradient], *, any_dtype: bool = False) -> Answer:
    """Judge what every input got: the judged ones a gradient, the others none."""
    judged = inspect(subject, raw, any_dtype=any_dtype)
    return merge([judged, _nothing_for_the_silent(subject, raw)])


def inspect(
    subject: Subject, raw: Sequence[Gradient], *, may_lack: bool = False, any_dtype: bool = False
) -> Answer:
    """Judge count, form, shape and dtype of the gradients of the judged leaves.

    With `may_lack`, None stands for zero: what does not depend on an input has no path to it. With
    `any_dtype` dtypes are not judged: it was we who widened the inputs.
    """
    if len(raw) != len(subject.leaves):
        text = f"{len(raw)} gradients for {len(subject.leaves)} inputs"
        return refused("contract", Code.COUNT, text)
    given = [i for i in subject.judged if not may_lack or raw[i].value is not None]
    answers = [_judged_leaf(subject, raw[i], i, any_dtype) for i in given]
    return (
        merge([*answers, passed()])
        if all(a.verdict == "pass" for a in answers)
        else merge([a for a in answers if a.findings])
    )


def flaw(gradient: Gradient, leaf: Array, kind: GradientKind, dtype: object = None) -> Code | None:
    """Return what is wrong with the form of one leaf's gradient, None where nothing is.

    One of `Code.NONE`, `SHAPE`, `DTYPE` and `KIND`, in this order. `dtype` is the one it has to
    have, the leaf's own by default. Arrays of a device are asked as well: nothing is computed.
    """
    value = gradient.value
    if value is None:
        return Code.NONE
    if value.shape != leaf.shape:
        return Code.SHAPE
    if value.dtype != (leaf.dtype if dtype is None else dtype):
        return Code.DTYPE
    return None if gradient.kind == kind else Code.KIND


def well_formed(
    raw: Sequence[Gradient],
    leaves: Sequence[Array],
    judged: Sequence[int],
    kind: GradientKind,
) -> bool:
    """Whether every judged leaf got a gradient of its form, and nothing else got one."""
    if len(raw) != len(leaves) or [i for i, g in enumerate(raw) if g.value is not None] != judged:
        return False
    return not any(flaw(raw[i], leaves[i], kind) for i in judged)


def _judged_leaf(subject: Subject, gradient: Gradient, i: int, any_dtype: bool) -> Answer:
    name, leaf, wanted = subject.names[i], subject.leaves[i], subject.op.gradient_kind
    value = gradient.value
    wrong = flaw(gradient, leaf, wanted, value.dtype if any_dtype and value is not None else None)
    text, cause = "", None
    if value is None:
        # A plain function may say None for a gradient that is zero; the numbers decide.
        if wanted == "array":
            return passed()
        text = f"the gradient of {name} is None"
    elif wrong is Code.SHAPE:
        text = f"the gradient of {name} has shape {value.shape}, {name} has shape {leaf.shape}"
        cause = _missing_sum(value.shape, leaf.shape)
        text += f": {cause}" if cause else ""
    elif wrong is Code.DTYPE:
        text = f"the gradient of {name} has dtype {value.dtype}, {name} has dtype {leaf.dtype}"
    elif wrong is Code.KIND:
        came = gradient.described or gradient.kind
        text = f"the gradient of {name} is {came}, expected a {wanted}"
    if wrong is None:
        return passed()
    return refused("contract", wrong, text, name=name, cause=cause)


def _missing_sum(got: tuple[int, ...], wanted: tuple[int, ...]) -> Cause | None:
    """Name the broadcast axis that was not summed, where that is what the shapes say."""
    if len(got) > len(wanted) and got[len(got) - len(wanted) :] == wanted:
        axes = ", ".join(str(k) for k in range(len(got) - len(wanted)))
        return Cause("missing sum", values={"axes": axes})
    if len(got) == len(wanted):
        grown = [k for k, (a, b) in enumerate(zip(got, wanted, strict=True)) if b == 1 and a > 1]
        same = all(a == b or b == 1 for a, b in zip(got, wanted, strict=True))
        if grown and same:
            return Cause("missing sum", values={"axes": ", ".join(map(str, grown))})
    return None


def _nothing_for_the_silent(subject: Subject, raw: Sequence[Gradient]) -> Answer:
    """Inputs that the spec calls non-differentiable get `None`, and not zeros."""
    answers: list[Answer] = []
    for i, owner in enumerate(subject.case.leaf_owners()):
        gradient = raw[i] if i < len(raw) else Gradient(None, "none")
        name = subject.names[i]
        if owner in subject.case.silent and gradient.value is not None:
            text = f"{name} is not differentiable, its gradient has to be None"
            answers.append(refused("contract", Code.NOT_NONE, text, name=name))
        elif (
            owner not in subject.case.judged
            and owner not in subject.case.silent
            and gradient.value is not None
            and not is_floating(subject.leaves[i])
            and gradient.value.any()
        ):
            text = f"{name} holds {subject.leaves[i].dtype}, its gradient has to be None or zero"
            answers.append(refused("contract", Code.NOT_NONE, text, name=name))
    return merge(answers)
