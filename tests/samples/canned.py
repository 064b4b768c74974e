"""Operators whose verdicts are given by stand_in.py; nothing here is ever called."""


def right(a):
    return a


def another_operator_with_a_long_name(a):
    return a


def wrong(a):
    return a


def unsure(a):
    return a


def broken(a):
    return a


def crash(a):
    return a


def slow(a):
    return a


def no_spec(a):
    return a
