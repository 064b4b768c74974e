"""`python -m tests.forked`: runs command lines in forks of a process that has loaded the tool.

To start an interpreter and to load NumPy and the tool takes longer than most of the command lines
that tests ask for. Here both happen once. Every command line still has a process, a working
directory and an environment of its own, and so have the workers that it starts. It reads requests
and writes answers, one line of JSON each; `run` asks.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import multiprocessing
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
POSSIBLE = sys.platform == "linux"
LEFT_OUT = ("needle_cli.engines.own", "needle_cli.running.worker_tasks", "needle_cli.references",
            "needle_cli.__main__")  # fmt: skip
"""Modules that load an engine or belong to its operators, as workers do, or that run something."""


STREAMS = ("stdin", "stdout", "stderr")


def run(words, cwd, env, timeout, streams=None, largest=0, tree=ROOT):
    """Run `needle`; return exit code, stdout and stderr as bytes.

    `streams` says of standard streams by name that they lead to a path, or with None that they are
    closed; `largest` is the most bytes that a file may have; `tree` is the repository, or a copy
    of it, that the tool is loaded from. Raises `subprocess.TimeoutExpired`.
    """
    server = _server(str(tree))
    with tempfile.TemporaryDirectory(prefix="needle-tests-") as folder:
        leading = {name: f"{folder}/{name}" for name in STREAMS[1:]} | {"stdin": os.devnull}
        request = {
            "words": words,
            "cwd": str(cwd),
            "env": env,
            "largest": largest,
            "streams": leading | (streams or {}),
            "whole": bool(streams or largest),
        }
        server.stdin.write(json.dumps(request).encode() + b"\n")
        server.stdin.flush()
        if not select.select([server.stdout], [], [], timeout)[0]:
            _end(server)
            _server.cache_clear()  # another server is started when it is needed
            raise subprocess.TimeoutExpired(words, timeout)
        code = json.loads(server.stdout.readline())
        written = (Path(folder) / name for name in STREAMS[1:])
        return code, *(path.read_bytes() if path.exists() else b"" for path in written)


@cache
def _server(tree):
    command = [sys.executable, "-X", "utf8", "-m", "tests.forked"]
    env = os.environ | {"PYTHONPATH": f"{tree}{os.pathsep}{ROOT}"}
    server = subprocess.Popen(
        command, cwd=tree, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        start_new_session=True,
    )  # fmt: skip
    atexit.register(_end, server)
    return server


def _end(server):
    """End the server and the command that it runs."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def serve():
    """Answer requests until there are no more."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    _load()
    gc.freeze()
    for line in requests:
        child = os.fork()
        if not child:
            requests.close()
            answers.close()
            _command(**json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answers.write(b"%d\n" % code)


def _load():
    import needle_cli

    for module in pkgutil.walk_packages(needle_cli.__path__, "needle_cli."):
        if not module.name.startswith(LEFT_OUT):
            importlib.import_module(module.name)


def _command(words, cwd, env, streams, largest, whole):
    """Be the process of a command line; with `whole`, one that ends as Python does."""
    for target, name in enumerate(STREAMS):
        if streams[name] is None:
            os.close(target)
            setattr(sys, name, None)  # as in a process that starts without it
            continue
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND if target else os.O_RDONLY
        os.dup2(os.open(streams[name], flags, 0o600), target)
    if largest:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[:1] = [cwd, *env["PYTHONPATH"].split(os.pathsep)]
    sys.argv[1:] = words
    forking = multiprocessing.get_context("fork")
    multiprocessing.get_context = lambda method=None: forking
    from needle_cli.cli.app import main

    code = main()
    if whole:
        sys.exit(code)
    sys.stdout.flush()
    atexit._run_exitfuncs()
    os._exit(code)  # taking the interpreter apart would copy every page of it


if __name__ == "__main__":
    serve()
