"""The OpenAPI 3.1 document, made from the table of operations."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine_web.api.operations import FILE, Operation, Schema
from engine_web.api.problems import MEDIA_TYPE, SCHEMA

_KEY: Schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[\x21-\x7e]+$"}
_ETAG: Schema = {"type": "string", "pattern": '^"[0-9]{1,9}"$'}
_OF_ALL = (400, 401, 403, 405, 429, 503)
_OF_BODIES = (413, 415, 422)
_OF_CHANGES = (412, 428)

_NUMBER, _MATCH = "$request.path.number", {"If-Match": "$response.header.ETag"}
_LINKS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "listTickets": {"showTicket": {"number": "$response.body#/tickets/0/number"}, "listTickets": {"after": "$response.body#/next"}},
    "openTicket": {name: {"number": "$response.body#/ticket"} for name in ("showTicket", "listMessages", "writeAsCustomer")},
    "showTicket": {
        "listMessages": {"number": _NUMBER},
        "writeAsCustomer": {"number": _NUMBER},
        "actOnTicket": {"number": _NUMBER, **_MATCH},
        "showCustomer": {"who": "$response.body#/customer"},
    },
    "actOnTicket": {"showTicket": {"number": _NUMBER}, "actOnTicket": {"number": _NUMBER, **_MATCH}},
    "listMessages": {"showAttachment": {"number": _NUMBER, "id": "$response.body#/messages/0/attachments/0/id"}},
    "writeAsCustomer": {"showTicket": {"number": _NUMBER}, "listMessages": {"number": _NUMBER}},
    "showCustomer": {"showTicket": {"number": "$response.body#/tickets/0"}},
    "listPolicies": {"showPolicy": {"digest": "$response.body#/active"}},
    "listEvents": {"listEvents": {"after": "$response.body#/next"}, "showTicket": {"number": "$response.body#/events/0/ticket"}},
}
"""What can be asked for next, and where its parameters stand, by the names of the operations."""


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "closedloop",
            "version": "1",
            "description": "Tickets of customers and what becomes of them. Errors are application/problem+json (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "schemas": {"problem": SCHEMA}},
    }


def _operation(one: Operation) -> dict[str, Any]:
    statuses = {*_OF_ALL, *one.problems, *(_OF_BODIES if one.body else ()), *(_OF_CHANGES if one.matched else ())}
    told: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "parameters": [*_parameters(one)],
        "responses": {str(status): _result(one, status, schema) for status, schema in one.results.items()}
        | {str(status): _problem() for status in sorted(statuses)},
    }
    if one.body is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": one.body}}}
    return told


def _parameters(one: Operation) -> Iterable[Mapping[str, Any]]:
    for name in re.findall(r"{(\w+)}", one.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 254}}
    for name, schema in one.query.items():
        yield {"name": name, "in": "query", "required": False, "schema": schema}
    if one.body is not None:
        yield {"name": "Idempotency-Key", "in": "header", "required": True, "schema": _KEY}
    if one.matched:
        yield {"name": "If-Match", "in": "header", "required": True, "schema": _ETAG}


def _result(one: Operation, status: int, schema: Schema) -> dict[str, Any]:
    content: dict[str, Any] = {"*/*": {}} if schema is FILE else {"application/json": {"schema": schema}}
    if one.name == "listEvents":
        content["text/event-stream"] = {"schema": {"type": "string"}}
    if status == 202:
        return {"description": "kept, and not decided on yet", "content": content}
    links = {name: {"operationId": name, "parameters": parameters} for name, parameters in _LINKS.get(one.name, {}).items()}
    return {"description": one.summary, "content": content} | ({"links": links} if links else {})


def _problem() -> dict[str, Any]:
    return {"description": "a problem", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/problem"}}}}
