"""Settings: flag > NEEDLE_* > [tool.needle] in pyproject.toml > profile > default."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeAlias

from needle_cli.explanations import CHECKS
from needle_cli.problems import Problem, cut, nearest

Kind: TypeAlias = Literal[
    "word", "words", "text", "whole", "seconds", "switch", "size", "jobs", "shard"
]


@dataclass(frozen=True)
class Setting:
    """One setting: its name (the long option's), form, default and the group it is listed in."""

    name: str
    kind: Kind
    default: Any
    help: str
    group: str
    choices: tuple[str, ...] = ()
    least: int = 0
    metavar: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class FormatName:
    """A format of the report: the file that `--report` writes, and whether `--format` shows it."""

    file: str = ""
    screen: bool = False


FORMATS = {
    "full": FormatName(screen=True),
    "concise": FormatName("needle-report.txt", screen=True),
    "json": FormatName("needle-report.json", screen=True),
    "ndjson": FormatName("needle-report.ndjson"),
    "junit": FormatName("needle-junit.xml"),
    "sarif": FormatName("needle.sarif"),
    "github": FormatName("needle-annotations.txt", screen=True),
    "gitlab": FormatName("gl-code-quality-report.json"),
    "markdown": FormatName("needle-report.md"),
    "html": FormatName("needle-report.html"),
}
"""All formats; the class of each is in needle_cli/reports/formats, in a file of its name."""

SCREENS = tuple(name for name, form in FORMATS.items() if form.screen)
REPORTS = tuple(name for name, form in FORMATS.items() if form.file)
GROUPS = ("WHAT", "WHERE", "HOW HARD", "VERDICT", "OUTPUT", "RUN")
WHAT, WHERE, HOW_HARD, VERDICT, OUTPUT, RUN = GROUPS
DTYPES = ("float64", "float32", "float16")
DEVICES = ("cpu", "cuda", "sim")

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "quick": {"max-examples": 20},
    "default": {},
    "ci": {"max-examples": 200, "seed": 0, "progress": False, "timeout": 120.0},
    "deep": {"max-examples": 5000, "seed": "date", "timeout": 1800.0},
}
PROFILE_NAMES = tuple(PROFILES)

