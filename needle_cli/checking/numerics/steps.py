"""The steps of the numeric derivative, from which margins around kinks and edges are derived."""

from __future__ import annotations

import math

LARGEST_STEP = 2.0**-8
"""The largest difference step, as a multiple of the direction; tuned, see benchmarks."""

FAST_STEP = 2.0**-17
"""The step of the one central difference of a passing check: truncation and rounding balance.

Measured, see the pictures of docs/numerics.md.
"""

REFINED_STEP = 2.0**-12
"""The larger step of two central differences of a curved function; tuned, see benchmarks."""

PAIR_STEPS = (
    *(2.0**-4, LARGEST_STEP, REFINED_STEP, FAST_STEP, 2.0**-22),
    *(2.0**-27, 2.0**-32, 2.0**-38, 2.0**-44),
)
"""The larger steps of the Richardson pairs that are tried after a disagreement.

The first is for outputs so noisy that no finer step decides; it may reach across a kink, which the
one-sided slopes then show. The last are for structure that is fine relative to the size of the
inputs, such as the standard deviation of numbers near 1e8.
"""

DIRECTION_LIMIT = 1.5
"""The largest entry of a direction, as a multiple of its array's root mean square."""

REACH = LARGEST_STEP * DIRECTION_LIMIT * math.sqrt(2.0)
"""How far one entry can move, as a multiple of its array's root mean square.

The factor sqrt(2) is there because a direction is scaled by the power of two nearest to the root
mean square.
"""
