"""Tests run in as many processes as there are cores, so each gets one thread for its arrays."""

import os

from needle_cli.running.worker import ONE_THREAD

for name in ONE_THREAD:
    os.environ.setdefault(name, "1")
