"""Every key of a spec, where it may stand, and the form of its value.

The loader, its errors and `schema.json` all follow from these tables. The fields of domains and
parameters are defined with them, in `checking`.
"""

from __future__ import annotations

from needle_cli.checking.claims import Immune, Kink, Nondeterministic, Tolerance
from needle_cli.checking.kinks.registry import KINKS, convention_words
from needle_cli.explanations import FAULTS
from needle_cli.specs import entries, inputs, params, top
from needle_cli.specs.errors import listed
from needle_cli.specs.forms import (
    COUNT,
    DOTTED,
    FLAG,
    INPUT_NAMES,
    NAME,
    NUMBER,
    TEXT,
    Field,
    Fields,
    Form,
    array_of,
    integer,
    named_node,
    strings,
    table_of,
    text,
    word,
)
from needle_cli.specs.header import OP
from needle_cli.specs.inputs import MAX_SIZE, SHAPE_GRAMMAR
from needle_cli.specs.vocabulary import (
    CHECKS,
    CURVATURES,
    DEVICES,
    DTYPES,
    FLOAT_DTYPES,
    STRUCTURES,
)

REASON = text("a reason")

MEMBERS: Fields = (Field("min", COUNT), Field("max", integer(0, inputs.MOST_MEMBERS)))
SPREAD: Fields = (
    Field("axis", integer()),
    Field(
        "min_std",
        Form(inputs.read_min_std, {"type": "number", "exclusiveMinimum": 0}),
        need="the least standard deviation along `axis`",
    ),
)
INPUT: Fields = (
    Field("shape", Form(inputs.read_shape, {"$ref": "#/$defs/shape"}), need=SHAPE_GRAMMAR),
    Field("domain", Form(inputs.read_domain, {"$ref": "#/$defs/domain"})),
    Field("dtype", word(DTYPES)),
    Field("differentiable", FLAG),
    Field("list", inputs.members(MEMBERS)),
    Field("tuple", inputs.members(MEMBERS)),
    Field(
        "values", Form(inputs.read_values, {"type": "array", "items": NUMBER.node, "minItems": 1})
    ),
    Field("spread", table_of(SPREAD, inputs.spread)),
    Field("why", TEXT),
)
DIM: Fields = (Field("min", COUNT), Field("max", integer(0, MAX_SIZE)), Field("why", TEXT))
FACTS: Fields = tuple(
    Field(fact, INPUT_NAMES)
    for fact in ("linear_in", "no_nan_leak", "mixed_dtypes", "symmetric_gradient")
)
KINK: Fields = (
    Field("kind", word(KINKS), need=listed(KINKS)),
    Field("of", INPUT_NAMES, need=lambda scope: listed(scope.input_claims)),
    Field("value", Form(entries.kink_value, {"anyOf": [NUMBER.node, TEXT.node]})),
    Field("along", Form(entries.along, {})),
    Field(
        "convention",
        Form(entries.convention, {"anyOf": [NUMBER.node, {"enum": convention_words()}]}),
    ),
    Field(
        "curvature",
        word(CURVATURES),
        need=f"{listed(CURVATURES)}: without it a wrong slope could hide behind a wrong convention",
    ),
    Field("reason", TEXT),
)
NONE_NEEDS_A_REASON = {
    "if": {"properties": {"curvature": {"const": "none"}}, "required": ["curvature"]},
    "then": {"required": ["reason"]},
}
LANE: Fields = (
    Field("name", TEXT, need="a name that says what is special"),
    Field("override", entries.override(INPUT), need="override.NAME for an input or a parameter"),
)
ERROR: Fields = (
    Field("why", TEXT, need="why these arguments have no value"),
    Field(
        "raises",
        Form(entries.exception, TEXT.node),
        need='the name of an exception such as "ValueError"',
    ),
)
TOLERANCE: Fields = (
    Field("dtype", word(FLOAT_DTYPES)),
    Field("device", word(DEVICES)),
    Field("check", word(CHECKS)),
    Field(
        "factor",
        Form(entries.factor, {"type": "number", "minimum": 1}),
        need="a multiple of the computed bound, 1 or more",
        about="multiplies the computed bound",
    ),
    Field("reason", REASON, need="why this operator needs more than the computed bound"),
)
NONDETERMINISTIC: Fields = (
    Field("device", word(DEVICES)),
    Field("reason", REASON, need="what makes the order of additions vary"),
)
IMMUNE: Fields = (
    Field(
        "fault",
        Form(word(tuple(FAULTS)).read, TEXT.node),
        need="the name of a planted fault: needle list faults",
    ),
    Field("reason", REASON, need="why no case can show this fault"),
)
EXAMPLE: Fields = (
    Field("why", TEXT),
    Field(
        "token",
        Form(entries.token, TEXT.node),
        need="a recorded case: needle replay ID --to-spec writes it",
    ),
)

TOP: Fields = (
    Field("op", Form(top.op, text(pattern=DOTTED).node), OP, "module:function of the operator"),
    Field(
        "class",
        Form(top.class_name, text(pattern=NAME).node),
        about="the name of its Op class",
        claim="class_name",
    ),
    Field(
        "reference",
        Form(top.reference, text(pattern=DOTTED).node),
        need='a NumPy function for the forward value, such as "numpy:log"',
        about="module:function that gives the forward value in NumPy",
    ),
    Field(
        "args",
        Form(top.args, {**strings().node, "minItems": 1}),
        need="the names of inputs and parameters in call order",
        about="inputs and parameters in call order",
    ),
    Field("formula", TEXT, about="the forward value and the gradient, in words or signs"),
    Field("source", TEXT, about="where the formula comes from"),
    Field("order", integer(1), about="highest order of derivative claimed"),
    Field("tags", Form(top.tags, strings(items=text(pattern=top.TAG).node).node)),
    Field(
        "rename",
        Form(top.rename, named_node(TEXT.node)),
        about="our parameter name = the reference's",
    ),
    Field("structure", word(STRUCTURES), about="a tested claim; switches on the exact lane"),
    Field("elementwise", FLAG, about="output entry i depends on entry i of each input only"),
    Field(
        "require",
        strings('an array of comparisons such as "h + 2*padding >= k"'),
        about="integer comparisons over dims and integer parameters",
    ),
    Field(
        "input", inputs.inputs(INPUT), need='input.NAME = "(...)" for every input', claim="inputs"
    ),
    Field("dims", params.dims(DIM)),
    Field(
        "param",
        Form(params.read_param_table, named_node({"$ref": "#/$defs/param"})),
        claim="params",
    ),
    Field("facts", table_of(FACTS, dict)),
    Field("kink", array_of(KINK, Kink, entries.check_kink, NONE_NEEDS_A_REASON), claim="kinks"),
    Field("lane", array_of(LANE, entries.lane), claim="lanes"),
    Field("error", entries.error_cases(ERROR), claim="errors"),
    Field("tolerance", array_of(TOLERANCE, Tolerance), claim="tolerances"),
    Field("nondeterministic", array_of(NONDETERMINISTIC, Nondeterministic)),
    Field("immune", array_of(IMMUNE, Immune)),
    Field("example", array_of(EXAMPLE, lambda token, why="": token), claim="examples"),
)
