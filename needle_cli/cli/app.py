"""The entry point, and the guard that keeps exit code 1 for findings.

click returns 1 for its own errors, for aborts and for Ctrl-C, and Python returns 1 for any uncaught
exception; all of these would look like a wrong gradient. So click's own `main` is not used. Only
the standard library is imported at the top, because worker processes import this module again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence

from needle_cli import console, stopping
from needle_cli.cli import COMPLETE
from needle_cli.problems import (
    INTERNAL,
    INTERRUPTED,
    INTERRUPTIONS,
    PASSED,
    UNUSABLE,
    Problem,
    cut,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    console.open_streams()
    try:
        with stopping.listening():
            code = _guarded(arguments)
    except KeyboardInterrupt as stop:
        code = stopping.code_of(stop)
    lost = console.finish()
    if not lost:
        return code
    console.tell(f"needle: cannot write to standard output: {lost}")
    return code if code in INTERRUPTIONS else INTERNAL


def _guarded(arguments: list[str]) -> int:
    """Run a command line; every exception but an interruption becomes an exit code."""
    import click

    try:
        return _command(arguments)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as end:
        click.echo(end.format_message())
        return UNUSABLE
    except click.ClickException as error:
        return _report(Problem(_sentence(error)), arguments)
    except Problem as problem:
        return _report(problem, arguments)
    except click.Abort:
        return INTERRUPTED
    except OSError as error:
        if error.errno in LOST and error.filename is None:
            console.lose(error)  # by click, which prints help pages itself
            return PASSED
        if error.errno in REFUSED:
            return _report(Problem(_of_the_system(error)), arguments)
        return _internal(error, arguments)
    except (SystemExit, Exception) as error:
        return _internal(error, arguments)


LOST = (errno.ENOSPC, errno.EIO, errno.EPIPE, errno.EBADF, errno.EDQUOT)
"""What writing to a standard stream that is full, gone or not for writing fails with."""


REFUSED = (
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP,
    errno.ENAMETOOLONG,
)  # fmt: skip
"""What the system refuses a file or a folder with: nothing of ours is wrong."""


def _of_the_system(error: OSError) -> str:
    """Return in words which file the system refused, and why."""
    if error.filename is not None:
        return f"{cut(str(error.filename))}: {error.strerror}"
    try:
        os.getcwd()
    except OSError:
        return "the working directory is gone: change into one that exists"
    return error.strerror or str(error)


def _command(arguments: list[str]) -> int:
    from needle_cli.cli.commands import needle

    instruction = os.environ.get(COMPLETE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(needle, {}, "needle", COMPLETE, instruction)
    with needle.make_context("needle", arguments) as context:
        code = needle.invoke(context)
    return code if isinstance(code, int) else PASSED


def _sentence(error: object) -> str:
    """Return click's message on one line, in the style of ours."""
    text = " ".join(error.format_message().split())  # type: ignore[attr-defined]
    return text[:1].lower() + text[1:].rstrip(".")


def _report(problem: Problem, arguments: list[str]) -> int:
    if wants_json(arguments):
        print_error(problem.document())
    _tell_files(problem.document(), arguments)
    console.tell(f"needle: {problem}")
    return problem.code


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a command line, which may be invalid, asks for JSON on stdout."""
    for place, word in enumerate(arguments):
        if word == "--format" and place + 1 < len(arguments):
            return arguments[place + 1] == "json"
        if word.startswith("--format="):
            return word == "--format=json"
        if word == "--json":
            return True
    return os.environ.get("NEEDLE_FORMAT") == "json"


def _tell_files(error: dict[str, object], arguments: Sequence[str]) -> None:
    """Write an error into the files that a command line asks for, if they can be found in it.

    A build server that waits for a report must not take a missing file for success.
    """
    words = [
        arguments[place + 1] if word in FILES and place + 1 < len(arguments) else word[len(flag) :]
        for place, word in enumerate(arguments)
        for flag in (f"{name}=" for name in FILES)
        if word.startswith(flag) or word == flag[:-1]
    ]
    words = [part for word in words for part in word.split(",")]
    if words:
        from needle_cli.reports.outputs import write_error

        with contextlib.suppress(Exception):
            write_error(error, words)


FILES = ("--report", "--to")
"""Options that name output files."""


def print_error(error: dict[str, object]) -> None:
    """Print the `error` document of the report schema."""
    from needle_cli.reports import documents

    console.write(console.json_text(documents.failed(error)))


def _internal(error: BaseException, arguments: Sequence[str]) -> int:
    """Print one line that says that the tool failed and where the traceback is."""
    import traceback

    text = "".join(traceback.format_exception(error))
    line = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    if wants_json(arguments):
        print_error({"kind": "internal", "message": line})
    _tell_files({"kind": "internal", "message": line}, arguments)
    console.tell(f"needle: internal error: {line}; {keep_traceback(text, arguments)}")
    return INTERNAL


def keep_traceback(text: str, arguments: Sequence[str]) -> str:
    """Write a traceback to a file; return words that say where it is."""
    import tempfile

    if any(word in ("-vv", "-vvv") for word in arguments) or list(arguments).count("-v") > 1:
        return f"traceback:\n{text.rstrip()}"
    try:
        handle, path = tempfile.mkstemp(prefix="needle-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError:
        return "run again with -vv for the traceback"
    return f"traceback in {path}"
