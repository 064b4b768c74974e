"""Turn the TOML file of one operator into a frozen `Spec`, or say what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from needle_cli.checking.claims import Claims
from needle_cli.checking.generation.requirements import Unmet, parse_requirement, tables
from needle_cli.checking.generation.shape_plans import Planner
from needle_cli.checking.generation.structure_space import space_of
from needle_cli.checking.model import GeneratorError
from needle_cli.problems import nearest
from needle_cli.specs.document import Document, read_document
from needle_cli.specs.errors import SpecError, listed, shown
from needle_cli.specs.fields import TOP
from needle_cli.specs.forms import Scope, read_fields
from needle_cli.specs.header import spec_paths
from needle_cli.specs.names import Resolver
from needle_cli.specs.signature import signature_in, signature_of
from needle_cli.specs.table import Table


@dataclass(frozen=True)
class Spec:
    """One operator's spec: file, identity `family/function`, claims, lines of its keys."""

    path: Path
    name: str
    claims: Claims
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    def line_of(self, key: str) -> int:
        """Return the line of a key path such as `input.x.domain`, or of an enclosing key."""
        return Document(self.path, {}, self.lines).line_of(key)


def load_spec(
    path: Path,
    trust: Sequence[str] = (),
    family: str | None = None,
    module: ModuleType | None = None,
) -> Spec:
    """Read one spec and resolve its references; raises only `SpecError`.

    `trust` names further modules whose functions a spec may refer to. `family` replaces the
    folder's name. `module` is the user's own file, already imported, for a spec with
    `op = "my_ops:name"`; a spec may refer to its functions.
    """
    path = Path(path)
    document = read_document(path)
    top = Table(document, "", document.data, tuple(f.key for f in TOP))
    top.only(top.above)
    refuse_unwritten(document)
    scope = Scope(
        tuple(top.table("input").data), tuple(top.table("param").data),
        Resolver(tuple(trust), module),
    )  # fmt: skip
    check_names(top, scope)
    values = read_fields(top, TOP, scope)
    claims = Claims(**values.pop("facts", {}), **values)
    family = family or path.parent.resolve().name
    if path.stem != claims.function:
        raise top.error(
            "op",
            f"the file is called {shown(path.name)} and its op is {shown(claims.function)}",
            f"the file name {claims.function}.toml",
        )
    check_lanes(top, claims)
    check_requirements(top, claims)
    check_indices(top, claims)
    check_signature(top, claims, family, module)
    return Spec(path, f"{family}/{claims.function}", claims, document.lines)


def refuse_unwritten(document: Document) -> None:
    """Refuse the first value that `needle new` left as a TODO."""
    for key, value in document.data.items():
        if isinstance(value, str) and value.startswith(UNWRITTEN):
            wanted = value.removeprefix(UNWRITTEN).strip()
            raise document.error(key, f"`{key}` is still to be written", wanted)


UNWRITTEN = "TODO:"
"""The beginning of a value that is still to be written."""


def check_names(top: Table, scope: Scope) -> None:
    """Refuse names that are not identifiers or that stand for two things."""
    dims = tuple(top.table("dims").data)
    kinds = (("input", scope.inputs), ("param", scope.params), ("dims", dims))
    seen: dict[str, str] = {}
    for kind, members in kinds:
        for name in members:
            if not name.isidentifier() and (kind, name) != ("dims", "..."):
                raise top.table(kind).error(
                    name, f"{shown(name)} is not a name of an argument", "a Python identifier"
                )
            if name in seen:
                raise top.table(kind).error(
                    name,
                    f"{shown(name)} is the name of an entry under `{seen[name]}` as well",
                    "different names",
                )
            seen[name] = kind


def check_lanes(top: Table, claims: Claims) -> None:
    """Refuse two lanes of the same name."""
    names = [lane.name for lane in claims.lanes]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise top.error(
                f"lane[{i}].name", f"two lanes are called {shown(name)}", "different names"
            )


