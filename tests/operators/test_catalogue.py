"""The catalogue is read from source text: right names, lines and classes, and nothing imported."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from needle_cli.operators.catalogue import (
    ENGINE,
    CatalogueError,
    operators,
    user_file,
)

FAMILY = '''
from needle.autograd import TensorOp

__all__ = ["Double", "Twice", "composite", "double", "twice"]


class Double(TensorOp):
    """y = 2 a; da = 2 dy."""

    def compute(self, a):
        return 2 * a

    def gradient(self, out_grad, node):
        return 2 * out_grad


class Twice(Double):
    def compute(self, a):
        return a + a


def twice(a):
    return Twice()(a)


def double(a):
    """Return 2 a."""
    if a is None:
        raise ValueError("no")
    return Double()(a)


def composite(a):
    """Return 4 a."""
    return double(double(a))


def _helper(a):
    return a
'''


def written(folder, text, name="family.py"):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def test_a_family_gives_its_functions_with_classes_and_lines(tmp_path):
    path = written(tmp_path, FAMILY)
    written(tmp_path, "__all__ = ['hidden']", "_private.py")
    found = {entry.function: entry for entry in operators(tmp_path)}
    lines = path.read_text().splitlines()
    assert list(found) == ["twice", "double", "composite"]
    assert found["double"].name == "family/double"
    assert found["double"].class_name == "Double"
    assert lines[found["double"].line - 1].strip().startswith("def gradient")
    assert found["double"].summary == "y = 2 a; da = 2 dy."
    assert found["twice"].class_name == "Twice"
    assert found["twice"].line == found["double"].line
    assert found["composite"].class_name == ""
    assert lines[found["composite"].line - 1].startswith("def composite")


def test_a_family_without_all_or_with_a_stale_name_is_an_error(tmp_path):
    path = written(tmp_path, FAMILY.replace('"double", ', '"double", "gone", '))
    with pytest.raises(CatalogueError, match="names gone, not defined in the file"):
        operators(tmp_path)
    path.write_text("def f(a): return a\n")
    with pytest.raises(CatalogueError, match="needs a list of names called __all__"):
        operators(tmp_path)
    path.write_text("def f(:\n")
    with pytest.raises(CatalogueError, match="cannot be read as Python"):
        operators(tmp_path)
    with pytest.raises(CatalogueError, match="no folder"):
        operators(tmp_path / "none")


def test_a_changed_file_is_read_again(tmp_path):
    path = written(tmp_path, FAMILY)
    assert len(operators(tmp_path)) == 3
    path.write_text(FAMILY.replace('"composite", ', ""))
    assert len(operators(tmp_path)) == 2


def test_a_users_file_needs_no_all(tmp_path):
    text = FAMILY.replace('__all__ = ["Double", "Twice", "composite", "double", "twice"]\n', "")
    found = user_file(written(tmp_path, text, "my_ops.py"))
    assert {entry.name for entry in found} == {"my_ops/double", "my_ops/twice"}
    annotated = text.replace("def composite(a):", "def composite(a: 'Tensor'):")
    found = user_file(written(tmp_path, annotated, "my_ops.py"))
    assert {entry.function for entry in found} == {"double", "twice", "composite"}
    plain = written(tmp_path, text, "my_ops.py")
    assert "composite" not in {entry.function for entry in user_file(plain, ["my_ops/other"])}
    assert "composite" in {entry.function for entry in user_file(plain, ["my_ops/composite"])}


def test_a_spec_for_one_function_hides_no_other(tmp_path):
    file = written(tmp_path, "def one(a): ...\n\n\ndef two(a): ...\n", "my_ops.py")
    assert {entry.function for entry in user_file(file, ["my_ops/two"])} == {"one", "two"}


def test_a_users_class_without_function_goes_by_its_own_name(tmp_path):
    text = FAMILY[: FAMILY.index("def twice")].replace("__all__", "names")
    found = user_file(written(tmp_path, text, "my_ops.py"))
    assert [(entry.name, entry.class_name) for entry in found] == [
        ("my_ops/Double", "Double"),
        ("my_ops/Twice", "Twice"),
    ]


def test_a_users_plain_functions_count_where_there_is_no_operator(tmp_path):
    text = "def f(x): return x\ndef test_f(): pass\ndef _g(x): return x\ndef none(): pass\n"
    assert [e.name for e in user_file(written(tmp_path, text, "plain.py"))] == ["plain/f"]
    assert user_file(written(tmp_path, "x = 1\n", "empty.py")) == []


def test_the_engines_own_catalogue_points_at_gradients():
    found = {entry.name: entry for entry in operators()}
    for name in ("arithmetic/add", "reduction/summation", "shape/stack", "linalg/matmul"):
        entry = found[name]
        line = Path(entry.path).read_text().splitlines()[entry.line - 1]
        assert line.strip().startswith("def gradient")
    assert found["arithmetic/add"].class_name == "EWiseAdd"


def test_no_two_families_offer_the_same_name():
    names = [name for e in operators() for name in {e.function, e.class_name} - {""}]
    assert sorted(names) == sorted(set(names))


def modules_after(code):
    script = f"{code}\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        cwd=ENGINE.parent,
    )  # fmt: skip
    return done.stdout.strip()


HEAVY = ["needle", "numpy", "hypothesis", "rich", "click"]


def test_listing_imports_nothing_heavy():
    assert (
        modules_after("from needle_cli.operators.catalogue import operators\noperators()") == "[]"
    )


def test_the_import_test_can_fail():
    assert "numpy" in modules_after("import numpy\nfrom needle_cli.operators import catalogue")
