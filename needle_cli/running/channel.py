"""What a process says to the one that started it: lines, each with the number of its question.

A reader never waits: it takes what is there, and half a line stays until the rest comes. Whatever
does not begin with the number of the question was not said by this module.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from os import _exit  # by its name: an operator may replace that of the module
from typing import Any, NamedTuple

LONGEST = 256 * 2**20
"""A longer line, in bytes, is not read to its end."""

AT_ONCE = 2**20
"""Most bytes that are read at once, so that a flood cannot hide that time has passed."""

CHANNEL_LOST = 87
"""Exit code of a process whose channel to its supervisor no longer works."""


class Malformed(Exception):
    """A line that is not one: something else has written into the channel."""


class Said(NamedTuple):
    """One line: what kind of message it is, and its JSON text, not read yet."""

    kind: str
    text: str


def message_of(text: str) -> dict[str, Any]:
    """Return the message of a JSON text; raises `Malformed` unless it is an object."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed from error
    if not isinstance(message, dict):
        raise Malformed
    return message


class Voice:
    """Says lines, and only in the process that made it: a forked child that tries to ends there."""

    def __init__(self, channel: Connection, number: str) -> None:
        self._channel, self._number = channel, number
        self._process, self._identity = os.getpid(), _identity(channel)
        self._lock = threading.Lock()

    def say(self, kind: str, data: dict[str, Any]) -> None:
        """Say a line; end the process if the channel is gone or was replaced by another file."""
        if os.getpid() != self._process:
            _exit(0)
        line = f"{self._number} {kind} {json.dumps(data)}\n".encode()
        try:
            with self._lock:
                if _identity(self._channel) != self._identity:
                    _exit(CHANNEL_LOST)
                _write(self._channel, line)
        except (OSError, ValueError):
            _exit(CHANNEL_LOST)


class Ear:
    """Hears the lines that a `Voice` of the same number says at the other end."""

    def __init__(self, channel: Connection, number: str) -> None:
        self.channel = channel
        self.closed = False
        self._number = number.encode()
        self._heard = bytearray()
        self._searched = 0

    def hear(self) -> Iterator[Said]:
        """Yield the lines that are there; raises `Malformed` at anything else."""
        self._read()
        while (end := self._heard.find(b"\n", self._searched)) >= 0:
            number, _, rest = bytes(self._heard[:end]).partition(b" ")
            del self._heard[: end + 1]
            self._searched = 0
            kind, space, text = rest.partition(b" ")
            if number != self._number or not space:
                raise Malformed
            yield Said(kind.decode("utf-8", "replace"), text.decode("utf-8", "replace"))
        self._searched = len(self._heard)
        begun = bytes(self._heard[: len(self._number)])
        if not self._number.startswith(begun) or len(self._heard) > LONGEST:
            raise Malformed

    def _read(self) -> None:
        taken = 0
        try:
            while not self.closed and taken < AT_ONCE and self.channel.poll(0):
                chunk = _read(self.channel)
                self.closed = not chunk
                self._heard += chunk
                taken += len(chunk)
        except (EOFError, OSError):
            self.closed = True


if sys.platform == "win32":

    def _identity(channel: Connection) -> object:
        return channel.fileno()

    def _write(channel: Connection, line: bytes) -> None:
        channel.send_bytes(line)

    def _read(channel: Connection) -> bytes:
        return channel.recv_bytes(LONGEST)

else:

    def _identity(channel: Connection) -> object:
        found = os.fstat(channel.fileno())
        return found.st_dev, found.st_ino

    def _write(channel: Connection, line: bytes) -> None:
        left = memoryview(line)
        while left:
            left = left[os.write(channel.fileno(), left) :]

    def _read(channel: Connection) -> bytes:
        return os.read(channel.fileno(), 2**16)
