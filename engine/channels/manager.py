"""Discovery and building of channels: which plugins are installed, whether their settings are sound, one channel object per entry."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import jsonschema
from jsonschema.exceptions import SchemaError, ValidationError, best_match

from engine.channels.contract import Channel, ChannelContext, ChannelType
from engine.channels.hookspecs import ENTRY_POINT_GROUP, ChannelHooks
from engine.errors import ConfigurationError, EngineError
from engine.plugins import offers

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_JSON_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a map of keys",
    "array": "a list",
    "null": "nothing",
}
_BOUNDS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} entries",
    "maxItems": "must have at most {} entries",
    "minProperties": "must have at least {} keys",
    "pattern": "must match the pattern {}",
    "format": "is not a valid {}",
    "const": "must be {}",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a channel's settings: `path` leads to it (keys and list indexes), `message` says how to mend it."""

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        """Return `receive.port: must be a whole number`."""
        where = ".".join(str(step) for step in self.path)
        return f"{where}: {self.message}" if where else self.message


@dataclass(frozen=True, slots=True)
class ChannelTypes:
    """The channel types of all installed plugins by name, and what kept others out (distribution, entry point, error)."""

    types: Mapping[str, ChannelType] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @classmethod
    def discover(cls) -> "ChannelTypes":
        """Load every entry point of the group `engine.channels`, in the order of distribution and entry point names."""
        found, problems = offers(ENTRY_POINT_GROUP, ChannelHooks, "engine_channel_types", "channel type", _must_be_sound)
        return cls(MappingProxyType(found), tuple(problems))

    def named(self, name: str) -> ChannelType:
        """Return the type of that name. Raises ConfigurationError that says which exist and which plugins failed."""
        if name in self.types:
            return self.types[name]
        failed = f"; plugins that failed: {'; '.join(self.problems)}" if self.problems else ""
        known = ", ".join(sorted(self.types)) or "none"
        raise ConfigurationError(f"there is no channel type {name!r} (installed: {known}){_meant(name, self.types)}{failed}")

    def build(self, name: str, type_name: str, settings: Mapping[str, Any], context: ChannelContext) -> Channel:
        """Build channel `name` of type `type_name`; secrets in `settings` are resolved already. Raises ConfigurationError."""
        channel_type = self.named(type_name)
        problems = validate_settings(channel_type, settings)
        if problems:
            raise ConfigurationError(f"channel {name!r}: " + "; ".join(str(problem) for problem in problems))
        try:
            return channel_type.build(settings, context)
        except EngineError as error:
            raise ConfigurationError(f"channel {name!r}: {error}") from error
        except Exception as error:  # the plugin's own fault must not stop the other channels
            raise ConfigurationError(f"channel {name!r}: its plugin could not build it: {type(error).__name__}: {error}") from error


class Configured(Protocol):
    """What has settings in engine.yaml: a channel type, a service."""

    @property
    def settings_schema(self) -> Mapping[str, Any]:
        """The JSON Schema of them."""


def validate_settings(kind: Configured, settings: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with `settings` by the type's JSON Schema."""
    return violations(kind.settings_schema, settings)


def violations(schema: Mapping[str, Any], values: object) -> list[Problem]:
    """Return what is wrong with `values` by a JSON Schema, in document order; values are never shown (they may be secret)."""
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    problems = [problem for error in validator.iter_errors(values) for problem in _explain(error)]
    return sorted(problems, key=lambda problem: ([str(step) for step in problem.path], problem.message))


def _must_be_sound(channel_type: object) -> None:
    if not isinstance(channel_type, ChannelType):
        raise ConfigurationError(f"engine_channel_types must return ChannelType objects, not {type(channel_type).__name__}")
    if not _NAME.fullmatch(channel_type.name):
        raise ConfigurationError(f"channel type {channel_type.name!r}: a name is lower-case letters, digits and _")
    must_be_schema(f"channel type {channel_type.name!r}", channel_type.settings_schema)


def must_be_schema(what: str, schema: Mapping[str, Any]) -> None:
    """Raise ConfigurationError, which says of `what`, unless it is the JSON Schema of a closed object."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ConfigurationError(f"{what}: its settings_schema is no JSON Schema: {error.message}") from error
    if schema.get("type") != "object" or schema.get("additionalProperties") is not False:
        raise ConfigurationError(f"{what}: its settings_schema must be an object with additionalProperties: false")


def _explain(error: ValidationError) -> list[Problem]:
    """Put one schema violation in plain words: one problem per key for missing and unknown keys."""
    error = best_match([error]) or error  # inside anyOf and oneOf, the branch that came nearest
    path, rule, value = tuple(error.absolute_path), _any(error.validator_value), _any(error.instance)
    match error.validator:
        case "additionalProperties":
            schema = error.schema if isinstance(error.schema, Mapping) else {}
            known, patterns = list(schema.get("properties", ())), list(schema.get("patternProperties", ()))
            extra = [key for key in value if key not in known and not any(re.search(pattern, key) for pattern in patterns)]
            return [Problem((*path, str(key)), f"is not a setting here{_meant(str(key), known)}") for key in extra]
        case "required":
            return [Problem((*path, key), "is missing") for key in rule if error.message.startswith(repr(key))]
        case "enum":
            choices = ", ".join(str(choice) for choice in rule)
            return [Problem(path, f"must be one of {choices}{_meant(str(value), [str(choice) for choice in rule])}")]
        case "type":
            names = [rule] if isinstance(rule, str) else list(rule)
            return [Problem(path, "must be " + " or ".join(_JSON_NAMES[name] for name in names))]
        case keyword:
            return [Problem(path, _BOUNDS.get(str(keyword), "does not fit the rule " + str(keyword)).format(rule))]


def _any(value: Any) -> Any:
    return value  # jsonschema types these as "possibly unset", which they never are on an error it raised itself


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
