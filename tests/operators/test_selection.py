import pytest

from needle_cli.operators.expression import Expression
from needle_cli.operators.selection import select
from needle_cli.problems import NOTHING, Problem
from needle_cli.settings import Config, resolve
from tests.helpers import needle


def chosen(*words, **flags):
    settings = resolve(flags, {}, Config(None, {}))
    return [unit.name for unit in select(words, settings)]


def test_names_globs_families_and_tags():
    assert chosen("multiply") == chosen("arithmetic/multiply") == ["arithmetic/multiply"]
    assert set(chosen("arithmetic/mul*")) == {"arithmetic/multiply", "arithmetic/mul_scalar"}
    assert all(name.startswith("linalg/") for name in chosen(family=["linalg"]))
    assert "arithmetic/add" in chosen(tag=["hw1"])
    assert chosen("log", "add") == chosen("add", "log"), "catalogue order, not the line's"


def test_the_command_lists_a_family():
    code, screen, _ = needle("check", "ops", "--family", "exponential", "--list")
    assert code == 0 and "exponential/log" in screen and "linalg/matmul" not in screen


def test_everything_without_words():
    assert len(chosen()) > 25


def test_nothing_left_is_its_own_problem():
    for flags in ({"k": "zzz"}, {"family": ["zzz"]}, {"tag": ["zzz"]}):
        with pytest.raises(Problem) as caught:
            chosen(**flags)
        assert caught.value.code == NOTHING
    with pytest.raises(Problem) as caught:
        chosen("zzz*")
    assert caught.value.code == NOTHING


@pytest.mark.parametrize(
    ("text", "true", "false"),
    [
        ("log", "exponential/log", "linalg/matmul"),
        ("log or mat", "linalg/matmul", "x/y"),
        ("log and not soft", "exponential/log", "reduction/logsoftmax"),
        ("not (a or b)", "xyz", "xa"),
        ("a or b and c", "a", "b"),
        ("not not a", "a", "b"),
    ],
)
def test_expressions(text, true, false):
    assert Expression(text).holds(true)
    assert not Expression(text).holds(false)


@pytest.mark.parametrize("text", ["", "a b", "and", "(a", "a)", "not", "a or", "()"])
def test_broken_expressions(text):
    with pytest.raises(Problem):
        Expression(text)
