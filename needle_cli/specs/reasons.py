"""Whether a reason says anything."""

from __future__ import annotations

import re
from collections.abc import Collection

EMPTY_WORDS = frozenset(
    (
        "a", "accept", "accepted", "all", "an", "and", "approved", "because", "broken", "fails",
        "fail", "failure", "fine", "fix", "fixme", "flaky", "for", "good", "in", "is", "it",
        "known", "large", "later", "lgtm", "loose", "needed", "needs", "not", "of", "ok", "okay",
        "please", "precision", "reason", "see", "tbd", "test", "tests", "the", "this", "to", "todo",
        "tolerance", "too", "weakening", "wip", "with", "yes",
    )
)  # fmt: skip
"""Words that explain nothing by themselves."""


def explains(text: str, names: Collection[str] = ()) -> bool:
    """Return True if a reason has at least two words besides `names` and filler."""
    words = {word for word in re.findall(r"[^\W_]+", text.lower()) if not word.isdigit()}
    return len(words - EMPTY_WORDS - {name.lower() for name in names}) >= 2