SETTINGS: tuple[Setting, ...] = (
    Setting("k", "text", "", "Operators whose name matches EXPR: words with and, or, not, ().",
            WHAT, metavar="EXPR", flags=("-k",)),
    Setting("family", "words", (), "Operators of a family (repeatable).", WHAT),
    Setting("tag", "words", (), "Operators whose spec has a tag (repeatable).", WHAT),
    Setting("select", "words", (), "Ask only these checks, separated by commas.",
            WHAT, choices=tuple(CHECKS), metavar="CHECK,…"),
    Setting("ignore", "words", (), "Do not ask these checks.",
            WHAT, choices=tuple(CHECKS), metavar="CHECK,…"),
    Setting("changed", "text", None, "Operators that changed since the main branch, or since REF.",
            WHAT, metavar="[=REF]"),
    Setting("lf", "switch", False, "Operators that failed last, if any did.", WHAT),
    Setting("ff", "switch", False, "Operators that failed last come first.", WHAT),
    Setting("shard", "shard", None, "The K-th of N parts; `needle report` merges them.",
            WHAT, metavar="K/N"),
    Setting("device", "words", ("cpu",), "Where to judge (repeatable).", WHERE, metavar="DEVICE"),
    Setting("dtype", "words", ("float64",), "In which dtype (repeatable).", WHERE, choices=DTYPES),
    Setting("specs", "text", "", "Folder of the specifications.", WHERE, metavar="DIR"),
    Setting("trust", "words", (), "Module whose functions a spec may name (repeatable).",
            WHERE, metavar="MODULE"),
    Setting("profile", "word", "", "How thorough to be; ci is chosen if CI is set.",
            HOW_HARD, choices=PROFILE_NAMES),
    Setting("max-examples", "whole", 100, "Examples per operator.",
            HOW_HARD, least=1, flags=("-n",), metavar="N"),
    Setting("order", "word", "2", "Highest order of derivative.", HOW_HARD, choices=("1", "2")),
    Setting("seed", "whole", None, "Seed of everything random.", HOW_HARD, metavar="N"),
    Setting("max-time", "seconds", None, "Start no operator after S seconds.",
            HOW_HARD, metavar="S"),
    Setting("timeout", "seconds", 60.0, "Give up on an operator after S seconds.",
            HOW_HARD, metavar="S"),
    Setting("shrink", "switch", True, "Look for the smallest failing case.", HOW_HARD),
    Setting("faults", "switch", False, "Plant wrong gradients too: each must be caught.", HOW_HARD),
    Setting("max-failures", "whole", None, "Stop after N failing operators (-x: after one).",
            VERDICT, least=1, metavar="N"),
    Setting("allow-inconclusive", "switch", False, "cannot_tell does not fail the run.", VERDICT),
    Setting("baseline", "text", "", "File of known failures, or none (known-failures.toml).",
            VERDICT, metavar="FILE"),
    Setting("against", "text", "", "Refuse what asks for less than REF; judge by its specs too.",
            VERDICT, metavar="REF"),
    Setting("accept-weakening", "text", "", "Accept what asks for less, for this reason.",
            VERDICT, metavar="REASON"),
    Setting("earlier", "words", (), "An earlier json report, to compare with (the last one).",
            VERDICT, metavar="FILE"),
    Setting("exit-zero", "switch", False, "Exit 0 despite findings.", VERDICT),
    Setting("format", "word", "full", "What stdout shows.", OUTPUT, choices=SCREENS),
    Setting("report", "words", (), f"Also write FORMAT[=PATH] (repeatable): {', '.join(REPORTS)}.",
            OUTPUT, metavar="FORMAT[=PATH]"),
    Setting("annotations", "word", "auto", "Findings on the lines of a pull request; auto: where "
            "GITHUB_ACTIONS is set.", OUTPUT, choices=("auto", "github", "none")),
    Setting("color", "word", "auto", "Colours.", OUTPUT, choices=("auto", "always", "never")),
    Setting("progress", "switch", True, "Progress on stderr, if that is a terminal.", OUTPUT),
    Setting("profile-time", "switch", False, "Show where the time went.", OUTPUT),
    Setting("hints", "word", "full", "How much a failure says of its cause.",
            OUTPUT, choices=("full", "cause", "none")),
    Setting("verbosity", "whole", 0, "-q failures only, -qq nothing, -v per check, -vv all.",
            OUTPUT, least=-2),
    Setting("jobs", "jobs", "auto", "Worker processes.", RUN, flags=("-j",), metavar="N|auto"),
    Setting("executor", "text", "", "Judge with an executor that this function makes.",
            RUN, metavar="MODULE:FACTORY"),
    Setting("watch", "switch", False, "Check again whenever a file changes.", RUN),
    Setting("memory-limit", "size", 4 * 2**30, "Memory of one worker, such as 4GiB.",
            RUN, metavar="SIZE"),
)  # fmt: skip
BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Config:
    """The `[tool.needle]` table that applies: its file, its folder and its content."""

    path: Path | None
    table: Mapping[str, Any]

    @property
    def root(self) -> Path:
        """The folder that relative paths and `.needle/` belong to."""
        return self.path.parent if self.path else Path.cwd()


