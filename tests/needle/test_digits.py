"""The example trains, eager and lazy, to the same weights."""

import gc
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[2] / "examples" / "digits.py"


@pytest.fixture(scope="module")
def digits() -> Any:
    spec = importlib.util.spec_from_file_location("digits_example", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("flags", [[], ["--lazy"]])
def test_it_learns(digits: Any, flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn, whose digits it needs, is missing")
    gc.collect()  # what other tests left behind would be counted, and be gone half way
    assert digits.main(flags) == 0
    printed = capsys.readouterr().out
    assert "accuracy 96.88%" in printed and ", flat" in printed
    assert ("lazy" if flags else "eager") in printed


def test_without_scikit_learn_it_says_so(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(SystemExit, match="needs the digits of scikit-learn"):
        digits.main([])


def test_it_can_fail(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn, whose digits it needs, is missing")
    monkeypatch.setattr(digits, "run", lambda: (0.5, [1, 2]))
    assert digits.main([]) == 1
