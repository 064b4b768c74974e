"""The largest step of the smooth lane: margins around kinks and domain edges follow from it."""

from __future__ import annotations

import math

LARGEST_STEP = 2.0**-8
"""The largest difference step, as a multiple of the direction."""

FAST_STEP = 2.0**-17
"""The step of the one difference with which most probes are accepted."""

PAIR_STEPS = (LARGEST_STEP, 2.0**-12, FAST_STEP, 2.0**-22)
"""The larger steps of the Richardson pairs that are asked on disagreement."""

DIRECTION_LIMIT = 1.5
"""The largest entry of a direction, as a multiple of its array's root mean square."""

REACH = LARGEST_STEP * DIRECTION_LIMIT * math.sqrt(2.0)
"""How far one entry can be moved, as a multiple of its array's root mean square.

The root of two: a direction is scaled by the power of two nearest to the root mean square.
"""
