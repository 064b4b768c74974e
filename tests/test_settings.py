import pytest

from needle_cli import settings
from needle_cli.problems import Problem
from needle_cli.settings import SETTINGS, Config, parse, resolve

NOWHERE = Config(None, {})


def table(**values):
    return Config(None, {key.replace("_", "-"): value for key, value in values.items()})


def test_defaults():
    found = resolve({}, {}, NOWHERE)
    assert found["max-examples"] == 100 and found.origins["max-examples"] == "default"
    assert found["profile"] == "default"


def test_each_layer_beats_the_next():
    config = Config(None, {"max-examples": 30, "profile": {"quick": {"max-examples": 40}}})
    environ = {"NEEDLE_MAX_EXAMPLES": "20"}
    chosen = {"profile": "quick"}
    assert resolve({"max-examples": "10", **chosen}, environ, config)["max-examples"] == 10
    assert resolve(chosen, environ, config)["max-examples"] == 20
    assert resolve(chosen, {}, config)["max-examples"] == 30
    only_profile = Config(None, {"profile": {"quick": {"max-examples": 40}}})
    assert resolve(chosen, {}, only_profile)["max-examples"] == 40
    assert resolve(chosen, {}, NOWHERE)["max-examples"] == 20
    assert resolve({}, {}, only_profile)["max-examples"] == 100


def test_origins_are_named():
    found = resolve({"seed": "1"}, {"NEEDLE_JOBS": "2"}, table(timeout=9))
    assert found.origins["seed"] == "flag"
    assert found.origins["jobs"] == "environment"
    assert found.origins["timeout"].startswith("pyproject.toml")
    assert found.origins["order"] == "default"


def test_ci_is_chosen_by_the_build_server():
    found = resolve({}, {"CI": "true"}, NOWHERE)
    assert (found["profile"], found["seed"], found["max-examples"]) == ("ci", 0, 200)
    assert resolve({}, {"CI": "false"}, NOWHERE)["profile"] == "default"
    assert resolve({"profile": "quick"}, {"CI": "true"}, NOWHERE)["profile"] == "quick"


def test_the_nightly_seed_is_the_date():
    assert 20_000_000 < resolve({"profile": "deep"}, {}, NOWHERE)["seed"] < 30_000_000


@pytest.mark.parametrize(
    ("config", "hint"),
    [
        ({"max-example": 3}, "max-examples"),
        ({"profile": {"quik": {}}}, "quick"),
        ({"profile": {"ci": {"sed": 1}}}, "seed"),
        ({"max-examples": "many"}, "number"),
        ({"max-examples": True}, "number"),
        ({"dtype": ["float63"]}, "float64"),
        ({"device": 3}, "list of words"),
        ({"shrink": "perhaps"}, "true or false"),
        ({"report": ["jsn=x"]}, "json"),
        ({"timeout": 0}, "seconds"),
        ({"timeout": "nan"}, "seconds"),
        ({"memory-limit": "lots"}, "size"),
    ],
)
def test_wrong_configuration_is_refused(config, hint):
    with pytest.raises(Problem) as caught:
        resolve({}, {}, Config(None, config))
    assert caught.value.code == 2 and hint in str(caught.value)


def test_a_misspelt_variable_is_refused():
    with pytest.raises(Problem, match="NEEDLE_MAX_EXAMPLES"):
        resolve({}, {"NEEDLE_MAX_EXAMPLE": "3"}, NOWHERE)
    resolve({}, {"NEEDLE_HOME_OF_SOMEBODY_ELSE": "3"}, NOWHERE)


def test_broken_pyproject_is_a_problem(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.needle\n")
    with pytest.raises(Problem, match=r"pyproject\.toml"):
        settings.find_config(tmp_path)
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(Problem):
        settings.find_config(tmp_path)


def test_the_nearest_pyproject_with_a_table_counts(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.needle]\nseed = 4\n")
    inner = tmp_path / "a"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert settings.find_config(inner).table == {"seed": 4}


@pytest.mark.parametrize(
    ("word", "size"), [("4GiB", 4 * 2**30), ("512MiB", 2**29), ("1.5G", 3 * 2**29), (2**30, 2**30)]
)
def test_sizes(word, size):
    assert parse(settings.BY_NAME["memory-limit"], word, "--memory-limit") == size


def test_every_setting_has_a_group_and_help():
    assert all(setting.help and setting.group for setting in SETTINGS)
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
