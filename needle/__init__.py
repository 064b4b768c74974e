"""Needle, necessary elements of deep learning: a small, complete reverse-mode autodiff library."""

from needle import autograd as autograd
from needle import init as init
from needle import ops as ops
from needle.backend import Device as Device
from needle.backend import all_devices as all_devices
from needle.backend import cpu as cpu
from needle.backend import cuda as cuda
from needle.backend import default_device as default_device
from needle.backend import sim as sim
from needle.errors import DeviceUnavailableError as DeviceUnavailableError
from needle.graph import Op as Op
from needle.graph import Value as Value
from needle.modes import lazy_mode as lazy_mode
from needle.modes import no_grad as no_grad
from needle.ops import *
from needle.tensor import Tensor as Tensor
from needle.tensor import TensorOp as TensorOp
from needle.tensor import TensorTuple as TensorTuple
from needle.tensor import TensorTupleOp as TensorTupleOp
