"""Operators that misbehave in every way we could think of; each is e^a otherwise."""

import contextlib
import ctypes
import os
import sys
import threading
import time

import numpy as np

from needle import Tensor, TensorOp
from needle.ops import exp

KEPT = []


class Nasty(TensorOp):
    """y = e^a, with something done in `compute` and something in `gradient`."""

    def __init__(self, compute=lambda a: None, gradient=lambda g: None):
        self.in_compute, self.in_gradient = compute, gradient

    def compute(self, a):
        done = self.in_compute(a)
        return np.exp(a) if done is None else done

    def gradient(self, out_grad, node):
        done = self.in_gradient(out_grad)
        return out_grad * exp(node.inputs[0]) if done is None else done


class Empty(TensorOp):
    """Computes nothing."""

    def compute(self, a):
        return None

    def gradient(self, out_grad, node):
        return out_grad


def right(a):
    return Nasty()(a)


def wrong_factor(a):
    return Nasty(gradient=lambda g: g * 2 * exp(a))(a)


def segfault(a):
    return Nasty(compute=lambda a: ctypes.string_at(0))(a)


def segfault_in_gradient(a):
    return Nasty(gradient=lambda g: ctypes.string_at(0))(a)


def os_exit_zero(a):
    return Nasty(compute=lambda a: os._exit(0))(a)


def os_exit_three(a):
    return Nasty(gradient=lambda g: os._exit(3))(a)


def sys_exit(a):
    return Nasty(compute=lambda a: sys.exit(0))(a)


def killed(a):
    return Nasty(compute=lambda a: os.kill(os.getpid(), 9))(a)


def hang(a):
    return Nasty(gradient=lambda g: time.sleep(1e6))(a)


def spin(a):
    def forever(a):
        while True:
            pass

    return Nasty(compute=forever)(a)


def hog(a):
    def eat(a):
        while True:
            KEPT.append(np.ones(2**22))

    return Nasty(compute=eat)(a)


def prints(a):
    return Nasty(compute=lambda a: print("hello from compute"))(a)


def writes_to_fd(a):
    return Nasty(compute=lambda a: os.write(1, b'{"schema": "forged"}\n') and None)(a)


def raises(a):
    def fail(a):
        raise ValueError("on purpose [/] \x1b[31m")

    return Nasty(compute=fail)(a)


def raises_in_gradient(a):
    def fail(g):
        raise KeyError("missing")

    return Nasty(gradient=fail)(a)


class Unusual(BaseException):
    """Not an Exception."""


def raises_base_exception(a):
    def fail(a):
        raise Unusual("not an Exception")

    return Nasty(compute=fail)(a)


def raises_keyboard_interrupt(a):
    def fail(a):
        raise KeyboardInterrupt

    return Nasty(compute=fail)(a)


def recursion(a):
    def deeper(a):
        return deeper(a)

    return Nasty(compute=deeper)(a)


def returns_none(a):
    return Empty()(a)


def returns_string(a):
    return Nasty(compute=lambda a: "exp")(a)


def returns_object_array(a):
    return Nasty(compute=lambda a: np.array([object()] * a.size, dtype=object).reshape(a.shape))(a)


def returns_nan(a):
    return Nasty(compute=lambda a: np.full_like(a, np.nan))(a)


def gradient_none(a):
    return Nasty(gradient=lambda g: (None,))(a)


def gradient_string(a):
    return Nasty(gradient=lambda g: "gradient")(a)


def gradient_two(a):
    return Nasty(gradient=lambda g: (g, g))(a)


def gradient_nan(a):
    return Nasty(gradient=lambda g: Tensor(np.full(g.shape, np.nan)))(a)


def gradient_raw_array(a):
    return Nasty(gradient=lambda g: np.ones(g.shape))(a)


def closes_files(a):
    return Nasty(compute=lambda a: os.closerange(3, 256))(a)


def closes_stdout(a):
    def close(a):
        sys.stdout.close()
        os.close(1)

    return Nasty(compute=close)(a)


def changes_folder(a):
    return Nasty(compute=lambda a: os.chdir("/"))(a)


def starts_threads(a):
    def start(a):
        if threading.active_count() < 20:
            threading.Thread(target=time.sleep, args=(1e6,)).start()

    return Nasty(compute=start)(a)


def late_exit(a):
    def start(a):
        if not KEPT:
            KEPT.append(threading.Timer(0.2, os._exit, args=(7,)))
            KEPT[0].start()

    return Nasty(compute=start)(a)


def forks(a):
    return Nasty(compute=lambda a: os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "1000") and None)(a)


def reads_input(a):
    def ask(a):
        with contextlib.suppress(EOFError):
            input()

    return Nasty(compute=ask)(a)
