"""contract: one gradient per input, with the input's shape and dtype, a tensor of this graph."""

from __future__ import annotations

from collections.abc import Sequence

from needle_cli.causes import Cause
from needle_cli.checking.checks import facts
from needle_cli.checking.checks.check import Check
from needle_cli.checking.checks.context import Question, failed, merge, passed
from needle_cli.checking.model import Answer, Array, Code, Gradient, GradientKind
from needle_cli.checking.point import Subject, is_floating
from needle_cli.problems import counted


class Contract(Check):
    """Whether there is one gradient per input, and each has the right form."""

    name = "contract"
    required = True
    proves = True

    def ask(self, question: Question) -> Answer:
        """Judge the form of the gradients for the case's cotangent, in the case's dtype."""
        subject = question.subject
        raw = subject.evaluation.gradient(subject.cotangents(question.cotangent))
        judged = form(subject, raw)
        return judged if judged.findings else merge([judged, facts.of_gradients(question)])


def form(subject: Subject, raw: Sequence[Gradient], *, any_dtype: bool = False) -> Answer:
    """Judge the gradients of all inputs: the judged ones need one, the others must have none."""
    judged = inspect(subject, raw, any_dtype=any_dtype)
    return merge([judged, _none_for_the_others(subject, raw)])


def inspect(
    subject: Subject, raw: Sequence[Gradient], *, may_lack: bool = False, any_dtype: bool = False
) -> Answer:
    """Judge count, form, shape and dtype of the gradients of the judged leaves.

    With `may_lack`, None counts as zero: an output that does not depend on an input has no path to
    it. With `any_dtype`, dtypes are not judged, because the checker itself widened the inputs.
    """
    if len(raw) != len(subject.leaves):
        text = f"{counted(len(raw), 'gradient')} for {counted(len(subject.leaves), 'input')}"
        return failed("contract", Code.COUNT, text)
    given = [i for i in subject.judged if not may_lack or raw[i].value is not None]
    answers = [_judged_leaf(subject, raw[i], i, any_dtype) for i in given]
    return (
        merge([*answers, passed()])
        if all(a.verdict == "pass" for a in answers)
        else merge([a for a in answers if a.findings])
    )


def flaw(gradient: Gradient, leaf: Array, kind: GradientKind, dtype: object = None) -> Code | None:
    """Return what is wrong with the form of one leaf's gradient, or None.

    The first that applies of `Code.NONE`, `SHAPE`, `DTYPE` and `KIND`. `dtype` is the expected one,
    by default the leaf's own. Nothing is computed, so device arrays can be judged too.
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
    """Return True if exactly the judged leaves have a gradient, each of the right form."""
    if len(raw) != len(leaves):
        return False
    for i, (gradient, leaf) in enumerate(zip(raw, leaves, strict=True)):
        value = gradient.value
        if (value is None) == (i in judged):
            return False
        if value is not None and (
            value.shape != leaf.shape or value.dtype != leaf.dtype or gradient.kind != kind
        ):
            return False
    return True


def _judged_leaf(subject: Subject, gradient: Gradient, i: int, any_dtype: bool) -> Answer:
    name, leaf, wanted = subject.names[i], subject.leaves[i], subject.op.gradient_kind
    value = gradient.value
    wrong = flaw(gradient, leaf, wanted, value.dtype if any_dtype and value is not None else None)
    text, cause = "", None
    if value is None:
        # A plain function may return None for a zero gradient; other checks compare the numbers.
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
    return failed("contract", wrong, text, name=name, cause=cause)


def _missing_sum(got: tuple[int, ...], wanted: tuple[int, ...]) -> Cause | None:
    """Return the cause if the shapes show broadcast axes that were not summed, else None."""
    if len(got) > len(wanted) and got[len(got) - len(wanted) :] == wanted:
        axes = ", ".join(str(k) for k in range(len(got) - len(wanted)))
        return Cause("missing sum", values={"axes": axes})
    if len(got) == len(wanted):
        grown = [k for k, (a, b) in enumerate(zip(got, wanted, strict=True)) if b == 1 and a > 1]
        same = all(a == b or b == 1 for a, b in zip(got, wanted, strict=True))
        if grown and same:
            return Cause("missing sum", values={"axes": ", ".join(map(str, grown))})
    return None


def _none_for_the_others(subject: Subject, raw: Sequence[Gradient]) -> Answer:
    """Judge that non-differentiable inputs get `None`, and not zeros."""
    answers: list[Answer] = []
    for i, owner in enumerate(subject.case.leaf_owners()):
        gradient = raw[i] if i < len(raw) else Gradient(None, "none")
        name = subject.names[i]
        if owner in subject.case.silent and gradient.value is not None:
            text = f"{name} is not differentiable, its gradient has to be None"
            answers.append(failed("contract", Code.NOT_NONE, text, name=name))
        elif (
            owner not in subject.case.judged
            and owner not in subject.case.silent
            and gradient.value is not None
            and not is_floating(subject.leaves[i])
            and gradient.value.any()
        ):
            text = f"{name} holds {subject.leaves[i].dtype}, its gradient has to be None or zero"
            answers.append(failed("contract", Code.NOT_NONE, text, name=name))
    return merge(answers)
