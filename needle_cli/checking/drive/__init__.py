"""The drive over one operator: which case is asked next, and what becomes of a failing one."""