def check_requirements(top: Table, claims: Claims) -> None:
    """Refuse a malformed requirement, and one that no sizes within a lane's bounds meet."""
    for i, text in enumerate(claims.require):
        try:
            parse_requirement(text)
        except ValueError as error:
            raise top.error(
                f"require[{i}]",
                f"{shown(text)} is not a requirement: {error}",
                "integer comparisons over dims and integer parameters, with + - * // % and or not",
            ) from None
    for lane in ("", *(lane.name for lane in claims.lanes)):
        space = space_of(claims).lane(lane)
        where = f" in the lane {shown(lane)}" if lane else ""
        for i, text in enumerate(claims.require):
            _check_names(top, f"require[{i}]", text, space.ranges, where)
        try:
            space.tables  # noqa: B018 - the generators need them as well, and keep them
        except Unmet:
            raise _unmet(top, claims.require, space.ranges, where) from None


def _check_names(
    top: Table, key: str, text: str, ranges: Mapping[str, Sequence[int]], where: str
) -> None:
    for name in parse_requirement(text).names:
        if name not in ranges:
            raise top.error(
                key,
                f"{shown(text)} names {shown(name)}, which is neither a "
                f"dimension nor an integer parameter{where}",
                listed(sorted(ranges)) if ranges else "dimensions with a name",
                nearest(name, ranges),
            )


def _unmet(
    top: Table, require: Sequence[str], ranges: Mapping[str, Sequence[int]], where: str
) -> SpecError:
    """Return the error about the first requirement that leaves no solution."""
    for i, text in enumerate(require):
        for texts, more in (([text], ""), (require[: i + 1], " and the ones before it")):
            try:
                tables(texts, ranges)
            except Unmet as unmet:
                few = " of those that were tried" if unmet.thinned else ""
                return top.error(
                    f"require[{i}]",
                    f"no sizes within their bounds{few} meet {shown(text)}{more}{where}",
                    "bounds under dims and param that leave a choice",
                )
    raise AssertionError("some requirement is unmet")


def check_indices(top: Table, claims: Claims) -> None:
    """Refuse bounds that leave an index without enough positions in a typical case."""
    for lane in ("", *(lane.name for lane in claims.lanes)):
        try:
            Planner(space_of(claims).lane(lane)).typical()
        except GeneratorError:
            where = f" in the lane {shown(lane)}" if lane else ""
            raise top.error(
                "dims" if "dims" in top else "input",
                f"sizes within their bounds leave an index without enough positions{where}",
                'bounds under dims that leave more, or a requirement such as "n <= v"',
            ) from None


def check_signature(top: Table, claims: Claims, family: str, module: ModuleType | None) -> None:
    """Compare `args` with the function's own parameters, if they can be found."""
    owner = claims.op.partition(":")[0]
    own = module is not None and owner == module.__name__
    if own and module is not None:
        if not callable(getattr(module, claims.function, None)):
            public = [name for name in vars(module) if not name.startswith("_")]
            raise top.error(
                "op",
                f"{owner} has no function {shown(claims.function)}",
                "",
                nearest(claims.function, public),
            )
        names = signature_in(module, claims.function)
    else:
        names = signature_of(owner, claims.function, family)
    if names is None or names == claims.args:
        return
    key = "args"
    for i, arg in enumerate(claims.args):
        if i >= len(names) or arg != names[i]:
            key = f"args[{i}]"
            break
    raise top.error(
        key,
        f"`args` is ({', '.join(claims.args)}) and the function is "
        f"{claims.function}({', '.join(names)})",
        "the function's own names, in its order",
    )


def load_specs(
    directory: Path,
    trust: Sequence[str] = (),
    family: str | None = None,
    module: ModuleType | None = None,
) -> tuple[list[Spec], list[SpecError]]:
    """Read every spec of a directory; a broken one does not hide the others."""
    specs: list[Spec] = []
    errors: list[SpecError] = []
    for path in spec_paths(directory, family):
        depth = len(path.relative_to(directory).parts)
        if family is None and depth != 2:
            errors.append(
                SpecError(path, None, "lies in the wrong place", "specs/<family>/<function>.toml")
            )
            continue
        try:
            specs.append(load_spec(path, trust, family, module))
        except SpecError as error:
            errors.append(error)
    return specs, errors
