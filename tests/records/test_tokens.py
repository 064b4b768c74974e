import base64
import json
import zlib

import numpy as np
import pytest

from needle_cli.checking.model import Case
from needle_cli.records import tokens
from needle_cli.records.encoding import (
    Unstorable,
    array_data,
    array_value,
    case_of,
    param_data,
)
from needle_cli.records.encoding import record_of as make
from needle_cli.records.trusted import TokenError

PLACE = {"op": "family/name", "check": "gradient", "device": "cpu", "dtype": "float64", "file": ""}


def round_trip(case, cotangent=None, **place):
    return case_of(tokens.decode(tokens.encode(make(case, cotangent, **{**PLACE, **place}))))


def simple(**fields):
    return Case(
        {"a": np.array([1.0])}, judged=frozenset({"a"}), cotangent=(np.array([1.0]),), **fields
    )


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -3, 10**30, 0.1, -0.0, 1e-310, "text", "", (), (1,), (1, (2, None)),
        [1, 2], [], [(1, "x"), None], slice(None), slice(1, -1, 2), ..., (slice(None), ..., 3),
        {"k": (1, 2)}, float("inf"), float("-inf"),
    ],
)  # fmt: skip
def test_parameters_come_back_as_they_were(value):
    back = round_trip(simple(params={"p": value})).params["p"]
    assert back == value and type(back) is type(value)
    assert repr(back) == repr(value)


def test_nan_parameter_comes_back():
    assert np.isnan(round_trip(simple(params={"p": float("nan")})).params["p"])


@pytest.mark.parametrize("dtype", ["int64", "int8", "bool", "float32", "uint8"])
def test_array_parameters_come_back(dtype):
    array = np.array([[0, 1], [1, 0]], dtype=dtype)
    back = round_trip(simple(params={"p": (array, slice(None))})).params["p"][0]
    assert back.dtype == array.dtype and np.array_equal(back, array)


@pytest.mark.parametrize("value", [object(), 1j, b"bytes", {1, 2}, np.array(["a"]), lambda: None])
def test_what_has_no_plain_form_is_refused(value):
    with pytest.raises(Unstorable):
        param_data(value)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_floats_are_exact(dtype):
    generator = np.random.default_rng(0)
    array = (generator.standard_normal((3, 5)) * 10.0 ** generator.integers(-5, 5, (3, 5))).astype(
        dtype
    )
    special = np.array(
        [np.inf, -np.inf, np.nan, -0.0, np.finfo(dtype).tiny, np.finfo(dtype).max], dtype
    )
    for values in (array, special):
        back = round_trip(Case({"a": values}, judged=frozenset({"a"})), dtype=dtype).inputs["a"]
        assert back.tobytes() == values.tobytes()


BASE = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "array",
    [
        BASE, BASE.T, BASE[:, ::-1], BASE[::-1, :, ::2], np.asfortranarray(BASE),
        np.broadcast_to(np.arange(3.0), (2, 3)), np.float64(3.0) * np.ones(()), np.zeros((0, 3)),
        BASE[:, 1:2, :], np.zeros((0, 3)).T,
    ],
)  # fmt: skip
def test_layouts_come_back(array):
    back = array_value(json.loads(json.dumps(array_data(array))))
    assert back.shape == array.shape and np.array_equal(back, array)
    if array.size > 1:
        assert back.flags.c_contiguous == array.flags.c_contiguous
        kept = [s for s, n in zip(array.strides, array.shape, strict=True) if n > 1]
        assert [s for s, n in zip(back.strides, back.shape, strict=True) if n > 1] == kept


