"""Train the course's two-layer network on scikit-learn's handwritten digits.

    python examples/digits.py [--lazy]

Softmax loss, plain SGD, no modules: logits = relu(X W1) W2.
"""

import argparse
import sys
import time
from typing import Any

import numpy as np

import needle as ndl
from needle import Tensor


def load(seed: int) -> tuple[Any, Any, Any, Any]:
    """Return pixels in [0, 1] as float32 and labels, shuffled; a quarter is for the test."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        sys.exit("this example needs the digits of scikit-learn: pip install scikit-learn")
    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    x, y = (digits.data[order] / 16).astype(np.float32), digits.target[order]
    cut = len(y) // 4
    return x[cut:], y[cut:], x[:cut], y[:cut]


def network(x: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    """Return logits (N, 10) for pixels (N, 64)."""
    return ndl.relu(x @ w1) @ w2


def softmax_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over N of -log softmax(logits) at the label; labels are one-hot."""
    losses = ndl.logsumexp(logits, axes=(1,)) - (logits * labels).sum((1,))
    return losses.sum() / logits.shape[0]


def train_epoch(x: Any, y: Any, weights: list[Tensor], lr: float, batch: int) -> float:
    """Step through the data once; return the loss of the last batch."""
    value = 0.0
    for start in range(0, len(y), batch):
        pixels = Tensor(x[start : start + batch], requires_grad=False)
        labels = ndl.init.one_hot(10, y[start : start + batch])
        loss = softmax_loss(network(pixels, *weights), labels)
        loss.backward()
        for w in weights:
            w.data = w.data - lr * w.grad.data
        value = float(loss.item())
    return value


def accuracy(x: Any, y: Any, weights: list[Tensor]) -> float:
    """Return the share of digits recognised."""
    logits = network(Tensor(x, requires_grad=False), *[w.detach() for w in weights])
    return float(np.mean(logits.numpy().argmax(axis=1) == y))


def run(epochs: int = 40, seed: int = 0) -> tuple[float, list[int]]:
    """Train; return the accuracy on the test digits and the live values after each epoch."""
    x, y, x_test, y_test = load(seed)
    rng = np.random.default_rng(seed)
    weights = [
        ndl.init.kaiming_uniform(64, 100, rng=rng, requires_grad=True),
        ndl.init.kaiming_uniform(100, 10, rng=rng, requires_grad=True),
    ]
    counts = []
    for _ in range(epochs):
        train_epoch(x, y, weights, lr=0.2, batch=50)
        counts.append(ndl.autograd.TENSOR_COUNTER)
    return accuracy(x_test, y_test, weights), counts


def main(arguments: list[str] | None = None) -> int:
    """Train and print accuracy, seconds and the number of live values; 1 if either is bad."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lazy", action="store_true", help="defer computations until asked for")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    with ndl.lazy_mode(options.lazy):
        share, counts = run()
    seconds = time.perf_counter() - started
    flat = len(set(counts)) == 1
    print(f"accuracy {share:.2%} on the test digits, {'lazy' if options.lazy else 'eager'} mode")
    print(f"{seconds:.1f} s for {len(counts)} epochs")
    print(
        f"live values after each epoch: {min(counts)} to {max(counts)}, "
        f"{'flat' if flat else 'NOT FLAT'}"
    )
    return 0 if share > 0.95 and flat else 1


if __name__ == "__main__":
    sys.exit(main())
