"""New tensors: constants, random values and initial weights."""

from needle.init.basic import *
from needle.init.weights import *
