"""PyTorch's operators, and pairs of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.frameworks.draws import (
    Operator,
    above,
    apart,
    between,
    exponents,
    ordinary,
    positive,
    real,
    regular,
    within,
)

torch.set_num_threads(1)

ROW, PLANE = (5,), (3, 4)


def pair(call: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return forward function and vjp of NumPy arrays."""

    def tensors(arrays: Any) -> list[Any]:
        return [torch.from_numpy(np.array(a)) for a in arrays]

    def numpy_of(outputs: Any) -> Any:
        if isinstance(outputs, tuple | list):
            return tuple(o.detach().numpy() for o in outputs)
        return outputs.detach().numpy()

    def forward(*arrays: Any) -> Any:
        return numpy_of(call(*tensors(arrays)))

    def vjp(v: Any, *arrays: Any) -> Any:
        leaves = [t.requires_grad_() for t in tensors(arrays)]
        outputs = call(*leaves)
        if not isinstance(outputs, tuple | list):
            outputs, v = (outputs,), (v,)
        found = torch.autograd.grad(
            outputs, leaves, [torch.from_numpy(np.array(one)) for one in v], allow_unused=True
        )
        return tuple(
            np.zeros_like(a) if g is None else g.numpy() for g, a in zip(found, arrays, strict=True)
        )

    return forward, vjp


def _one(call: Any, domain: Any, shape: tuple[int, ...] = ROW, ties: bool = True) -> Operator:
    return Operator(call, (domain,), (shape,), ties)


def _two(call: Any, a: Any, b: Any, *shapes: tuple[int, ...], ties: bool = True) -> Operator:
    return Operator(call, (a, b), shapes or (PLANE, (4,)), ties)


UNIT = between(-1, 1)
PROBABILITY = between(0, 1)
LABELS = torch.tensor([1, 0, 3])
INDEX = torch.tensor([[0, 2], [1, 1], [2, 0]])