@dataclass(frozen=True)
class Settings:
    """The value of every setting, and where it came from in words."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    config: Config

    def __getitem__(self, name: str) -> Any:
        """Return the value of a setting."""
        return self.values[name]

    @property
    def root(self) -> Path:
        """The folder that `.needle/` belongs to."""
        return self.config.root


def resolve(
    flags: Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
    config: Config | None = None,
) -> Settings:
    """Return the settings; `flags` holds only what was given on the command line."""
    environ = os.environ if environ is None else environ
    config = find_config(Path.cwd()) if config is None else config
    _refuse_unknown(config, environ)
    layers = [
        (_from_flags(flags), "flag"),
        (_from_environment(environ), "environment"),
        (_from_table(config.table, config, "tool.needle"), "pyproject.toml [tool.needle]"),
    ]
    profile, why = _profile(layers, environ)
    layers.extend(_profile_layers(profile, config))
    values: dict[str, Any] = {"profile": profile}
    origins = {"profile": why}
    for setting in SETTINGS:
        if setting.name == "profile":
            continue
        found = next(((x[setting.name], o) for x, o in layers if setting.name in x), None)
        values[setting.name], origins[setting.name] = found or (setting.default, "default")
    _settle_seed(values, origins)
    return Settings(values, origins, config)


def find_config(start: Path) -> Config:
    """Return the nearest pyproject.toml upwards with a `[tool.needle]` table."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if not path.is_file():
            continue
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:  # also of a number that is too long
            raise Problem(f"cannot read it: {error}", kind="config", path=path.name) from error
        tool = document.get("tool", {})
        table = tool.get("needle") if isinstance(tool, dict) else None
        if isinstance(table, dict):
            return Config(path, table)
        if table is not None:
            raise Problem("tool.needle must be a table", kind="config", path=path.name)
    return Config(None, {})


def parse(setting: Setting, value: Any, origin: str) -> Any:
    """Return the value of a setting from its written form; `origin` is for error messages."""
    if setting.kind == "words":
        return _words(setting, value, origin)
    if setting.kind == "switch":
        return _switch(value, origin)
    if setting.kind in ("whole", "seconds", "jobs"):
        return _number(setting, value, origin)
    if setting.kind == "size":
        return _size(value, origin)
    if setting.kind == "shard":
        return _shard(value, origin)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if text is None:
        raise _bad(origin, value, "a word")
    return _chosen(setting, text, origin)


def _chosen(setting: Setting, text: str, origin: str) -> str:
    if setting.choices and text not in setting.choices:
        expected = f"one of {', '.join(setting.choices)}"
        raise _bad(origin, text, expected, nearest(text, setting.choices))
    return text


def _words(setting: Setting, value: Any, origin: str) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise _bad(origin, value, "a list of words")
    words = [word.strip() for item in items for word in item.split(",")]
    if not all(words):
        raise _bad(origin, value, "words separated by commas")
    if setting.name == "report":
        for word in words:
            _report_format(word, origin)
    if setting.name == "device":
        for word in words:
            _device(word, origin)
    return tuple(dict.fromkeys(_chosen(setting, word, origin) for word in words))


def _report_format(word: str, origin: str) -> None:
    name = word.partition("=")[0]
    if name not in REPORTS:
        raise _bad(origin, word, f"one of {', '.join(REPORTS)}", nearest(name, REPORTS))


def _device(word: str, origin: str) -> None:
    known = (*DEVICES, "all")
    if word not in known and not re.fullmatch(r"cuda:\d+", word):
        raise _bad(origin, word, "cpu, cuda, cuda:N, sim or all", nearest(word, known))


def _switch(value: Any, origin: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True,
             "0": False, "false": False, "no": False, "off": False}  # fmt: skip
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise _bad(origin, value, "true or false")
    return words[str(value).lower()]


MOST = 2**63 - 1
"""The largest whole number of an option."""

MOST_SECONDS = 1e9
LARGEST_MEMORY = 2**50


def _number(setting: Setting, value: Any, origin: str) -> Any:
    if setting.kind == "jobs" and str(value) == "auto":
        return "auto"
    whole = setting.kind != "seconds"
    least = max(setting.least, 1) if setting.kind == "jobs" else setting.least
    expected = f"a whole number of at least {least}" if whole else "a number of seconds above 0"
    try:
        number = int(str(value)) if whole else float(str(value))
    except ValueError:  # of a number with more digits than Python converts as well
        raise _bad(origin, value, expected) from None
    if isinstance(value, bool) or number < least or (not whole and not number > 0):
        raise _bad(origin, value, expected)
    if number > (MOST if whole else MOST_SECONDS):
        most = f"2**63 - 1 = {MOST}" if whole else f"{MOST_SECONDS:.0f}, thirty years"
        raise _bad(origin, value, f"at most {most}")
    return number