def test_everything_of_a_case_comes_back():
    case = Case(
        {"xs": (np.ones(2), np.zeros((2, 2))), "i": np.array([0, 1])},
        {"axis": -1},
        frozenset({"xs"}),
        frozenset({"i"}),
        123456789012345678,
        (np.ones((2, 1)),),
        "an error case",
        frozenset({"tag"}),
    )
    back = round_trip(case)
    assert [a.tolist() for a in back.leaves()] == [a.tolist() for a in case.leaves()]
    assert (back.params, back.judged, back.silent) == (case.params, case.judged, case.silent)
    assert (back.seed, back.label, back.tags) == (case.seed, case.label, case.tags)
    assert back.cotangent[0].shape == (2, 1)


def test_a_small_token_is_short():
    assert len(tokens.encode(make(simple(), None, **PLACE))) <= 130


def sealed(body, version=tokens.VERSION):
    head = bytes([version]) + zlib.crc32(body).to_bytes(4, "big")
    return base64.urlsafe_b64encode(head + body).decode().rstrip("=")


def deflated(text):
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(text.encode()) + engine.flush()


def test_every_changed_letter_is_noticed():
    token = tokens.encode(make(simple(), None, **PLACE))
    assert tokens.decode(token)
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        try:
            same = tokens.decode(changed) == tokens.decode(token)
        except TokenError:
            continue
        assert same, "a changed token gave another case"


def test_every_cut_is_noticed():
    token = tokens.encode(make(simple(), None, **PLACE))
    for length in range(len(token) - 1):
        with pytest.raises(TokenError):
            tokens.decode(token[:length])


@pytest.mark.parametrize(
    "token",
    [
        "", "x", "not a token!", "AAAA", "Ä" * 20, "../../etc/passwd", "A" * 100_000,
        sealed(deflated("[]")), sealed(deflated("{}")), sealed(deflated("[" * 100_000)),
        sealed(deflated('["o","c","cpu","float64","",[["a",[[2],[1.0]]]],null,null,["a"]')),
        sealed(deflated("null")), sealed(b"garbage"), sealed(deflated("[]") + b"more"),
        sealed(deflated('["o","c","cpu","float64","",5,5,5,5]')), sealed(deflated("[]"), version=9),
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused(token):
    with pytest.raises(TokenError):
        case_of(tokens.decode(token))


def test_a_bomb_is_refused():
    with pytest.raises(TokenError, match="unpacks to more than"):
        tokens.decode(sealed(deflated("0" * (64 * 2**20))))


@pytest.mark.parametrize(
    "array",
    [
        {"dtype": "object", "shape": [1], "values": [1]},
        {"dtype": "float64", "shape": [2], "values": [1.0]},
        {"dtype": "float64", "shape": [-1], "values": [1.0]},
        {"dtype": "float64", "shape": [True], "values": [1.0]},
        {"dtype": "float64", "shape": [2], "values": [1.0, 2.0], "strides": [10**9]},
        {"dtype": "float64", "shape": [2], "values": [1.0, 2.0], "strides": [1, 1]},
        {"dtype": "float64", "shape": [1], "values": ["__import__('os')"]},
        {"dtype": "int8", "shape": [1], "values": [1000]},
    ],
)
def test_tampered_arrays_are_refused(array):
    record = {**PLACE, "inputs": {"a": array}, "params": {}, "judged": ["a"]}
    with pytest.raises(TokenError):
        case_of(record)


@pytest.mark.parametrize(
    "data",
    [
        {"pickle": "x"}, {"a": 1, "b": 2}, {"slice": [1]}, {"scalar": [1]}, {"tuple": 3},
        {"dict": [[[1], 2]]}, {"dict": [[1]]}, {"float": "1; x()"}, {"array": {}}, {},
    ],
)  # fmt: skip
def test_tampered_parameters_are_refused(data):
    with pytest.raises(TokenError):
        case_of(make(simple(), None, **PLACE) | {"params": {"p": data}})


def test_identity_follows_content():
    first = make(simple(), None, **PLACE)
    assert tokens.identify(first) == tokens.identify(make(simple(), None, **PLACE))
    assert tokens.identify(first) != tokens.identify({**first, "check": "contract"})
    assert tokens.is_id(tokens.identify(first))
