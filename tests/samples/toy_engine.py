"""An engine of a page, and its adapter, written against the protocols of the checking core alone.

It knows sums and products of arrays of one shape. `flaw` names one mistake of its gradients.
"""

import numpy as np

from needle_cli.checking.claims import Claims, Domain, InputClaim
from needle_cli.checking.model import Case, Gradient

CLAIMS = Claims(
    "toy:product",
    np.multiply,
    ("a", "b"),
    {"a": InputClaim("a", "(n, m)", Domain("nonnegative")), "b": InputClaim("b", "(n, m)")},
    structure="multilinear",
)
ABILITIES = frozenset({"lazy", "graph", "second_order", "device"})


class Num:
    """A node: its data, the nodes it was made from, and its vjp in terms of nodes."""

    def __init__(self, data, inputs=(), vjp=None):
        self.data, self.inputs, self.vjp = np.asarray(data), inputs, vjp

    def __add__(self, other):
        return Num(self.data + other.data, (self, other), lambda v: (v, v))

    def __mul__(self, other):
        return Num(self.data * other.data, (self, other), lambda v: (v * other, v * self))


def product(a, b):
    return a * b


def pull_back(end, start, leaves):
    """Return the gradient node of every leaf, None where no path leads to it."""
    found = {}

    def walk(node, v):
        if node in leaves:
            found[node] = found[node] + v if node in found else v
        elif node.inputs:
            for inner, part in zip(node.inputs, node.vjp(v), strict=True):
                walk(inner, part)

    walk(end, start)
    return [found.get(leaf) for leaf in leaves]


class Evaluation:
    composite = False

    def __init__(self, op, case):
        self.op, self.leaves = op, [Num(leaf) for leaf in case.leaves()]
        self.result = op.apply(self.leaves)
        self.outputs = tuple(node.data for node in self.result)

    def gradient(self, cotangents):
        total = [None] * len(self.leaves)
        for end, cotangent in zip(self.result, cotangents, strict=True):
            for k, part in enumerate(pull_back(end, Num(cotangent), self.leaves)):
                total[k] = part if total[k] is None else total[k] + part if part else total[k]
        return tuple(self.op.answer(g, cotangents, self.leaves) for g in total)


class Operator:
    """A function of nodes under test."""

    gradient_kind = "tensor"

    def __init__(self, function, name="toy/product", abilities=ABILITIES, flaw="", device=True):
        self.function, self.name, self.flaw = function, name, flaw
        self.abilities, self.device = abilities, device

    def apply(self, leaves):
        return [self.function(*leaves)]

    def answer(self, node, cotangents, leaves):
        if node is None:
            return Gradient(None, "none")
        return Gradient(self.spoilt(node.data, cotangents, leaves), "tensor", "toy.Num")

    def spoilt(self, g, cotangents, leaves):
        a = leaves[0].data
        match self.flaw:
            case "contract":
                return g.astype(np.float32 if g.dtype == np.float64 else np.float64)
            case "gradient":
                return 2 * g
            case "linearity":
                return np.where(np.abs(cotangents[0]) > 1, g, 0 * g)
            case "purity":
                cotangents[0][...] *= 2
            case "exact":
                return g * g.dtype.type(1 + 2.0**-40)
            case "kink":
                return np.where(a == 0, 7 + g, g)
            case "precision" if g.dtype == np.float32:
                return g.astype(np.float16).astype(np.float32)
            case "extremes":
                return np.where(np.abs(a) > 1e6, 3 * g, g)
            case "parity" if self.device:
                return g * g.dtype.type(1 + 2.0**-6)
        return g

    def evaluate(self, case):
        found = Evaluation(self, case)
        if self.flaw == "forward":
            found.outputs = tuple(out + 1 for out in found.outputs)
        return found

    def lazy_outputs(self, case, reverse):
        return self.evaluate(case).outputs

    def graph_gradients(self, case, cotangents, uses, share):
        leaves = [Num(leaf) for leaf in case.leaves()]
        if share:
            leaves = [leaves[0]] * len(leaves)
        total = end = self.function(*leaves)
        for _ in range(uses - 1):
            end = end if self.flaw == "graph" else self.function(*leaves)
            total = total + self.function(*leaves)
        end = end if self.flaw == "graph" else total
        found = pull_back(end, Num(cotangents[0]), leaves)
        wanted = [owner in case.judged for owner in case.leaf_owners()]
        return tuple(
            self.answer(g if asks else None, cotangents, leaves)
            for g, asks in zip(found, wanted, strict=True)
        )

    def second_order(self):
        return SecondOrder(self)

    @property
    def on_host(self):
        return Operator(self.function, self.name, self.abilities - {"device"}, self.flaw, False)

    def outputs_together(self, cases):
        return [self.evaluate(case).outputs for case in cases]


class SecondOrder(Operator):
    """`(cotangent, inputs) -> gradients`."""

    def __init__(self, base):
        super().__init__(base.function, f"{base.name}'", frozenset({"second_order"}))
        self.base = base

    def apply(self, leaves):
        start, *inputs = leaves
        found = pull_back(self.base.apply(inputs)[0], start, inputs)
        if self.base.flaw == "second_order":
            found = [Num(g.data) for g in found]
        return found


class Adapter:
    """The toy engine as the registry wants it."""

    def __init__(self, flaw=""):
        self.flaw = flaw

    def prepare(self):
        pass

    def recognises(self, value):
        return isinstance(value, Num)

    def from_values(self, function, inputs):
        arrays = {f"x{k}": value.data for k, value in enumerate(inputs)}
        op = Operator(function, function.__name__, ABILITIES - {"device"}, self.flaw)
        return op, Case(arrays, judged=frozenset(arrays))

    def operator(self, function, claims, name, device):
        away = device != "cpu"
        abilities = ABILITIES if away else ABILITIES - {"device"}
        return Operator(function, name, abilities, self.flaw, away)

    def devices(self):
        return ["toy"]

    def why_not(self, device):
        return "" if device == "toy" else "the toy engine has one device, toy"
