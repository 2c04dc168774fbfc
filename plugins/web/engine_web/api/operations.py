"""What an operation of the API is: a row of a table from which the routes and the OpenAPI document are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.responses import Response

from engine_web.doors.roles import Person
from engine_web.site import Site

Schema: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who asks, what stands in its path, query and body (all of them passed their schemas), and its key.

    `seq` is what If-Match says, None where nothing was asked for.
    """

    site: Site
    person: Person
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any
    key: str = ""
    asked: str = ""
    seq: int | None = None

    def looked_at(self, what: str, about: str) -> None:
        """Keep in the audit that somebody read personal data."""
        self.site.looked_at(self.person.agent, what, about)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a JSON document, and headers beside it."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked for. `needs` is the verb and the object that whoever asks must have a right to; `run` looks closer.

    `query` and `path` are schemas by name; `body` is what must be sent, which every POST does under a key of its own; `matched` says that
    If-Match is required; `largest` is how many bytes a body has at most. `results` are schemas by status; `problems` the statuses of
    problems beside those that all have.
    """

    method: str
    path: str
    name: str
    summary: str
    needs: tuple[str, str]
    run: Callable[[Call], Answer | Response]
    results: Mapping[int, Schema]
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Schema | None = None
    matched: bool = False
    largest: int = 200_000
    problems: tuple[int, ...] = ()


def record(required: str = "", **properties: Schema) -> dict[str, Any]:
    """Return the schema of a closed object; `required` names its keys, by spaces."""
    closed: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return closed | ({"required": required.split()} if required else {})


TEXT: Schema = {"type": "string"}
NULLABLE: Schema = {"type": ["string", "null"]}
WHOLE: Schema = {"type": "integer"}
FILE: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
MAYBE_INSTANT: Schema = {"type": ["string", "null"], "format": "date-time"}


def words(longest: int, shortest: int = 1) -> dict[str, Any]:
    """Return the schema of a text, without what no database keeps."""
    return {"type": "string", "minLength": shortest, "maxLength": longest, "pattern": r"^[^\u0000]*$"}


def listed(items: Schema) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items}