OPERATORS: dict[str, Operator] = {
    "exp": _one(torch.exp, exponents),
    "exp2": _one(torch.exp2, exponents),
    "expm1": _one(torch.expm1, exponents),
    "log": _one(torch.log, positive(), ties=False),
    "log2": _one(torch.log2, positive(), ties=False),
    "log10": _one(torch.log10, positive(), ties=False),
    "log1p": _one(torch.log1p, positive()),
    "sqrt": _one(torch.sqrt, positive(), ties=False),
    "rsqrt": _one(torch.rsqrt, positive(0.6), ties=False),
    "reciprocal": _one(torch.reciprocal, real(0.5), ties=False),
    "square": _one(torch.square, real(0.5)),
    "abs": _one(torch.abs, real()),
    "neg": _one(torch.neg, real()),
    "sin": _one(torch.sin, within(1e4)),
    "cos": _one(torch.cos, within(1e4)),
    "tan": _one(torch.tan, within(1.5)),
    "asin": _one(torch.asin, UNIT, ties=False),
    "acos": _one(torch.acos, UNIT, ties=False),
    "atan": _one(torch.atan, real()),
    "sinh": _one(torch.sinh, exponents),
    "cosh": _one(torch.cosh, exponents),
    "tanh": _one(torch.tanh, real()),
    "asinh": _one(torch.asinh, real(0.5)),
    "acosh": _one(torch.acosh, above(1), ties=False),
    "atanh": _one(torch.atanh, UNIT, ties=False),
    "sigmoid": _one(torch.sigmoid, real()),
    "logit": _one(torch.logit, PROBABILITY, ties=False),
    "erf": _one(torch.erf, real()),
    "erfc": _one(torch.erfc, within(20)),
    "erfinv": _one(torch.erfinv, UNIT, ties=False),
    "lgamma": _one(torch.lgamma, positive(0.3), ties=False),
    "digamma": _one(torch.digamma, positive(0.3), ties=False),
    "i0": _one(torch.i0, within(50)),
    "sinc": _one(torch.sinc, within(100)),
    "relu": _one(F.relu, real()),
    "relu6": _one(F.relu6, real()),
    "elu": _one(F.elu, real()),
    "selu": _one(F.selu, real()),
    "celu": _one(F.celu, real()),
    "gelu": _one(F.gelu, real(0.3)),
    "gelu_tanh": _one(lambda x: F.gelu(x, approximate="tanh"), real(0.1)),
    "silu": _one(F.silu, real()),
    "mish": _one(F.mish, real()),
    "softplus": _one(F.softplus, real()),
    "softsign": _one(F.softsign, real(0.5)),
    "leaky_relu": _one(F.leaky_relu, real()),
    "hardtanh": _one(F.hardtanh, real()),
    "hardsigmoid": Operator(F.hardsigmoid, (real(),), (ROW,), dtypes=("float32", "float16")),
    "hardswish": _one(F.hardswish, real(0.5)),
    "logsigmoid": _one(F.logsigmoid, real()),
    "tanhshrink": _one(F.tanhshrink, real()),
    "softshrink": _one(F.softshrink, within(3)),
    "clamp": _one(lambda x: torch.clamp(x, -1, 1), real()),
    "special.entr": _one(torch.special.entr, positive(0.9), ties=False),
    "special.ndtr": _one(torch.special.ndtr, within(30)),
    "special.log_ndtr": _one(torch.special.log_ndtr, within(3)),
    "special.erfcx": _one(torch.special.erfcx, within(20)),
    "add": _two(torch.add, real(), real()),
    "sub": _two(torch.sub, real(), real()),
    "mul": _two(torch.mul, real(0.5), real(0.5)),
    "div": _two(torch.div, real(0.3), real(0.3), ties=False),
    "pow": _two(torch.pow, between(0.1, 4), within(3), ties=False),
    "pow_scalar": _one(lambda x: torch.pow(x, 2.5), positive(0.3), ties=False),
    "atan2": _two(torch.atan2, real(0.4), real(0.4), ties=False),
    "hypot": _two(torch.hypot, real(0.4), real(0.4), ties=False),
    "maximum": _two(torch.maximum, real(), real()),
    "minimum": _two(torch.minimum, real(), real()),
    "fmod": Operator(
        torch.fmod, (within(20), above(0.5)), (PLANE, (4,)), False, ("float64", "float32")
    ),
    "remainder": _two(torch.remainder, within(20), above(0.5), ties=False),
    "logaddexp": _two(torch.logaddexp, real(), real()),
    "xlogy": _two(torch.xlogy, real(0.5), positive(0.4), ties=False),
    "lerp": _two(lambda a, b: torch.lerp(a, b, 0.3), real(0.9), real(0.9)),
    "sum": _one(lambda x: x.sum(0), real(0.9), PLANE),
    "mean": _one(lambda x: x.mean(1), real(0.9), PLANE),
    "prod": _one(lambda x: x.prod(1), real(0.15), PLANE),
    "var": _one(lambda x: x.var(1), real(0.4), PLANE),
    "std": _one(lambda x: x.std(1), real(0.4), PLANE, ties=False),
    "norm": _one(lambda x: torch.linalg.vector_norm(x, dim=1), real(0.4), PLANE, ties=False),
    "norm_3": _one(lambda x: torch.linalg.vector_norm(x, 3, 1), real(0.25), PLANE, ties=False),
    "amax": _one(lambda x: x.amax(1), real(), PLANE),
    "max": _one(lambda x: x.max(1).values, apart, PLANE),
    "median": _one(lambda x: x.median(1).values, apart, PLANE, ties=False),
    "logsumexp": _one(lambda x: torch.logsumexp(x, 1), real(), PLANE),
    "softmax": _one(lambda x: torch.softmax(x, 1), real(), PLANE),
    "log_softmax": _one(lambda x: torch.log_softmax(x, 1), real(), PLANE),
    "cumsum": _one(lambda x: torch.cumsum(x, 1), real(0.9), PLANE),
    "cumprod": _one(lambda x: torch.cumprod(x, 1), real(0.15), PLANE),
    "logcumsumexp": _one(lambda x: torch.logcumsumexp(x, 1), within(20), PLANE),
    "cummax": _one(lambda x: torch.cummax(x, 1).values, apart, PLANE, ties=False),
    "sort": _one(lambda x: torch.sort(x, 1).values, apart, PLANE),
    "topk": _one(lambda x: torch.topk(x, 2, 1).values, apart, PLANE, ties=False),
    "gather": _one(lambda x: torch.gather(x, 1, INDEX), real(), PLANE),
    "index_select": _one(lambda x: x[:, [0, 0, 3]], real(), PLANE),
    "flip": _one(lambda x: torch.flip(x, (1,)), real(), PLANE),
    "pad": _one(lambda x: F.pad(x, (1, 2)), real(), PLANE),
    "matmul": _two(torch.matmul, real(0.4), real(0.4), PLANE, (4, 2)),
    "cross": _two(lambda a, b: torch.linalg.cross(a, b), real(0.4), real(0.4), (2, 3), (2, 3)),
    "inv": _one(torch.linalg.inv, regular, (3, 3), ties=False),
    "det": _one(torch.linalg.det, regular, (3, 3)),
    "slogdet": _one(lambda x: torch.linalg.slogdet(x).logabsdet, regular, (3, 3), ties=False),
    "solve": _two(torch.linalg.solve, regular, real(0.3), (3, 3), (3, 2), ties=False),
    "eigvalsh": _one(lambda x: torch.linalg.eigvalsh(x + x.mT), regular, (3, 3), ties=False),
    "cdist": _two(torch.cdist, ordinary, ordinary, PLANE, (2, 4), ties=False),
    "cosine_similarity": _two(F.cosine_similarity, ordinary, ordinary, PLANE, PLANE, ties=False),
    "layer_norm": _one(lambda x: F.layer_norm(x, (4,)), real(0.4), PLANE),
    "rms_norm": _one(lambda x: F.rms_norm(x, (4,), eps=1e-6), real(0.3), PLANE),
    "group_norm": _one(lambda x: F.group_norm(x, 2), real(0.4), (2, 4, 3)),
    "batch_norm": _one(lambda x: F.batch_norm(x, None, None, training=True), real(0.4), (4, 3)),
    "normalize": _one(lambda x: F.normalize(x, dim=1), real(0.4), PLANE, ties=False),
    "cross_entropy": _one(lambda x: F.cross_entropy(x, LABELS), real(), PLANE),
    "binary_cross_entropy_with_logits": _two(
        F.binary_cross_entropy_with_logits, real(0.9), PROBABILITY, ROW, ROW
    ),
    "binary_cross_entropy": _two(
        F.binary_cross_entropy, PROBABILITY, PROBABILITY, ROW, ROW, ties=False
    ),
    "mse_loss": _two(F.mse_loss, real(0.4), real(0.4), ROW, ROW),
    "l1_loss": _two(F.l1_loss, real(0.9), real(0.9), ROW, ROW),
    "smooth_l1_loss": _two(F.smooth_l1_loss, real(0.4), real(0.4), ROW, ROW),
    "huber_loss": _two(F.huber_loss, real(0.4), real(0.4), ROW, ROW),
    "kl_div": _two(F.kl_div, within(30), PROBABILITY, ROW, ROW, ties=False),
    "conv1d": _two(F.conv1d, real(0.3), real(0.3), (1, 2, 6), (2, 2, 3)),
    "conv2d": _two(
        lambda x, w: F.conv2d(x, w, padding=1), ordinary, ordinary, (1, 2, 4, 4), (2, 2, 3, 3)
    ),
    "max_pool1d": _one(lambda x: F.max_pool1d(x, 3, 2), apart, (1, 2, 7), ties=False),
    "avg_pool1d": _one(lambda x: F.avg_pool1d(x, 3, 2), real(0.9), (1, 2, 7)),
    "interpolate": _one(
        lambda x: F.interpolate(x, scale_factor=2, mode="linear"), real(0.9), (1, 2, 4)
    ),
    "attention": Operator(
        lambda q, k, w: F.scaled_dot_product_attention(q, k, w, is_causal=True),
        (ordinary, ordinary, ordinary),
        ((1, 3, 4), (1, 3, 4), (1, 3, 2)),
    ),
}
