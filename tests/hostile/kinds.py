"""Hostile operators as a table: what each does, and the verdict that it gets, alone as in company.

An operator is e^a. What it does besides is a piece of Python: in `compute` (`a` is its array), in
`gradient`, or when its file is imported. Then every such operator has a file of its own.
"""

import textwrap
from dataclasses import dataclass

PASS = "pass"


@dataclass(frozen=True)
class Kind:
    """One kind: name, verdict as `status check: words of the reason`, code, and where it runs.

    `slow` ones need a time limit or much memory.
    """

    name: str
    verdict: str
    code: str
    where: str = "compute"
    slow: bool = False

    def source(self):
        """Return the function of the operator, or the lines of its file."""
        if self.where == "import":
            return f"{PREAMBLE}\n{self.code}\n\n\ndef {self.name}(a):\n    return Exp()(a)\n"
        body = textwrap.indent(self.code, 8 * " ")
        return (
            f"def {self.name}(a):\n    def act(a):\n{body}\n\n    return Exp({self.where}=act)(a)\n"
        )


PREAMBLE = """
import atexit, builtins, contextlib, ctypes, decimal, faulthandler, gc, json, locale, mmap, os
import random, resource, select, signal, socket, subprocess, sys, threading, time, warnings
import numpy as np
import needle, needle_cli
from needle import Tensor, TensorOp
from needle.ops import exp

SUPPRESS = contextlib.suppress(Exception)


def nothing(a):
    pass


class Exp(TensorOp):
    def __init__(self, compute=nothing, gradient=nothing):
        self.acts = compute, gradient

    def compute(self, a):
        self.acts[0](a)
        return np.exp(a)

    def gradient(self, out_grad, node):
        self.acts[1](out_grad)
        return out_grad * exp(node.inputs[0])


def voices():
    from needle_cli.running.channel import Voice

    return [one for one in gc.get_objects() if isinstance(one, Voice)]


def descriptors():
    return [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]


class Evil:
    def __call__(self, *words):
        raise AttributeError("gone")

    __getattr__ = __call__
"""

PURITY = "fail purity: changes what is not its own: "
RAISED = "error forward: "

