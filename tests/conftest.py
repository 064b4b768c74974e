"""One thread per process, and which of the long sweeps (`-m campaign`) are run."""

import gc
import os

from needle_cli.running.worker import ONE_THREAD
from tests.campaign import ROOT, concerns, may_sweep, touched_since

# Tests run in as many processes as there are cores, so each gets one thread for its arrays.
for name in ONE_THREAD:
    os.environ.setdefault(name, "1")


def pytest_addoption(parser):
    parser.addoption(
        "--touched", metavar="REF",
        help="of the tests marked campaign, run those alone that a change since REF bears on",
    )  # fmt: skip


def pytest_ignore_collect(collection_path, config):
    """Import no file without a long sweep where those alone are asked for."""
    sweeps_alone = config.option.markexpr == "campaign"
    return True if sweeps_alone and not may_sweep(collection_path) else None


def pytest_collection_modifyitems(config, items):
    ref = config.getoption("--touched")
    if ref is None:
        return
    touched = touched_since(ref)
    kept, left_out = [], []
    for item in items:
        swept = item.get_closest_marker("campaign") is not None
        wanted = not swept or concerns(*_place(item), touched)
        (kept if wanted else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def _place(item):
    """Return the file of a test, below the root, and the texts among its parameters."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    file = item.path.relative_to(ROOT).as_posix()
    return file, [getattr(value, "name", value) for value in parameters if _named(value)]


def _named(value):
    return isinstance(getattr(value, "name", value), str)


def pytest_collection_finish():
    """Let collections of garbage leave out what collecting tests has made: it stays."""
    gc.collect()
    gc.freeze()
