"""A headless Chromium that is already on the machine, and what a reader sees of a page in it.

`CHROMIUM` may name it; pictures of what it saw are left in the folder that `NEEDLE_PICTURES` names.
"""

import os
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Visit:
    """A page that is open in a browser, with what went wrong on the way."""

    def __init__(self, browser, path, scheme="light", width=1200):
        self.wrong = []
        self._page = browser.new_page(
            color_scheme=scheme, viewport={"width": width, "height": 900}
        )  # fmt: skip
        self._page.on("request", self._asked)
        self._page.on("pageerror", lambda error: self.wrong.append("an error in a script"))
        self._page.goto(path.as_uri())
        self.name = f"{path.stem}-{scheme}-{width}.png"

    def _asked(self, request):
        scheme = request.url.partition("//")[0] + "//"
        if scheme != "file://":
            self.wrong.append(f"asks for {scheme}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._page.close()

    def visible(self, selector):
        """Return whether something of a size that can be read is shown."""
        for found in self._page.locator(selector).all():
            box = found.bounding_box()
            if box and box["width"] > 100 and box["height"] > 20:
                return True
        return False

    def pixels(self):
        """Return the window's pixels, rows × columns × RGB in 0…255."""
        if folder := os.environ.get("NEEDLE_PICTURES"):
            self._page.screenshot(full_page=True, path=Path(folder, self.name))
        picture = self._page.screenshot()
        return np.asarray(Image.open(BytesIO(picture)).convert("RGB"))

    def shown(self):
        """Return the names of the operators in the table, as a reader sees them."""
        names = self._page.locator(".operator:visible > summary > .mono").all()
        return [name.inner_text() for name in names]

    def text_of(self, name):
        """Return what is written below the line of an operator that is open."""
        return self._page.locator(f".operator[id='{name}'] > .body").inner_text()

    def type(self, words):
        self._page.fill("#words", words)

    def toggle(self, group):
        self._page.click(f"input.group[value={group}]")

    def overflow(self):
        """Return by how many pixels the page is wider than the window."""
        return self._page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
