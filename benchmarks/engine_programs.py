"""The programs that `benchmarks/engine.py` measures, each for needle, lazy needle and the peers.

    python -m benchmarks.engine_programs NAME PEER

prints the peak of memory of one of them, in MB above what the process held before.
"""

from __future__ import annotations

import importlib
import resource
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

PEERS = ("needle", "lazy", "torch", "autograd")
Step = Callable[[], Any]


class Peer:
    """One engine: leaves, functions, and the gradients of a scalar."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.needle = name in ("needle", "lazy")
        self.lib: Any = importlib.import_module("needle" if self.needle else name)
        if name == "torch":
            self.lib.set_num_threads(1)
        if name == "autograd":
            self.lib = importlib.import_module("autograd.numpy")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lib, name)

    def const(self, array: np.ndarray) -> Any:
        """Return a constant."""
        if self.name == "autograd":
            return array
        if self.needle:
            return self.lib.Tensor(array, requires_grad=False)
        return self.lib.tensor(array)

    def matmul(self, a: Any, b: Any) -> Any:
        """Return the product of matrices."""
        return a @ b

    def relu(self, a: Any) -> Any:
        """Return max(a, 0)."""
        return self.lib.maximum(a, 0) if self.name == "autograd" else self.lib.relu(a)

    def sum(self, a: Any) -> Any:
        """Return the sum of all entries."""
        return self.lib.sum(a) if self.name == "autograd" else a.sum()

    def mean_cross_entropy(self, logits: Any, hot: Any) -> Any:
        """Return the mean of -log softmax at the labels, from the functions every engine has."""
        if self.name == "torch":
            lse = self.lib.logsumexp(logits, 1)
        elif self.needle:
            lse = self.lib.logsumexp(logits, (1,))
        else:
            lse = self.lib.log(self.lib.sum(self.lib.exp(logits), 1))
            return (self.lib.sum(lse) - self.lib.sum(logits * hot)) / logits.shape[0]
        return (lse.sum() - (logits * hot).sum()) / logits.shape[0]

    def step(self, loss: Callable[..., Any], arrays: list[np.ndarray]) -> Step:
        """Return a function that computes the loss and its gradients in `arrays`."""
        if self.name == "autograd":
            value_and_grad = importlib.import_module("autograd").value_and_grad
            both = value_and_grad(lambda leaves: loss(*leaves))
            return lambda: both(arrays)
        if self.name == "torch":
            tensors = [self.lib.tensor(a, requires_grad=True) for a in arrays]
        else:
            tensors = [self.lib.Tensor(a) for a in arrays]

        def step() -> list[Any]:
            for tensor in tensors:
                tensor.grad = None
            loss(*tensors).backward()
            return [tensor.grad for tensor in tensors]

        def deferred() -> list[Any]:
            with self.lib.lazy_mode():
                return step()

        return deferred if self.name == "lazy" else step


def normal(*shape: int, seed: int = 0, scale: float = 1.0, dtype: str = "float64") -> np.ndarray:
    """Return reproducible normal numbers."""
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def chain(name: str) -> Step:
    """A chain of 100 operators on four numbers."""
    peer = Peer(name)

    def loss(x: Any) -> Any:
        for _ in range(25):
            x = peer.tanh(x)
            x = x * 0.9
            x = x + 0.1
            x = x * x
        return peer.sum(x)

    return peer.step(loss, [normal(4)])


def mlp_step(name: str) -> Step:
    """A step of a perceptron: batch 64, 64 inputs, 100 hidden, 10 classes, float32."""
    peer = Peer(name)
    x = peer.const(normal(64, 64, dtype="float32"))
    hot = peer.const(np.eye(10, dtype="float32")[np.arange(64) % 10])

    def loss(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        return peer.mean_cross_entropy(peer.relu(x @ w1 + b1) @ w2 + b2, hot)

    shapes = [(64, 100), (1, 100), (100, 10), (1, 10)]
    return peer.step(
        loss, [normal(*s, seed=i, scale=0.1, dtype="float32") for i, s in enumerate(shapes)]
    )


def conv_step(name: str) -> Step:
    """A convolution 3x3 of a batch 16x32x32x16 to 16 channels, relu and sum, float32."""
    peer = Peer(name)
    if name == "autograd":
        raise ImportError("its convolution is not one of images alone")
    arrays = [
        normal(16, 32, 32, 16, dtype="float32"),
        normal(3, 3, 16, 16, seed=1, scale=0.1, dtype="float32"),
    ]
    if name != "torch":
        return peer.step(lambda x, w: peer.relu(peer.conv(x, w, padding=1)).sum(), arrays)
    functional = importlib.import_module("torch.nn.functional")
    arrays = [arrays[0].transpose(0, 3, 1, 2).copy(), arrays[1].transpose(3, 2, 0, 1).copy()]
    return peer.step(lambda x, w: peer.relu(functional.conv2d(x, w, padding=1)).sum(), arrays)


TIMED: dict[str, Callable[[str], Step]] = {
    "chain of 100": chain, "mlp 64x64x100x10": mlp_step, "conv 16x32x32x16": conv_step,
}  # fmt: skip


def rnn(name: str) -> Step:
    """300 steps of h = tanh(h w + x) with one weight of 2 MB and a batch of 16, float64."""
    peer = Peer(name)
    x, start = peer.const(normal(16, 512)), peer.const(np.zeros((16, 512)))

    def loss(w: Any) -> Any:
        h = start
        for _ in range(300):
            h = peer.tanh(h @ w + x)
        return peer.sum(h)

    return peer.step(loss, [normal(512, 512, scale=0.04)])


def mlp(name: str, steps: int = 1) -> Step:
    """20 layers relu(h w) of 1024 x 1024 with as large a batch, float64."""
    peer = Peer(name)
    x = peer.const(normal(1024, 1024))

    def loss(*weights: Any) -> Any:
        h = x
        for w in weights:
            h = peer.relu(h @ w)
        return peer.sum(h)

    return peer.step(loss, [normal(1024, 1024, seed=i, scale=0.04) for i in range(20)])


def mlp_loop(name: str) -> Step:
    """Three steps of a smaller perceptron of ten layers with its loss and its update."""
    peer = Peer(name)
    x = peer.const(normal(1024, 512))
    arrays = [normal(512, 512, seed=i, scale=0.06) for i in range(10)]

    def forward(weights: Any) -> Any:
        h = x
        for w in weights:
            h = peer.relu(h @ w)
        return h

    if name == "autograd":
        both = importlib.import_module("autograd").value_and_grad(
            lambda leaves: peer.sum(forward(leaves))
        )

        def loop() -> Any:
            weights = arrays
            for _ in range(3):
                _, grads = both(weights)
                weights = [w - 1e-3 * g for w, g in zip(weights, grads, strict=True)]
            return weights

        return loop
    if name == "torch":
        tensors = [peer.lib.tensor(a, requires_grad=True) for a in arrays]
    else:
        tensors = [peer.lib.Tensor(a) for a in arrays]

    def train() -> Any:
        for _ in range(3):
            out = forward(tensors)
            loss = peer.sum(out)
            for w in tensors:
                w.grad = None
            loss.backward()
            for w in tensors:
                w.data = w.data - 1e-3 * (w.grad.data if peer.needle else w.grad)
        return loss

    return train


def row_sums(name: str) -> Step:
    """The sums of 5000 rows of 80 kB in all, one at a time, added up."""
    peer = Peer(name)

    def loss(x: Any) -> Any:
        total = 0.0
        for i in range(5000):
            total = total + peer.sum(x[i])
        return total

    return peer.step(loss, [normal(5000, 2)])


HEAVY: dict[str, Callable[[str], Step]] = {
    "rnn": rnn, "mlp": mlp, "mlp_loop": mlp_loop, "row_sums": row_sums,
}  # fmt: skip


def stacking(count: int) -> Any:
    """Stack as many vectors, and differentiate."""
    needle = importlib.import_module("needle")
    leaves = [needle.Tensor([1.0]) for _ in range(count)]
    needle.stack(leaves, 0).sum().backward()


def splitting(count: int) -> Any:
    """Split into as many, add up by iterating, and differentiate."""
    needle = importlib.import_module("needle")
    x = needle.Tensor(np.ones((count, 1)))
    total = 0.0
    for member in needle.split(x, 0):
        total = total + member
    total.backward()  # type: ignore[attr-defined]


GROWING: dict[str, Callable[[int], Any]] = {"stack": stacking, "split and iterate": splitting}


def peak_of(step: Step) -> float:
    """Return the peak of resident memory during a call, in MB above that before."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak starts again from what is resident now
        before = _peak_resident()
    except OSError:
        before = _peak_resident()
    step()
    return _peak_resident() - before


def _peak_resident() -> float:
    try:
        with open("/proc/self/status") as file:
            line = next(line for line in file if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1e3
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    program, engine = sys.argv[1:]
    prepared = HEAVY[program](engine)
    small = Peer(engine)  # the first backward of a process loads code: not a cost of the program
    small.step(lambda a: small.sum(small.tanh(a @ a)), [np.eye(64)])()
    print(peak_of(prepared))
