"""Discovery and building of channels, on real distributions laid out in a temporary directory."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.channels import AddressKind, ChannelContext, ChannelType
from engine.channels.manager import ChannelTypes, validate_settings
from engine.errors import ConfigurationError
from tests.support.distributions import Install, installer

PLUGIN = """
    from engine.channels import AddressKind, ChannelType, hookimpl

    SCHEMA = {{"type": "object", "additionalProperties": False, "properties": {{"port": {{"type": "integer"}}}}}}

    def build(settings, context):
        if settings.get("port") == 13:
            raise ValueError("thirteen")
        return (settings, context.name)

    @hookimpl
    def engine_channel_types():
        return [ChannelType("{name}", AddressKind.PHONE, SCHEMA, build)]
"""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["host", "password"],
    "properties": {
        "host": {"type": "string", "minLength": 3},
        "password": {"type": "string"},
        "transport": {"enum": ["folder", "imap"]},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "wait": {"anyOf": [{"type": "string", "pattern": "^[0-9]+s$"}, {"type": "null"}]},
        "headers": {"type": "object", "additionalProperties": False, "properties": {"subject": {}}, "patternProperties": {"^x-": {}}},
        "peers": {"type": "array", "maxItems": 2, "items": {"type": ["string", "integer"]}},
    },
}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Lay a distribution with one module and one entry point on the import path."""
    return installer(tmp_path, monkeypatch, "engine.channels")


@pytest.fixture
def context(tmp_path: Path) -> ChannelContext:
    return ChannelContext("desk", tmp_path, tmp_path, tmp_path, "UTC", lambda: datetime(2026, 3, 4, tzinfo=UTC))


def channel_type(schema: dict[str, Any]) -> ChannelType:
    return ChannelType("sample", AddressKind.EMAIL, schema, lambda settings, context: pytest.fail("not built here"))


def complaints(**settings: Any) -> list[str]:
    sound = {"host": "mail.example.test", "password": "hunter2"}
    return [str(problem) for problem in validate_settings(channel_type(SCHEMA), sound | settings)]


def test_an_installed_plugin_is_found_and_builds_a_channel(install: Install, context: ChannelContext) -> None:
    install("good_one", PLUGIN.format(name="pigeon"))
    types = ChannelTypes.discover()
    assert not [problem for problem in types.problems if "good_one" in problem]
    built: object = types.build("desk", "pigeon", {"port": 1}, context)
    assert built == ({"port": 1}, "desk")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "offers no channel type"),
        ("from engine.channels import hookimpl\n@hookimpl\ndef engine_chanel_types(): return []", "unknown hook 'engine_chanel_types'"),
        ("from engine.channels import hookimpl\n@hookimpl\ndef engine_channel_types(a): return []", "PluginValidationError"),
        (
            "from engine.channels import hookimpl\n@hookimpl\ndef engine_channel_types(): return ['sms']",
            "must return ChannelType objects, not str",
        ),
        ("from engine.channels import hookimpl\n@hookimpl\ndef engine_channel_types(): return 1 / 0", "ZeroDivisionError"),
        (PLUGIN.format(name="Big Bird"), "'Big Bird': a name is lower-case letters, digits and _"),
        (PLUGIN.replace('"integer"', '"int"').format(name="raven"), "'raven': its settings_schema is no JSON Schema"),
        (PLUGIN.replace('"additionalProperties": False, ', "").format(name="raven"), "must be an object with additionalProperties: false"),
    ],
)
def test_a_failing_plugin_takes_only_itself_out_and_is_named(install: Install, source: str, error: str) -> None:
    install("bad_one", source, entry="crow")
    install("good_one", PLUGIN.format(name="pigeon"))
    types = ChannelTypes.discover()
    [problem] = [problem for problem in types.problems if "bad_one" in problem]
    assert problem.startswith("bad_one 1.2, entry point 'crow' (bad_one_module): ")
    assert error in problem
    assert "pigeon" in types.types
    assert "raven" not in types.types


