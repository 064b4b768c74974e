"""The html report as a browser shows it: all is there, in light and dark, wide and narrow."""

import numpy as np
import pytest

from tests.browser import Visit, browser  # noqa: F401 - the fixture
from tests.helpers import needle

OPERATORS = '''
import numpy as np
from needle import Tensor, TensorOp


class Square(TensorOp):
    """y = a a; da = 2 a dy, but for the last column where `kept` is not 1."""

    def __init__(self, kept):
        self.kept = kept

    def compute(self, a):
        return a * a

    def gradient(self, out_grad, node):
        a = node.inputs[0]
        kept = np.ones(a.shape, dtype=a.dtype)
        kept[..., -1:] = self.kept
        return out_grad * a * Tensor(2 * kept, requires_grad=False)


def square(a):
    return Square(1.0)(a)


def column(a):
    return Square(0.5)(a)
'''
SPEC = """op = "layers:{name}"
reference = "numpy:square"
formula = "y = a a; da = 2 a dy"
args = ["a"]
input.a = "(m, n)"
"""
PIECES = {
    "the curve": ".operator[open] figure:has(figcaption:text('numeric slope')) svg",
    "the error map": ".operator[open] figure:has(figcaption:text('analytic − numeric')) svg",
    "the history": ".operator[open] figure:has(figcaption:text('report by report')) svg",
    "the entries": ".operator[open] .finding table",
    "the replay line": ".operator[open] .finding pre:has-text('needle replay')",
}
HARMS = (
    {
        "asks for https://": ("<body>", '<body><img src="https://example.invalid/a.png">'),
        "the curve": ("the numeric slope at a typical case", "something"),
        "the entries": ("<table>", '<table style="display: none">'),
        "the filter by words": ("wanted.every(word => text.includes(word))", "true"),
        "the filter by group": ("groups.has(item.dataset.group)", "true"),
        "too wide when narrow": ("body {", "body { min-width: 40rem;"),
    },
    {
        "an error in a script": ('words.addEventListener("input", filter);', "words.no();"),
        "the error map": ("analytic − numeric", "something"),
        "the history": ("worst error, report by report", "something"),
        "the replay line": ("needle replay", "needle"),
        "dark paper": ("prefers-color-scheme: dark", "prefers-color-scheme: no-preference"),
    },
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Return the page of a right and a wrong operator with an earlier report beside it."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "layers.py").write_text(OPERATORS)
    (folder / "layers.specs").mkdir()
    for name in ("square", "column"):
        (folder / "layers.specs" / f"{name}.toml").write_text(SPEC.format(name=name))
    asked = ("check", "layers.py", "-n", 20, "--seed", 3)
    code, _, _ = needle(*asked, "--report=json=before.json", cwd=folder)
    assert code == 1
    needle(*asked, "--earlier=before.json", "--report=html=page.html", cwd=folder)
    return folder / "page.html"


def complaints(browser, path):  # noqa: F811
    """Return what a reader of a page would miss."""
    wrong = []
    with Visit(browser, path) as visit:
        wrong += [piece for piece, selector in PIECES.items() if not visit.visible(selector)]
        pixels = visit.pixels()
        if pixels[2, 2].mean() < 200 or len(np.unique(pixels.reshape(-1, 3), axis=0)) < 50:
            wrong.append("light paper with colours")
        if visit.shown() != ["layers/column", "layers/square"]:
            wrong.append("the table")
        visit.type("square")
        if visit.shown() != ["layers/square"]:
            wrong.append("the filter by words")
        visit.type("")
        visit.toggle("right")
        if visit.shown() != ["layers/column"]:
            wrong.append("the filter by group")
        wrong += visit.wrong
    with Visit(browser, path, scheme="dark") as visit:
        if visit.pixels()[2, 2].mean() > 60:
            wrong.append("dark paper")
    with Visit(browser, path, width=390) as visit:
        visit.pixels()
        if visit.overflow() > 0:
            wrong.append("too wide when narrow")
    return wrong


def test_a_browser_shows_all_of_a_report(browser, report):  # noqa: F811
    assert complaints(browser, report) == []


@pytest.mark.parametrize("harms", HARMS, ids=["first", "second"])
def test_every_harm_to_a_page_is_seen(browser, report, tmp_path, harms):  # noqa: F811
    text = report.read_text(encoding="utf-8")
    for old, new in harms.values():
        assert old in text
        text = text.replace(old, new)
    harmed = tmp_path / "harmed.html"
    harmed.write_text(text, encoding="utf-8")
    assert set(harms) <= set(complaints(browser, harmed))
