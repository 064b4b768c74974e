"""Claims built by hand for the tests of the generators: no spec files, no engine."""

import numpy as np

from needle_cli.checking.claims import Claims, Dim, Domain, InputClaim, Kink, Lane, ParamClaim


def identity(*args, **params):
    return args[0]


def make(reference=identity, params=(), kinks=(), dims=None, require=(), **inputs):
    """Return claims whose inputs are shape strings, domains or whole claims."""
    claims = {}
    for name, given in inputs.items():
        if isinstance(given, str):
            given = InputClaim(name, given)
        elif isinstance(given, Domain):
            given = InputClaim(name, "(...)", domain=given)
        claims[name] = given
    return Claims(
        op="tests:made_up",
        reference=reference,
        args=(*claims, *(p.name for p in params)),
        inputs=claims,
        params={p.name: p for p in params},
        dims=dims or {},
        require=tuple(require),
        kinks=tuple(kinks),
    )


def add():
    return make(lambda a, b: a + b, a="(...)", b="(...)")


def matmul():
    return make(np.matmul, a="(..., m?, n)", b="(..., n, p?)")


def summation():
    axes = ParamClaim("axes", "axes", {"of": "x"})
    keepdims = ParamClaim("keepdims", "bool")

    def total(x, axes=None, keepdims=False):
        return np.sum(x, axis=axes, keepdims=keepdims)

    return make(total, params=(axes, keepdims), x="(S...)")


def conv():
    params = (
        ParamClaim("stride", "int", {"min": 1, "max": 3}),
        ParamClaim("padding", "int", {"min": 0, "max": 2}),
    )
    dims = {"h": Dim(1, 6), "w": Dim(1, 6), "k": Dim(1, 3)}

    def windows(x, weight, stride, padding):
        x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        k = weight.shape[0]
        view = np.lib.stride_tricks.sliding_window_view(x, (k, k), (1, 2))
        return np.einsum("nhwcij,ijco->nhwo", view[:, ::stride, ::stride], weight)

    require = ("h + 2*padding >= k", "w + 2*padding >= k")
    return make(
        windows, params, dims=dims, require=require, x="(b, h, w, i)", weight="(k, k, i, o)"
    )


def stack():
    xs = InputClaim("xs", "(S...)", members=(1, 4))
    axis = ParamClaim("axis", "axis", {"of": "xs", "extra": 1})
    return make(lambda xs, axis: np.stack(xs, axis), params=(axis,), xs=xs)


def getitem():
    index = ParamClaim("index", "index", {"of": "x", "arrays": True, "duplicates": "force"})
    return make(lambda x, index: x[index], params=(index,), x="(S...)")


def embedding():
    index = InputClaim(
        "index",
        "(S...)",
        domain=Domain("index", {"into": "table", "duplicates": "force"}),
        dtype="int",
    )
    return make(lambda table, index: table[index], table="(v, d)", index=index)


def maximum():
    kink = Kink("equal", ("a", "b"), "convex")
    return make(np.maximum, kinks=(kink,), a="(...)", b="(...)")


def largest():
    kink = Kink("tie", ("x",), "convex", along="axes")
    axes = ParamClaim("axes", "axes", {"of": "x", "empty": False})
    return make(lambda x, axes: np.max(x, axis=axes), params=(axes,), kinks=(kink,), x="(S...)")


def power():
    main = {
        "a": InputClaim("a", "(...)", domain=Domain("positive")),
        "b": InputClaim("b", "(...)", domain=Domain("interval", {"low": -3.0, "high": 3.0})),
    }
    override = {
        "a": InputClaim("a", "(...)", domain=Domain("nonzero")),
        "b": InputClaim("b", "(...)", values=(-2.0, -1.0, 0.0, 1.0, 2.0), differentiable=False),
    }
    claims = make(np.power, **main)
    return Claims(**{**vars(claims), "lanes": (Lane("whole exponents", override),)})


ALL = {
    "add": add,
    "matmul": matmul,
    "summation": summation,
    "conv": conv,
    "stack": stack,
    "getitem": getitem,
    "embedding": embedding,
    "maximum": maximum,
    "largest": largest,
    "power": power,
}
