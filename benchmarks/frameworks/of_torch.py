"""PyTorch's operators, and pairs of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.frameworks.draws import (
    PLANE,
    PROBABILITY,
    ROW,
    UNIT,
    WIDE,
    Operator,
    above,
    apart,
    between,
    exponents,
    one,
    ordinary,
    positive,
    real,
    regular,
    two,
    within,
)

torch.set_num_threads(1)


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


LABELS = torch.tensor([1, 0, 3])
INDEX = torch.tensor([[0, 2], [1, 1], [2, 0]])

OPERATORS: dict[str, Operator] = {
    "exp": one(torch.exp, exponents),
    "exp2": one(torch.exp2, exponents),
    "expm1": one(torch.expm1, exponents),
    "log": one(torch.log, positive(), ties=False),
    "log2": one(torch.log2, positive(), ties=False),
    "log10": one(torch.log10, positive(), ties=False),
    "log1p": one(torch.log1p, positive()),
    "sqrt": one(torch.sqrt, positive(), ties=False),
    "rsqrt": one(torch.rsqrt, positive(0.6), ties=False),
    "reciprocal": one(torch.reciprocal, real(0.5), ties=False),
    "square": one(torch.square, real(0.5)),
    "abs": one(torch.abs, real()),
    "neg": one(torch.neg, real()),
    "sin": one(torch.sin, within(1e4)),
    "cos": one(torch.cos, within(1e4)),
    "tan": one(torch.tan, within(1.5)),
    "asin": one(torch.asin, UNIT, ties=False),
    "acos": one(torch.acos, UNIT, ties=False),
    "atan": one(torch.atan, real()),
    "sinh": one(torch.sinh, exponents),
    "cosh": one(torch.cosh, exponents),
    "tanh": one(torch.tanh, real()),
    "asinh": one(torch.asinh, real(0.5)),
    "acosh": one(torch.acosh, above(1), ties=False),
    "atanh": one(torch.atanh, UNIT, ties=False),
    "sigmoid": one(torch.sigmoid, real()),
    "logit": one(torch.logit, PROBABILITY, ties=False),
    "erf": one(torch.erf, real()),
    "erfc": one(torch.erfc, within(20)),
    "erfinv": one(torch.erfinv, UNIT, ties=False),
    "lgamma": one(torch.lgamma, positive(0.3), ties=False),
    "digamma": one(torch.digamma, positive(0.3), ties=False),
    "i0": one(torch.i0, within(50)),
    "sinc": one(torch.sinc, within(100)),
    "relu": one(F.relu, real()),
    "relu6": one(F.relu6, real()),
    "elu": one(F.elu, real()),
    "selu": one(F.selu, real()),
    "celu": one(F.celu, real()),
    "gelu": one(F.gelu, real(0.3)),
    "gelu_tanh": one(lambda x: F.gelu(x, approximate="tanh"), real(0.1)),
    "silu": one(F.silu, real()),
    "mish": one(F.mish, real()),
    "softplus": one(F.softplus, real()),
    "softsign": one(F.softsign, real(0.5)),
    "leaky_relu": one(F.leaky_relu, real()),
    "hardtanh": one(F.hardtanh, real()),
    "hardsigmoid": Operator(F.hardsigmoid, (real(),), (ROW,), dtypes=("float32", "float16")),
    "hardswish": one(F.hardswish, real(0.5)),
    "logsigmoid": one(F.logsigmoid, real()),
    "tanhshrink": one(F.tanhshrink, real()),
    "softshrink": one(F.softshrink, within(3)),
    "clamp": one(lambda x: torch.clamp(x, -1, 1), real()),
    "special.entr": one(torch.special.entr, positive(0.9), ties=False),
    "special.ndtr": one(torch.special.ndtr, within(30)),
    "special.log_ndtr": one(torch.special.log_ndtr, within(3)),
    "special.erfcx": one(torch.special.erfcx, within(20)),
    "add": two(torch.add, real(), real()),
    "sub": two(torch.sub, real(), real()),
    "mul": two(torch.mul, real(0.5), real(0.5)),
    "div": two(torch.div, real(0.3), real(0.3), ties=False),
    "pow": two(torch.pow, between(0.1, 4), within(3), ties=False),
    "pow_scalar": one(lambda x: torch.pow(x, 2.5), positive(0.3), ties=False),
    "atan2": two(torch.atan2, real(0.4), real(0.4), ties=False),
    "hypot": two(torch.hypot, real(0.4), real(0.4), ties=False),
    "maximum": two(torch.maximum, real(), real()),
    "minimum": two(torch.minimum, real(), real()),
    "fmod": Operator(torch.fmod, (within(20), above(0.5)), (PLANE, (4,)), False, WIDE),
    "remainder": Operator(torch.remainder, (within(20), above(0.5)), (PLANE, (4,)), False, WIDE),
    "logaddexp": two(torch.logaddexp, real(), real()),
    "xlogy": two(torch.xlogy, real(0.5), positive(0.4), ties=False),
    "lerp": two(lambda a, b: torch.lerp(a, b, 0.3), real(0.9), real(0.9)),
    "sum": one(lambda x: x.sum(0), real(0.9), PLANE),
    "mean": one(lambda x: x.mean(1), real(0.9), PLANE),
    "prod": one(lambda x: x.prod(1), real(0.15), PLANE),
    "var": one(lambda x: x.var(1), real(0.4), PLANE),
    "std": one(lambda x: x.std(1), real(0.4), PLANE, ties=False),
    "norm": one(lambda x: torch.linalg.vector_norm(x, dim=1), real(0.4), PLANE, ties=False),
    "norm_3": one(lambda x: torch.linalg.vector_norm(x, 3, 1), real(0.25), PLANE, ties=False),
    "amax": one(lambda x: x.amax(1), real(), PLANE),
    "max": one(lambda x: x.max(1).values, apart, PLANE),
    "median": one(lambda x: x.median(1).values, apart, PLANE, ties=False),
    "logsumexp": one(lambda x: torch.logsumexp(x, 1), real(), PLANE),
    "softmax": one(lambda x: torch.softmax(x, 1), real(), PLANE),
    "log_softmax": one(lambda x: torch.log_softmax(x, 1), real(), PLANE),
    "cumsum": one(lambda x: torch.cumsum(x, 1), real(0.9), PLANE),
    "cumprod": one(lambda x: torch.cumprod(x, 1), real(0.15), PLANE),
    "logcumsumexp": one(lambda x: torch.logcumsumexp(x, 1), within(20), PLANE),
    "cummax": one(lambda x: torch.cummax(x, 1).values, apart, PLANE, ties=False),
    "sort": one(lambda x: torch.sort(x, 1).values, apart, PLANE),
    "topk": one(lambda x: torch.topk(x, 2, 1).values, apart, PLANE, ties=False),
    "gather": one(lambda x: torch.gather(x, 1, INDEX), real(), PLANE),
    "index_select": one(lambda x: x[:, [0, 0, 3]], real(), PLANE),
    "flip": one(lambda x: torch.flip(x, (1,)), real(), PLANE),
    "pad": one(lambda x: F.pad(x, (1, 2)), real(), PLANE),
    "matmul": two(torch.matmul, real(0.4), real(0.4), PLANE, (4, 2)),
    "cross": two(lambda a, b: torch.linalg.cross(a, b), real(0.4), real(0.4), (2, 3), (2, 3)),
    "inv": one(torch.linalg.inv, regular, (3, 3), ties=False),
    "det": one(torch.linalg.det, regular, (3, 3)),
    "slogdet": one(lambda x: torch.linalg.slogdet(x).logabsdet, regular, (3, 3), ties=False),
    "solve": two(torch.linalg.solve, regular, real(0.3), (3, 3), (3, 2), ties=False),
    "eigvalsh": one(lambda x: torch.linalg.eigvalsh(x + x.mT), regular, (3, 3), ties=False),
    "cdist": two(torch.cdist, ordinary, ordinary, PLANE, (2, 4), ties=False),
    "cosine_similarity": two(F.cosine_similarity, ordinary, ordinary, PLANE, PLANE, ties=False),
    "layer_norm": one(lambda x: F.layer_norm(x, (4,)), real(0.4), PLANE),
    "rms_norm": one(lambda x: F.rms_norm(x, (4,), eps=1e-6), real(0.3), PLANE),
    "group_norm": one(lambda x: F.group_norm(x, 2), real(0.4), (2, 4, 3)),
    "batch_norm": one(lambda x: F.batch_norm(x, None, None, training=True), real(0.4), (4, 3)),
    "normalize": one(lambda x: F.normalize(x, dim=1), real(0.4), PLANE, ties=False),
    "cross_entropy": one(lambda x: F.cross_entropy(x, LABELS), real(), PLANE),
    "binary_cross_entropy_with_logits": two(
        F.binary_cross_entropy_with_logits, real(0.9), PROBABILITY, ROW, ROW
    ),
    "binary_cross_entropy": two(
        F.binary_cross_entropy, PROBABILITY, PROBABILITY, ROW, ROW, ties=False
    ),
    "mse_loss": two(F.mse_loss, real(0.4), real(0.4), ROW, ROW),
    "l1_loss": two(F.l1_loss, real(0.9), real(0.9), ROW, ROW),
    "smooth_l1_loss": two(F.smooth_l1_loss, real(0.4), real(0.4), ROW, ROW),
    "huber_loss": two(F.huber_loss, real(0.4), real(0.4), ROW, ROW),
    "kl_div": two(F.kl_div, within(30), PROBABILITY, ROW, ROW, ties=False),
    "conv1d": two(F.conv1d, real(0.3), real(0.3), (1, 2, 6), (2, 2, 3)),
    "conv2d": two(
        lambda x, w: F.conv2d(x, w, padding=1), ordinary, ordinary, (1, 2, 4, 4), (2, 2, 3, 3)
    ),
    "max_pool1d": one(lambda x: F.max_pool1d(x, 3, 2), apart, (1, 2, 7), ties=False),
    "avg_pool1d": one(lambda x: F.avg_pool1d(x, 3, 2), real(0.9), (1, 2, 7)),
    "interpolate": one(
        lambda x: F.interpolate(x, scale_factor=2, mode="linear"), real(0.9), (1, 2, 4)
    ),
    "attention": Operator(
        lambda q, k, w: F.scaled_dot_product_attention(q, k, w, is_causal=True),
        (ordinary, ordinary, ordinary),
        ((1, 3, 4), (1, 3, 4), (1, 3, 2)),
    ),
}