def _shard(value: Any, origin: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", str(value))
    part, parts = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= part <= parts:
        raise _bad(origin, value, "K/N, the K-th of N parts, such as 1/3")
    return part, parts


def _size(value: Any, origin: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])i?)?B?", str(value), re.IGNORECASE)
    if match is None or float(match[1]) <= 0:
        raise _bad(origin, value, "a size such as 4GiB or 512MiB")
    power = " KMGT".index((match[2] or " ").upper())
    size = float(match[1]) * 1024**power
    if size < 256 * 2**20:
        raise _bad(origin, value, "at least 256MiB, which a worker needs for itself")
    if size > LARGEST_MEMORY:
        raise _bad(origin, value, "at most 1024TiB")
    return int(size)


def _bad(origin: str, value: Any, expected: str, near: str = "") -> Problem:
    kind = "usage" if origin.startswith("-") else "config"
    try:
        shown = cut(repr(value))
    except ValueError:  # an integer with more digits than Python prints
        shown = "a very large number"
    return Problem(f"{origin}: expected {expected}, not {shown}", kind=kind, nearest=near)


def _from_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: parse(BY_NAME[name], value, f"--{name}" if len(name) > 1 else f"-{name}")
        for name, value in flags.items()
    }


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return "NEEDLE_" + name.upper().replace("-", "_")


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    return {
        setting.name: parse(setting, environ[variable(setting.name)], variable(setting.name))
        for setting in SETTINGS
        if environ.get(variable(setting.name))
    }


def _from_table(table: Mapping[str, Any], config: Config, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key == "profile" and isinstance(value, dict):
            continue
        try:
            found[key] = parse(BY_NAME[key], value, f"{where}.{key}")
        except Problem as problem:
            problem.path = config.path.name if config.path else ""
            raise
    return found


def _refuse_unknown(config: Config, environ: Mapping[str, str]) -> None:
    path = config.path.name if config.path else ""
    profiles = config.table.get("profile", {})
    tables = {"tool.needle": config.table}
    if isinstance(profiles, dict):
        for name, table in profiles.items():
            where = f"tool.needle.profile.{name}"
            if name not in PROFILE_NAMES or not isinstance(table, dict):
                text = f"{where} is not a profile: there are {', '.join(PROFILE_NAMES)}"
                near = nearest(name, PROFILE_NAMES)
                raise Problem(text, kind="config", path=path, nearest=near)
            tables[where] = table
    for where, table in tables.items():
        for key in table:
            if key not in BY_NAME or (key == "profile" and where != "tool.needle"):
                near = nearest(key, BY_NAME)
                raise Problem(f"unknown key {where}.{key}", kind="config", path=path, nearest=near)
    known = {variable(name) for name in BY_NAME}
    for name in environ:
        if name.startswith("NEEDLE_") and name not in known:
            close = nearest(name, known)
            if close:
                raise Problem(f"unknown variable {name}", kind="config", nearest=close)


def _profile(
    layers: list[tuple[dict[str, Any], str]], environ: Mapping[str, str]
) -> tuple[str, str]:
    for layer, origin in layers:
        if "profile" in layer:
            return layer["profile"], origin
    if in_ci(environ):
        return "ci", "CI is set"
    return "default", "default"


def in_ci(environ: Mapping[str, str]) -> bool:
    """Whether this runs on a build server; all of them set CI."""
    return environ.get("CI", "").lower() not in ("", "0", "false", "no")


def _profile_layers(profile: str, config: Config) -> list[tuple[dict[str, Any], str]]:
    where = f"tool.needle.profile.{profile}"
    tables = config.table.get("profile", {})
    table = tables.get(profile, {}) if isinstance(tables, dict) else {}
    return [
        (_from_table(table, config, where), f"pyproject.toml [{where}]"),
        (dict(PROFILES[profile]), f"profile {profile}"),
    ]


def _settle_seed(values: dict[str, Any], origins: dict[str, str]) -> None:
    if values["seed"] == "date":
        values["seed"] = int(date.today().strftime("%Y%m%d"))
    elif values["seed"] is None:
        values["seed"] = int.from_bytes(os.urandom(4), "big") % 1_000_000
        origins["seed"] = "random"