def test_the_second_plugin_that_offers_a_name_is_a_problem(install: Install) -> None:
    install("a_first", PLUGIN.format(name="pigeon"))
    install("b_second", PLUGIN.format(name="pigeon"))
    types = ChannelTypes.discover()
    [problem] = [problem for problem in types.problems if "b_second" in problem]
    assert "channel type 'pigeon' is already offered by a_first 1.2" in problem
    assert types.types["pigeon"].build.__module__ == "a_first_module"


def test_an_unknown_type_names_the_nearest_and_the_plugins_that_failed(install: Install, context: ChannelContext) -> None:
    install("bad_one", "raise ValueError('out of seed')")
    install("good_one", PLUGIN.format(name="pigeon"))
    with pytest.raises(ConfigurationError, match=r"no channel type 'pidgeon' .*; did you mean 'pigeon'\?; .*bad_one.*out of seed"):
        ChannelTypes.discover().build("desk", "pidgeon", {}, context)


def test_no_plugin_at_all_says_so() -> None:
    with pytest.raises(ConfigurationError, match="installed: none"):
        ChannelTypes().named("sms")


def test_building_with_unsound_settings_names_channel_and_setting(install: Install, context: ChannelContext) -> None:
    install("good_one", PLUGIN.format(name="pigeon"))
    with pytest.raises(ConfigurationError, match="channel 'desk': port: must be a whole number"):
        ChannelTypes.discover().build("desk", "pigeon", {"port": "x"}, context)


def test_a_plugin_that_raises_while_building_is_a_configuration_error_of_its_channel(install: Install, context: ChannelContext) -> None:
    install("good_one", PLUGIN.format(name="pigeon"))
    install(
        "wise_one",
        PLUGIN.replace('ValueError("thirteen")', '__import__("engine").errors.ConfigurationError("no 13th floor")').format(name="owl"),
    )
    types = ChannelTypes.discover()
    with pytest.raises(ConfigurationError, match="channel 'desk': its plugin could not build it: ValueError: thirteen"):
        types.build("desk", "pigeon", {"port": 13}, context)
    with pytest.raises(ConfigurationError, match="channel 'desk': no 13th floor"):
        types.build("desk", "owl", {"port": 13}, context)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, []),
        ({"passwrd": 1}, ["passwrd: is not a setting here; did you mean 'password'?"]),
        ({"zzz": 1, "prot": 2}, ["prot: is not a setting here; did you mean 'port'?", "zzz: is not a setting here"]),
        ({"port": "25"}, ["port: must be a whole number"]),
        ({"port": 0}, ["port: must be at least 1"]),
        ({"port": 70000}, ["port: must be at most 65535"]),
        ({"transport": "folders"}, ["transport: must be one of folder, imap; did you mean 'folder'?"]),
        ({"host": "x"}, ["host: must have at least 3 characters"]),
        ({"wait": "soon"}, ["wait: must match the pattern ^[0-9]+s$"]),
        ({"peers": ["a", 1.5]}, ["peers.1: must be text or a whole number"]),
        ({"peers": [1, 2, 3]}, ["peers: must have at most 2 entries"]),
        ({"headers": {"x-a": 1, "subjet": 2}}, ["headers.subjet: is not a setting here; did you mean 'subject'?"]),
    ],
)
def test_settings_are_explained_in_plain_words(settings: dict[str, Any], said: list[str]) -> None:
    assert complaints(**settings) == said


def test_every_missing_setting_is_named_once() -> None:
    problems = validate_settings(channel_type(SCHEMA), {})
    assert [(problem.path, problem.message) for problem in problems] == [(("host",), "is missing"), (("password",), "is missing")]


def test_a_secret_of_the_wrong_shape_is_never_shown() -> None:
    problems = complaints(password=8161616)
    assert problems == ["password: must be text"]


def test_a_problem_of_the_whole_settings_has_no_path() -> None:
    assert [str(problem) for problem in validate_settings(channel_type({"type": "object", "minProperties": 1}), {})] == [
        "must have at least 1 keys"
    ]
