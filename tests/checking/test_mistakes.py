"""Operators as people write them: every mistake is refused and named, its right twin is neither."""

from __future__ import annotations

import importlib.util
from functools import cache

import pytest

from needle_cli.checking.checks.registry import NAMES
from needle_cli.checking.model import Plan, Status
from needle_cli.checking.results import Result
from needle_cli.checking.search.judging import judge
from needle_cli.engines.course_shaped import operator_under_test
from needle_cli.specs import load_spec
from tests.campaign import by_family
from tests.helpers import SAMPLES
from tests.samples.mistakes import MISTAKES, VOCABULARY, Mistake

FOLDER = SAMPLES / "mistakes"
PLAN = Plan(NAMES, examples=20, shrink=False)
REFUSED = {Status.FAIL, Status.ERROR}


@cache
def family(name: str):
    # Under the bare name of its file, as the command line imports it and as its specs call it.
    location = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(location)
    location.loader.exec_module(module)
    return module


def judged(mistake: Mistake, *, right: bool) -> list[Result]:
    module = family(mistake.file)
    path = FOLDER / f"{mistake.file}.specs" / f"{mistake.function}.toml"
    claims = load_spec(path, family=mistake.file, module=module).claims
    function = module.RIGHT[mistake.function] if right else getattr(module, mistake.function)
    name = f"{mistake.file}/{mistake.function}"
    return judge(operator_under_test(function, claims, name=name), claims, PLAN)


def named(mistake: Mistake) -> str:
    return f"{mistake.file}/{mistake.function}"


LISTED = {named(mistake): mistake for mistake in MISTAKES}
SWEPT = by_family(list(LISTED))


@pytest.mark.parametrize("name", SWEPT)
def test_a_mistake_is_refused_and_named(name):
    mistake = LISTED[name]
    wrong = [row for row in judged(mistake, right=False) if row.status in REFUSED]
    assert wrong, mistake.person
    causes = [f.finding.cause for row in wrong for f in row.failures if f.finding.cause]
    word = causes[0].name if causes else ""
    assert word in (mistake.accepts or ("",)), (mistake.person, causes)


@pytest.mark.parametrize("name", SWEPT)
def test_its_right_twin_passes_every_check(name):
    found = {row.check: row.status for row in judged(LISTED[name], right=True)}
    assert set(found.values()) <= {Status.PASS, Status.NOT_APPLICABLE}, found


def test_every_operator_of_the_files_is_listed_and_has_spec_and_twin():
    listed = {named(mistake) for mistake in MISTAKES}
    assert len(listed) == len(MISTAKES) == 40
    specs = {f"{p.parent.stem}/{p.stem}" for p in FOLDER.glob("*.specs/*.toml")}
    modules = [family(path.stem) for path in sorted(FOLDER.glob("[!_]*.py"))]
    assert specs == listed
    assert {f"{module.__name__}/{name}" for module in modules for name in module.__all__} == listed
    assert {f"{module.__name__}/{name}" for module in modules for name in module.RIGHT} == listed


def test_the_words_are_those_of_the_vocabulary():
    words = {word for mistake in MISTAKES for word in mistake.accepts if word}
    assert words <= set(VOCABULARY)
