"""The rule of imports: which room may import which, and no circle, late and string imports too.

`LEVELS` is the architecture. A file imports from its own room and from rooms on lower lines.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from needle_cli.gate.changed import HARMLESS

ROOT = Path(__file__).parent.parent
PACKAGES = ("needle_cli", "needle")

LEVELS = """
    __main__ __init__
    cli integrations
    running
    gate
    operators
    specs reports
    engines records
    checking/__init__
    checking/library checking/search
    checking/diagnosis checking/faults
    checking/checks
    checking/generation
    checking/parameters checking/kinks
    checking/domains
    checking/numerics
    checking
    ground
"""
"""The rooms of needle_cli, those that import above those that are imported.

`checking` are the loose files of that folder, `ground` those of needle_cli itself. The two
`__init__` are doors: they re-export.
"""

OUTSIDERS = {
    "needle": ("engines",),
    "click": ("cli",),
    "rich": ("reports/terminal",),
    "hypothesis": ("checking/generation", "checking/search"),
    "numpy": ("integrations", "running/worker_tasks", "specs", "records", "engines", "checking",
              "references"),
    "pytest": ("integrations/pytest_plugin",),
}  # fmt: skip
"""Where each of these packages may be imported; nowhere else."""

MODULE = re.compile(r"(?:needle|needle_cli)(?:\.\w+)+")


class House:
    """The imports of every file, each resolved to a module or a package from outside.

    `planted` are lines that are read at the end of some files, by file.
    """

    def __init__(self, planted=()):
        files = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
        self.paths = {_module_name(path.relative_to(ROOT)): path for path in files}
        texts = {name: path.read_text(encoding="utf-8") for name, path in self.paths.items()}
        for file, line in dict(planted).items():
            texts[_module_name(Path(file))] += f"\n{line}\n"
        self.imports = {name: self._imports(name, text) for name, text in texts.items()}

    def _imports(self, name, text):
        """Return (line, module) of every import of a file, in whatever form it stands."""
        found = set()
        for node in _nodes(text):
            if isinstance(node, ast.Import):
                # `import needle_cli` alone says where the package lies.
                found |= {(node.lineno, a.name) for a in node.names if a.name != "needle_cli"}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{name}: relative import"
                found |= {(node.lineno, self._member(node.module, a.name)) for a in node.names}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                module = node.value.partition(":")[0]
                if MODULE.fullmatch(module) and module in self.paths:
                    found.add((node.lineno, module))
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                found |= {(node.lineno, module) for module in self._meant(node.args[0], name)}
        return {(line, module) for line, module in found if module != name}

    def _member(self, module, attribute):
        inner = f"{module}.{attribute}"
        return inner if inner in self.paths else module

    def _meant(self, word, name):
        """Yield the modules that an f-string or a constant means."""
        if isinstance(word, ast.Constant):
            yield word.value
        elif isinstance(word, ast.JoinedStr):
            head = ""
            for part in word.values:
                if isinstance(part, ast.FormattedValue):
                    if ast.unparse(part.value) != "__name__":
                        break
                    head += name
                else:
                    head += part.value
            yield from (module for module in self.paths if head and module.startswith(head))

    def forbidden(self):
        """Return a line for every import that the rule does not allow."""
        levels = {room: k for k, line in enumerate(LEVELS.split("\n")) for room in line.split()}
        found = set()
        for name, imports in self.imports.items():
            mine = room_of(name)
            for _, module in imports:
                package = module.partition(".")[0]
                if package == "needle_cli":
                    theirs = room_of(module)
                    if mine == "needle" or (mine != theirs and levels[mine] >= levels[theirs]):
                        found.add(f"{name} -> {module}")
                elif package in OUTSIDERS and mine != "needle":
                    inside = name.removeprefix("needle_cli.").replace(".", "/")
                    if not any(f"{inside}/".startswith(f"{r}/") for r in OUTSIDERS[package]):
                        found.add(f"{name} -> {package}")
        return found

    def circles(self):
        """Return the files that import each other in a circle, a set for each circle."""
        reached = {}
        graph = {name: {m for _, m in found if m in self.paths}
                 for name, found in self.imports.items()}  # fmt: skip
        for name in graph:
            waiting, seen = list(graph[name]), set()
            while waiting:
                module = waiting.pop()
                if module not in seen:
                    seen.add(module)
                    waiting += graph[module]
            reached[name] = seen
        return {
            frozenset(other for other in seen if name in reached[other])
            for name, seen in reached.items()
            if name in seen
        }


@cache
def _nodes(text):
    """Return the nodes of a source text that may import something."""
    kinds = (ast.Import, ast.ImportFrom, ast.Constant, ast.Call)
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]


def _module_name(path):
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def room_of(module):
    """Return the room of a module: a folder of needle_cli, in `checking` one floor deeper."""
    package, *inside = module.split(".")
    if package == "needle":
        return "needle"
    if not inside or inside == ["__main__"]:
        return "__main__" if inside else "__init__"
    if inside[0] == "checking":
        if len(inside) == 1:
            return "checking/__init__"
        return f"checking/{inside[1]}" if f"checking/{inside[1]}" in LEVELS.split() else "checking"
    return inside[0] if inside[0] in LEVELS.split() else "ground"


@cache
def house():
    return House()


def test_rooms_import_from_lower_rooms_alone():
    assert not house().forbidden()


def test_no_files_import_each_other_in_a_circle():
    assert not house().circles()


def seen_by_the_judge(house):
    """Return the imports by which a verdict could depend on a room that only shows verdicts."""
    rooms = [f"needle_cli.{room.replace('/', '.')}." for room in HARMLESS if "." not in room]
    return {
        f"{name} -> {module}"
        for name, imports in house.imports.items()
        for _, module in imports
        if f"{module}.".startswith(tuple(rooms)) and not f"{name}.".startswith(tuple(rooms))
        # The command line stands above the judge, and reports go through one door.
        and room_of(name) not in ("cli", "__init__") and name != "needle_cli.reports.outputs"
    }  # fmt: skip


def test_no_verdict_depends_on_the_rooms_that_show_it():
    assert not seen_by_the_judge(house())


def test_a_verdict_that_depends_on_what_is_shown_is_found():
    line = "from needle_cli.reports.terminal import details"
    said = "needle_cli.running.rows -> needle_cli.reports.terminal.details"
    assert seen_by_the_judge(House({"needle_cli/running/rows.py": line})) == {said}


PLANTED = {
    "a static import": ("needle_cli/checking/model.py", "import needle_cli.cli.app",
                        "needle_cli.checking.model -> needle_cli.cli.app"),
    "an import from a package": ("needle_cli/console.py", "from needle_cli.running import local",
                                 "needle_cli.console -> needle_cli.running.local"),
    "a late import": ("needle_cli/records/store.py", "def f():\n    from needle_cli import cli",
                      "needle_cli.records.store -> needle_cli.cli"),
    "a late string": ("needle_cli/gate/git.py", 'x = import_module("needle_cli.running.session")',
                      "needle_cli.gate.git -> needle_cli.running.session"),
    "a name with an attribute": ("needle_cli/problems.py", 'x = "needle_cli.cli.app:main"',
                                 "needle_cli.problems -> needle_cli.cli.app"),
    "a string with a beginning": ("needle_cli/specs/header.py",
                                  'x = importlib.import_module(f"needle_cli.cli.{name}")',
                                  "needle_cli.specs.header -> needle_cli.cli.watch"),
    "a neighbour on the same floor": ("needle_cli/specs/header.py",
                                      "from needle_cli.reports import events",
                                      "needle_cli.specs.header -> needle_cli.reports.events"),
    "an inner room": ("needle_cli/checking/numerics/steps.py",
                      "from needle_cli.checking.checks import contract",
                      "needle_cli.checking.numerics.steps -> needle_cli.checking.checks.contract"),
    "an engine": ("needle_cli/specs/names.py", "from needle import backend",
                  "needle_cli.specs.names -> needle"),
    "the judge in the engine": ("needle/dtypes.py", "from needle_cli import problems",
                                "needle.dtypes -> needle_cli.problems"),
    "click": ("needle_cli/running/session.py", "import click",
              "needle_cli.running.session -> click"),
}  # fmt: skip


@pytest.mark.parametrize("kind", PLANTED)
def test_a_forbidden_import_is_found(kind):
    file, line, said = PLANTED[kind]
    found = House({file: line}).forbidden()
    assert said in found and all(item.startswith(said.partition(" ->")[0]) for item in found)


@pytest.mark.parametrize("line", [
    "from needle_cli.gate.weakening import of_specs",
    "def f():\n    import needle_cli.gate.weakening",
    'x = "needle_cli.gate.weakening:of_specs"',
], ids=["static", "late", "string"])  # fmt: skip
def test_a_circle_is_found(line):
    (circle,) = House({"needle_cli/settings.py": line}).circles()
    assert {"needle_cli.settings", "needle_cli.gate.weakening"} <= circle
