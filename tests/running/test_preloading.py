"""Which packages a supervisor loads for a file: those of the environment, and nothing beside it."""

import pytest

from needle_cli.running.preloading import packages_of

LINES = {
    "import hypothesis": ("hypothesis",),
    "import hypothesis.strategies as st, os.path": ("hypothesis",),
    "from hypothesis import given": ("hypothesis",),
    "try:\n    import hypothesis\nexcept ImportError:\n    pass": ("hypothesis",),
    "class A:\n    import hypothesis": ("hypothesis",),
    "def f():\n    import hypothesis": (),
    "import os, json, numpy, needle": (),
    "import no_such_package_at_all": (),
    "from . import hypothesis": (),
    "import beside, inside": (),
    "import hypothesis as": (),
}


@pytest.mark.parametrize("text", LINES)
def test_what_a_file_imports(tmp_path, text):
    (tmp_path / "beside.py").touch()
    (tmp_path / "inside").mkdir()
    (tmp_path / "mine.py").write_text(text)
    assert packages_of(str(tmp_path / "mine.py")) == LINES[text]


def test_a_file_of_the_same_name_beside_it_is_not_loaded(tmp_path):
    (tmp_path / "hypothesis.py").touch()
    (tmp_path / "mine.py").write_text("import hypothesis")
    assert packages_of(str(tmp_path / "mine.py")) == ()


def test_no_file_no_packages(tmp_path):
    assert packages_of("") == packages_of(str(tmp_path / "nothing.py")) == ()
