"""What goes wrong, told to programs as RFC 9457 wants it: `application/problem+json`."""

from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {"type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}},
}


class Problem(Exception):
    """Ends a request; `more` are further members of the document, `headers` of the answer."""

    def __init__(self, status: int, detail: str = "", headers: dict[str, str] | None = None, **more: object) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.more = status, detail, headers or {}, more

    def response(self) -> JSONResponse:
        """Return the document."""
        told: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status}
        if self.detail:
            told["detail"] = self.detail
        return JSONResponse(told | self.more, self.status, self.headers, MEDIA_TYPE)