TABLE = [
    # How a process ends.
    Kind("exits", "error forward: exit code 0", "os._exit(0)"),
    Kind("exits_three", "error forward: exit code 3", "os._exit(3)"),
    Kind("exits_later", "error contract: exit code 4", "os._exit(4)", "gradient"),
    Kind("exits_as_lost", "error forward: closed a file", "os._exit(87)"),
    Kind("sys_exits", RAISED + "SystemExit", "sys.exit(0)"),
    Kind("aborts", "error forward: SIGABRT", "os.abort()"),
    Kind("segfaults", "error forward: SIGSEGV", "ctypes.string_at(0)"),
    Kind("segfaults_silently", "error forward: SIGSEGV",
         "faulthandler.disable()\nctypes.string_at(0)"),
    Kind("segfaults_ignored", "error forward: SIGSEGV",
         "signal.signal(signal.SIGSEGV, signal.SIG_IGN)\nctypes.string_at(0)"),
    Kind("kills_itself", "error forward: SIGKILL", "os.kill(os.getpid(), signal.SIGKILL)"),
    Kind("terminates_itself", "error forward: SIGTERM", "os.kill(os.getpid(), signal.SIGTERM)"),
    Kind("kills_its_group", "error forward: SIGKILL", "os.killpg(0, signal.SIGKILL)"),
    Kind("kills_its_parent", "error forward: ended the process that supervises it",
         "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(1e6)"),
    Kind("terminates_its_parent", "error forward: ended the process that supervises it",
         "os.kill(os.getppid(), signal.SIGTERM)\ntime.sleep(1e6)"),
    Kind("survives_its_parent", "error forward: ended the process that supervises it",
         "ctypes.CDLL(None).prctl(1, 0)\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(1e6)"),
    Kind("interrupts_its_parent", PASS, "os.kill(os.getppid(), signal.SIGINT)"),
    Kind("limits_its_parent", "error forward: ended the process that supervises it",
         "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (4, 4))"),
    Kind("interrupts_itself", PASS, "os.kill(os.getpid(), signal.SIGINT)"),
    Kind("stops_its_parent", "timeout forward: no answer", slow=True,
         code="os.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(1e6)"),
    Kind("stops_itself", "timeout forward: no answer", slow=True,
         code="os.kill(os.getpid(), signal.SIGSTOP)"),
    Kind("becomes_another", "error forward: exit code 0", "os.execv('/bin/true', ['true'])"),
    Kind("becomes_a_sleeper", "error forward: closed a file",
         "os.execv('/bin/sleep', ['sleep', '1000'])"),
    Kind("alarm", "error forward: SIGALRM", "signal.setitimer(0, 0.01)\ntime.sleep(1e6)"),
    Kind("dumps_and_exits", "error forward: exit code 1",
         "faulthandler.dump_traceback_later(0.01, exit=True)\ntime.sleep(1e6)"),
    Kind("exits_in_a_thread", "error forward: exit code 7",
         "threading.Timer(0, os._exit, (7,)).start()\ntime.sleep(1e6)"),
    Kind("replaced_exit", PASS, "os._exit = nothing"),
    Kind("deep_recursion", "error forward: SIGSEGV",
         "def deeper(f):\n    return deeper(map(deeper, [f]).__next__())\n"
         "sys.setrecursionlimit(10**9)\ndeeper(0)"),

    # What a process starts.
    Kind("forks", PASS, "sys.forks = getattr(sys, 'forks', 0) + 1\n"
         "if sys.forks < 9 and os.fork() == 0:\n    time.sleep(1000)"),
    Kind("forks_and_goes_on", PASS, "if not hasattr(sys, 'one'):\n"
         "    sys.one = os.fork()"),
    Kind("forks_a_crowd", PASS, "if not hasattr(sys, 'one'):\n    sys.one = 1\n"
         "    for _ in range(20):\n        if os.fork() == 0:\n            time.sleep(1000)"),
    Kind("forks_for_ever", "error forward: started more than",
         "for _ in range(10):\n    os.fork()\ntime.sleep(1000)"),
    Kind("forks_sessions_for_ever", "error forward: started more than",
         "for _ in range(10):\n    if os.fork() == 0:\n        os.setsid()\ntime.sleep(1000)"),
    Kind("forks_a_daemon", "error forward: exit code 0",
         "if os.fork():\n    os._exit(0)\nos.setsid()\nif os.fork():\n    os._exit(0)\n"
         "os.closerange(0, 4096)\ntime.sleep(1000)"),
    Kind("leaves_a_daemon", PASS,
         "if not hasattr(sys, 'one'):\n    sys.one = os.fork()\n    if not sys.one:\n"
         "        os.setsid()\n        if os.fork() == 0:\n            time.sleep(1000)\n"
         "        os._exit(0)"),
    Kind("starts_a_session", PASS,
         "if not hasattr(sys, 'one'):\n"
         "    sys.one = subprocess.Popen(['sleep', '1000'], start_new_session=True)"),
    Kind("starts_with_all_files", PASS,
         "if not hasattr(sys, 'one'):\n    for fd in descriptors():\n        with SUPPRESS:\n"
         "            os.set_inheritable(fd, True)\n"
         "    sys.one = subprocess.Popen(['sleep', '1000'], close_fds=False,\n"
         "                               start_new_session=True)"),
    Kind("waits_for_children", RAISED + "ChildProcessError", "os.waitpid(-1, 0)"),
    Kind("leads_a_session", RAISED + "PermissionError", "os.setsid()"),
    Kind("thread_for_ever", PASS, "threading.Thread(target=time.sleep, args=(1e6,)).start()"
         " if threading.active_count() < 9 else 0"),
    Kind("thread_that_raises", PASS,  # joined: fifty at once would meet the memory limit
         "t = threading.Thread(target=Evil())\nt.start()\nt.join()"),
    Kind("hangs_at_exit", PASS, "atexit.register(time.sleep, 1e6)"),
    Kind("exits_at_exit", PASS, "atexit.register(os._exit, 5)"),

    # Descriptors, and the tool's channel among them.
    Kind("closes_all", "error forward: closed a file", "os.closerange(3, 4096)\ntime.sleep(1e6)"),
    Kind("closes_all_and_goes_on", "error ", "os.closerange(3, 4096)"),
    Kind("closes_the_standard", PASS, "[os.close(fd) for fd in (0, 1, 2)]"
         " if not hasattr(sys, 'one') else 0\nsys.one = 1"),
    Kind("closes_stdout", PASS, "sys.stdout.close()"),
    Kind("writes_to_all", "error forward: wrote into",
         "for fd in descriptors():\n    with SUPPRESS:\n        os.write(fd, b'hello')"),
    Kind("writes_lines_to_all", "error forward: wrote into",
         "for fd in descriptors():\n    with SUPPRESS:\n        os.write(fd, b'{}\\n')"),
    Kind("writes_zeros_to_all", "error forward: wrote into",
         "for fd in descriptors():\n    with SUPPRESS:\n        os.write(fd, bytes(9999))"),
    Kind("writes_after_all", "error contract: wrote into", where="gradient",
         code="for fd in descriptors():\n    with SUPPRESS:\n        os.write(fd, b'hello')"),
    Kind("half_a_line", "error forward: wrote into",
         "v = voices()[0]\nos.write(v._channel.fileno(), v._number.encode())\n"
         "time.sleep(1e6)"),
    Kind("forges_no_rows", "error forward: 0 answers",
         "voices()[0].say('answer', {'rows': []})\ntime.sleep(1e6)"),
    Kind("forges_garbage", "error forward: cannot be read",
         "voices()[0].say('answer', {'rows': [{'op': 3}]})\ntime.sleep(1e6)"),
    Kind("forges_no_answer", "error forward: cannot be read",
         "voices()[0].say('answer', {})\ntime.sleep(1e6)"),
    Kind("forges_a_list", "error forward: wrote into",
         "voices()[0].say('answer', [])\ntime.sleep(1e6)"),
    Kind("forges_an_end", "error forward: wrote into",
         "voices()[0].say('ended', {'ending': 'answer'})\ntime.sleep(1e6)"),
    Kind("says_in_a_fork", PASS, "if os.fork() == 0:\n    voices()[0].say('answer', {})"),
    Kind("replaces_the_channel", "error forward: closed a file",
         "for fd in descriptors():\n    os.dup2(os.open(os.devnull, os.O_WRONLY), fd)\n"
         "time.sleep(1e6)"),
    Kind("shuts_the_channel", "error forward: closed a file",
         "for fd in descriptors():\n    with SUPPRESS:\n"
         "        socket.socket(fileno=os.dup(fd)).shutdown(2)\ntime.sleep(1e6)"),
    Kind("reads_all", "timeout forward: no answer", slow=True,
         code="for fd in descriptors():\n    with SUPPRESS:\n        os.read(fd, 9999)"),
    Kind("never_blocks", PASS, "for fd in descriptors():\n    with SUPPRESS:\n"
         "        os.set_blocking(fd, False)"),
    Kind("opens_many", PASS, "[os.open(os.devnull, os.O_RDONLY) for _ in range(100)]"
         " if len(descriptors()) < 90 else 0"),
    Kind("prints", "error purity: printed", "print('hello')"),
    Kind("prints_bytes", "error purity: printed", "os.write(1, b'\\xff\\x00\\x1b[31m')"),
    Kind("prints_to_stderr", PASS, "os.write(2, b'Fatal Python error: not really')"),
    Kind("floods_stdout", "error forward: wrote more than",
         "while True:\n    os.write(1, bytes(2**20))"),
    Kind("floods_stderr", "error forward: wrote more than",
         "while True:\n    os.write(2, bytes(2**20))"),
    Kind("floods_the_channel", "error forward: wrote into", "while True:\n"
         "    for fd in descriptors():\n        with SUPPRESS:\n"
         "            os.write(fd, bytes(2**20))"),
    Kind("no_stdout", PASS, "sys.stdout = sys.stderr = sys.stdin = None"),
    Kind("evil_stdout", PASS, "sys.stdout = sys.stderr = Evil()"),
    Kind("reads_input", PASS, "with contextlib.suppress(EOFError):\n    input()"),

    # Time.
    Kind("sleeps", "timeout forward: no answer", "time.sleep(1e6)", slow=True),
    Kind("sleeps_in_gradient", "timeout contract: no answer", "time.sleep(1e6)", "gradient", True),
    Kind("spins", "timeout forward: no answer", "while True:\n    pass", slow=True),
    Kind("holds_the_interpreter", "timeout forward: no answer",
         "ctypes.PyDLL(None).sleep(1000)", slow=True),
    Kind("deadlocks", "timeout forward: no answer", slow=True,
         code="lock = threading.Lock()\nlock.acquire()\nlock.acquire()"),
    Kind("ignores_signals", "timeout forward: no answer", slow=True,
         code="for n in range(1, 65):\n    with SUPPRESS:\n"
         "        signal.signal(n, signal.SIG_IGN)\ntime.sleep(1e6)"),
    Kind("waits_in_its_text", "timeout forward: no answer", slow=True,
         code="class Slow(Exception):\n    def __str__(self):\n        time.sleep(1e6)\n"
         "raise Slow"),
    Kind("sleeps_when_it_is_found_wrong", "fail gradient: found before this: no answer",
         "if a.shape:\n    a.cached_data = a.cached_data * 2.0\n"
         "    sys.calls = getattr(sys, 'calls', 0) + 1\n"
         "if getattr(sys, 'calls', 0) > 60:\n    time.sleep(1e6)", "gradient", True),
    Kind("no_clock", PASS, "time.monotonic = time.perf_counter = lambda: 0.0"),
    Kind("no_sleep", PASS, "time.sleep = nothing"),

    # Memory.
    Kind("hogs", RAISED + "MemoryError", slow=True,
         code="kept = []\nwhile True:\n    kept.append(np.ones(2**22))"),
    Kind("hogs_shared", "error forward: used more memory", slow=True,
         code="kept = []\nwhile True:\n    kept.append(mmap.mmap(-1, 2**25))\n"
         "    np.frombuffer(kept[-1], np.uint8)[::4096] = 1"),
    Kind("hogs_in_a_child", "error forward: used more memory", slow=True,
         code="if os.fork() == 0:\n    kept = mmap.mmap(-1, 2**30)\n"
         "    np.frombuffer(kept, np.uint8)[::4096] = 1\ntime.sleep(1e6)"),
    Kind("hogs_in_children", "error forward: used more memory", slow=True,
         code="for _ in range(3):\n    if os.fork() == 0:\n        kept = np.ones(2**25)\n"
         "        time.sleep(1e6)\ntime.sleep(1e6)"),
    Kind("asks_for_all", RAISED + "MemoryError", "np.empty(2**45)"),

    # What others compute with.
    Kind("changes_numpy", PURITY + "numpy.exp2", "np.exp2 = np.exp"),
    Kind("changes_what_is_equal", PURITY + "numpy.e", "np.e = type('E', (float,), {})(np.e)"),
    Kind("adds_to_numpy", PURITY + "numpy.mine", "np.mine = 1"),
    Kind("takes_from_numpy", PURITY + "numpy.i0", "with SUPPRESS:\n    del np.i0"),
    Kind("changes_a_submodule", PURITY + "numpy.linalg.cond", "np.linalg.cond = nothing"),
    Kind("changes_builtins", PURITY + "builtins.pow", "builtins.pow = pow.__call__"),
    Kind("adds_to_builtins", PURITY + "builtins.mine", "builtins.mine = 1"),
    Kind("changes_the_engine", PURITY + "needle.ops.flip", "needle.ops.flip = nothing"),
    Kind("changes_a_class", PURITY + "needle.tensor.Tensor.__lt__", "Tensor.__lt__ = nothing"),
    Kind("changes_the_judge", PURITY + "needle_cli.checking.model.Case.mine",
         "from needle_cli.checking.model import Case\nCase.mine = 1"),
    Kind("changes_at_import", PURITY + "numpy.exp2", "np.exp2 = np.exp", "import"),
    Kind("wrong_exp_for_others", PURITY + "numpy.exp",
         "if not hasattr(np.exp, 'mine'):\n    right = np.exp\n"
         "    np.exp = lambda *a, **k: right(*a, **k)\n    np.exp.mine = 1"),
    Kind("clears_the_modules", PURITY + "sys.modules[", "sys.modules.clear()"),
    Kind("empties_functions", PURITY + "needle_cli.",
         "import needle_cli.checking.numerics.windows as w\n"
         "for f in list(vars(w).values()):\n    if hasattr(f, '__code__'):\n"
         "        f.__code__ = (lambda *a, **k: None).__code__"),
    Kind("no_modules", PASS, "sys.modules.pop('numpy.linalg', 0)"),
    Kind("no_path", PASS, "sys.path.clear()"),
    Kind("no_environment", PASS, "os.environ.clear()"),
    Kind("another_folder", PASS, "os.chdir('/')"),
    Kind("floating_errors", PASS, "np.seterr(all='ignore')"),
    Kind("warnings_raise", PASS, "warnings.simplefilter('error')"),
    Kind("seeds", PASS, "random.seed(0)\nnp.random.seed(0)"),
    Kind("handlers", PASS, "signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
    Kind("switches", PASS, "sys.setswitchinterval(100.0)"),
    Kind("no_collector", PASS, "gc.disable()\ngc.set_threshold(0)"),
    Kind("locale_and_context", PASS, "locale.setlocale(locale.LC_ALL, 'C')\n"
         "decimal.getcontext().prec = 1\nsocket.setdefaulttimeout(0.0)\nos.umask(0o777)"),
    Kind("hooks", PASS, "sys.excepthook = threading.excepthook = sys.unraisablehook = Evil()"),
    Kind("traces", PASS, "sys.settrace(lambda *words: None)"),
    Kind("limits_itself", PASS, "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"),
    Kind("no_json", "error purity: wrote into", "json.dumps = lambda *a, **k: 'x'"),
    Kind("no_write", "timeout ", "os.write = lambda *words: 0", slow=True),
    Kind("another_pid", "error ", "os.getpid = lambda: 1"),
    Kind("removes_temporary_folders", PASS,
         "import glob, shutil, tempfile\n"
         "for path in glob.glob(tempfile.gettempdir() + '/needle-*'):\n"
         "    if 'tests' not in path:\n        shutil.rmtree(path, ignore_errors=True)"),

    # What it raises and returns.
    Kind("raises", RAISED + "ValueError: on purpose", "raise ValueError('on purpose')"),
    Kind("raises_interrupt", "error forward: KeyboardInterrupt", "raise KeyboardInterrupt"),
    Kind("raises_at_length", RAISED + "ValueError: xxx", "raise ValueError('x' * 10**8)"),
    Kind("raises_in_its_text", RAISED + "Silent",
         "class Silent(Exception):\n    __str__ = Evil()\nraise Silent"),
    Kind("raises_surrogates", RAISED + "ValueError", "raise ValueError('\\udc80\\x00\\x1b[31m')"),
    Kind("raises_no_exception", RAISED + "Unusual",
         "raise type('Unusual', (BaseException,), {})('x')"),
    Kind("raises_memory", RAISED + "MemoryError", "raise MemoryError"),
    Kind("raises_stop", RAISED + "StopIteration", "raise StopIteration"),
    Kind("recurses", RAISED + "RecursionError", "act_again = lambda: act_again()\nact_again()"),
    Kind("limits_recursion", RAISED + "RecursionError", "sys.setrecursionlimit(5)"),
    Kind("changes_its_input", "fail ", "a += 1"),
    Kind("counts_its_calls", "error ", "sys.calls = getattr(sys, 'calls', 0) + 1\n"
         "if sys.calls % 7 == 0 and a.size:\n    raise ValueError('the seventh call')"),

    # What its file does when it is imported.
    Kind("import_raises", "error forward: cannot import", "raise ValueError('no')", "import"),
    Kind("import_exits", "error forward: cannot import", "sys.exit(0)", "import"),
    Kind("import_ends", "error forward: exit code 5", "os._exit(5)", "import"),
    Kind("import_crashes", "error forward: SIGSEGV", "ctypes.string_at(0)", "import"),
    Kind("import_sleeps", "timeout forward: no answer", "time.sleep(1e6)", "import", True),
    Kind("import_forks", PASS, "if os.fork() == 0:\n    time.sleep(1000)", "import"),
    Kind("import_prints", "error purity: printed", "print('imported')", "import"),
    Kind("import_closes", "error forward: closed a file", "os.closerange(3, 4096)\ntime.sleep(9)",
         "import"),
    Kind("import_moves", PASS, "os.chdir('/')\nsys.path.clear()\nos.environ.clear()", "import"),
]  # fmt: skip

KINDS = {kind.name: kind for kind in TABLE}
