"""Turn the TOML file of one operator into a frozen `Spec`, or say what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from needle_cli.checking.claims import Claims, InputClaim, ParamClaim
from needle_cli.specs import entries
from needle_cli.specs.document import Document, read_document
from needle_cli.specs.errors import SpecError, listed, nearest, shown
from needle_cli.specs.fields import Table
from needle_cli.specs.header import read_op, spec_paths
from needle_cli.specs.inputs import Names, read_input, resolve
from needle_cli.specs.names import Resolver
from needle_cli.specs.params import check_requirements, check_shapes, read_dims, read_param
from needle_cli.specs.signature import signature_in, signature_of
from needle_cli.specs.vocabulary import (
    FACT_KEYS,
    REQUIRED_KEYS,
    STRUCTURES,
    TOP_KEYS,
)

NEEDED = {
    "op": 'module:function of the operator, such as "needle.ops:log"',
    "reference": 'a NumPy function for the forward value, such as "numpy:log"',
    "args": "the names of inputs and parameters in call order",
    "input": 'input.NAME = "(...)" for every input',
}


@dataclass(frozen=True)
class Spec:
    """One operator's spec: file, identity `family/function`, claims, lines of its keys."""

    path: Path
    name: str
    claims: Claims
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    def line_of(self, key: str) -> int:
        """Return the line of a key path such as `input.x.domain`, or of what encloses it."""
        return Document(self.path, {}, self.lines).line_of(key)


def load_spec(
    path: Path,
    trust: Sequence[str] = (),
    family: str | None = None,
    module: ModuleType | None = None,
) -> Spec:
    """Read one spec and resolve its references. Raises `SpecError`, and nothing else.

    `trust` names modules whose functions may be referred to beside the usual ones. `family`
    replaces the folder's name. `module` is the user's own file, already imported, for a spec with
    `op = "my_ops:name"`; its functions may be referred to.
    """
    document = read_document(Path(path))
    top = Table(document, "", document.data)
    top.only(TOP_KEYS)
    refuse_unwritten(document)
    for key in REQUIRED_KEYS:
        top.need(key, NEEDED[key])
    op = read_op(top)
    family = family or Path(path).parent.resolve().name
    function = op.rpartition(":")[2]
    if Path(path).stem != function:
        raise top.error(
            "op",
            f"the file is called {shown(Path(path).name)} and its op is {shown(function)}",
            f"the file name {function}.toml",
        )
    claims = read_claims(top, op, Resolver(tuple(trust), module))
    check_signature(top, claims, family, module)
    return Spec(Path(path), f"{family}/{function}", claims, document.lines)


def refuse_unwritten(document: Document) -> None:
    """Refuse the first value that `needle new` left to be written."""
    for key, value in document.data.items():
        if isinstance(value, str) and value.startswith(UNWRITTEN):
            wanted = value.removeprefix(UNWRITTEN).strip()
            raise document.error(key, f"`{key}` is still to be written", wanted)


UNWRITTEN = "TODO:"
"""How a value begins that stands for one that is still to be written."""


def read_claims(top: Table, op: str, resolver: Resolver) -> Claims:
    """Read everything below the identity."""
    names = Names(tuple(top.table("input").data), tuple(top.table("param").data), resolver)
    inputs, params = read_arguments(top, names)
    check_names(top, names)
    claims = Claims(
        op=op,
        reference=_reference(top, op, resolver),
        args=read_args(top, names),
        inputs=inputs,
        params=params,
        dims=read_dims(top, list(inputs.values())),
        require=top.strings("require", 'an array of comparisons such as "h + 2*padding >= k"'),
        class_name=read_class(top),
        formula=top.text("formula"),
        source=top.text("source"),
        order=top.integer("order", 1, low=1) if "order" in top else None,
        structure=top.word("structure", STRUCTURES),
        elementwise=top.flag("elementwise", False),
        rename=read_rename(top, names),
        kinks=entries.read_kinks(top, inputs, params),
        lanes=entries.read_lanes(top, names, inputs, params),
        errors=entries.read_errors(top, inputs, params),
        tolerances=entries.read_tolerances(top),
        nondeterministic=entries.read_nondeterministic(top),
        immune=entries.read_immune(top),
        examples=entries.read_examples(top),
        tags=read_tags(top),
        **read_facts(top, names),
    )
    check_requirements(top, claims)
    return claims


def read_arguments(top: Table, names: Names) -> tuple[dict[str, InputClaim], dict[str, ParamClaim]]:
    """Read `input` and `param`, in the order of `args`."""
    table = top.table("input")
    if not table.data:
        raise top.error("input", "the spec has no inputs", NEEDED["input"])
    order = top.data["args"] if isinstance(top.data["args"], list) else []
    inputs = [n for n in order if n in names.inputs] + [n for n in names.inputs if n not in order]
    claims = {name: read_input(table, name, names) for name in inputs}
    check_shapes(table, list(claims.values()))
    param = top.table("param")
    return claims, {name: read_param(param, name, names) for name in names.params}


def check_names(top: Table, names: Names) -> None:
    """Refuse names that are no identifiers or stand for two things at once."""
    dims = tuple(top.table("dims").data)
    kinds = (("input", names.inputs), ("param", names.params), ("dims", dims))
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


def read_args(top: Table, names: Names) -> tuple[str, ...]:
    """Read `args` and hold it against the tables of inputs and parameters."""
    args = top.strings("args", "an array of the names of inputs and parameters")
    known = (*names.inputs, *names.params)
    for i, name in enumerate(args):
        if name not in known:
            raise top.error(
                f"args[{i}]",
                f"`args` names {shown(name)}, which has no input.{name} and no param.{name}",
                listed(known),
                nearest(name, known),
            )
    for name in known:
        if name not in args:
            kind = "input" if name in names.inputs else "param"
            raise top.error(
                f"{kind}.{name}",
                f"{shown(name)} is missing in `args`",
                "every input and parameter, in call order",
                nearest(name, args),
            )
    return args


def check_signature(top: Table, claims: Claims, family: str, module: ModuleType | None) -> None:
    """Hold `args` against the function's own parameters, where they can be found."""
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


def _reference(top: Table, op: str, resolver: Resolver) -> Any:
    if top.data["reference"] == op:
        raise top.error(
            "reference",
            "the operator is its own reference",
            "an independent function, in NumPy or needle_cli.references",
        )
    return resolve(top, "reference", resolver)


def read_class(top: Table) -> str:
    """Read `class`, the name of the operator's Op class."""
    name = top.text("class")
    if name and not name.isidentifier():
        raise top.wrong("class", "the name of a class")
    return name


def read_rename(top: Table, names: Names) -> dict[str, str]:
    """Read `rename`: our parameter name -> the reference's."""
    table = top.table("rename")
    table.only(names.params)
    return {name: table.text(name) for name in table.data}


def read_tags(top: Table) -> tuple[str, ...]:
    """Read `tags`: lower-case words."""
    tags = top.strings("tags")
    for i, tag in enumerate(tags):
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", tag):
            raise top.error(f"tags[{i}]", f"{shown(tag)} is not a tag", "a word such as hw2")
    return tags


def read_facts(top: Table, names: Names) -> dict[str, tuple[str, ...]]:
    """Read `facts`, each of which is tested."""
    table = top.table("facts")
    table.only(FACT_KEYS)
    return {key: table.names(key, names.inputs, "input") for key in FACT_KEYS}


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
