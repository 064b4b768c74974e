"""From an operator to its verdict: which case is next, what becomes of a failing one."""
