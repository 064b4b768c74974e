import json
import os

import pytest

from needle_cli.records import tokens
from needle_cli.records.store import Store, hexadecimal, read
from needle_cli.records.trusted import TokenError
from tests.helpers import SAMPLES, needle

RECORD = {
    "op": "a/b", "check": "gradient", "device": "cpu", "dtype": "float64", "file": "",
    "inputs": {"a": {"dtype": "float64", "shape": [2], "values": [0.1, "nan"]}},
    "params": {"axes": {"tuple": [0, 1]}}, "cotangent": None, "judged": ["a"], "silent": [],
    "seed": 1, "tags": [], "label": "",
}  # fmt: skip


def test_a_case_is_stored_and_found(tmp_path):
    store = Store(tmp_path, pytest.fail)
    identity = store.save(RECORD, {"numpy": "2"})
    back = store.load(identity)
    assert back == hexadecimal(RECORD)
    assert back["inputs"]["a"]["values"] == [(0.1).hex(), "nan"]
    assert tokens.identify(RECORD) == identity
    assert [path.stem for path in store.paths()] == [identity]
    assert str(tmp_path) not in (store.folder / f"{identity}.json").read_text()
    assert not list(store.folder.glob("*.part"))


def test_storing_twice_is_one_file(tmp_path):
    store = Store(tmp_path, pytest.fail)
    assert store.save(RECORD, {}) == store.save(RECORD, {})
    assert len(store.paths()) == 1


def test_a_file_in_the_way_is_one_warning(tmp_path):
    (tmp_path / ".needle").write_text("")
    warnings = []
    store = Store(tmp_path, warnings.append)
    store.save(RECORD, {})
    store.save({**RECORD, "seed": 2}, {})
    assert len(warnings) == 1 and ".needle" in warnings[0]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"schema": "other"}', '{"schema": "needle.case"}', "[" * 10**5,
     '{"schema": "needle.case", "schema_version": 1}'],
)  # fmt: skip
def test_what_is_no_case_file_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(TokenError):
        read(path)


def copied(tmp_path):
    for name in ("canned.py", "canned.specs"):
        (tmp_path / name).symlink_to(SAMPLES / name)
    return tmp_path


def test_a_run_survives_an_unusable_folder(tmp_path):
    folder = copied(tmp_path)
    (folder / ".needle").write_text("")
    code, screen, errors = needle("check", "canned.py", "-k", "wrong", cwd=folder, stand_in=True)
    assert code == 1 and "needle replay" in screen
    assert errors.count("warning") == 1 and "Traceback" not in errors


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_run_survives_a_read_only_folder(tmp_path):
    folder = copied(tmp_path)
    folder.chmod(0o555)
    code, _, errors = needle("check", "canned.py", "-k", "wrong", cwd=folder, stand_in=True)
    assert code == 1 and errors.count("warning") == 1


def test_a_run_stores_its_failures(tmp_path):
    folder = copied(tmp_path)
    code, screen, errors = needle("check", "canned.py", "-k", "wrong", cwd=folder, stand_in=True)
    (path,) = (folder / ".needle" / "failures").glob("*.json")
    assert code == 1 and errors == "" and f"needle replay {path.stem}" in screen
    assert json.loads(path.read_text())["op"] == "canned/wrong"
