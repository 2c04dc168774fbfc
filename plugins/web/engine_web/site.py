"""The site: what every handler works with, and how a page is made of a template and the words of its language."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from engine.services import LANGUAGES, Engine, moment, printable
from engine_web.news import News
from engine_web.screens import Screens
from engine_web.settings import Settings

HERE = Path(__file__).parent

_DIGITS = 18
"""Of the largest whole number that any database keeps."""


class Site:
    """The engine behind the pages; `page` makes an answer. Handlers reach it by `site_of`."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings, self.engine = settings, engine
        self.news = News(engine.store)
        self.screens = Screens(self.news)
        self.with_html: dict[int, bool] = {}
        """Whether what came in has HTML to look at, by item."""
        self._words = read_words()
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # or each row of a board asks for the file's age
        )
        self._templates.filters["moment"] = lambda at: moment(at, engine.world.policy.company.timezone)
        self._templates.filters["printable"] = printable

    @property
    def chats(self) -> bool:
        """Whether strangers can chat: engine.yaml has the channel for it."""
        known = self.engine.types.get("chat")
        return known is not None and known.name == "chat"

    def fresh_id(self) -> str:
        """Return 32 hexadecimal digits that nobody guesses."""
        return f"{self.engine.world.chance.getrandbits(128):032x}"

    def looked_at(self, agent: str, what: str, about: str) -> None:
        """Keep in the audit that somebody read personal data."""
        with self.engine.store.write() as tx:
            tx.audit(self.engine.clock.now(), agent, what, about)

    def language(self, request: Request) -> str:
        """Return in which language somebody reads: as they chose, else as their browser asks, else the company's first."""
        if (chosen := request.cookies.get("language")) in LANGUAGES:
            return str(chosen)
        asked = [part.partition(";") for part in request.headers.get("accept-language", "").split(",")]
        weighed = sorted(asked, key=lambda part: -_weight(part[2]))
        known = [tag.strip().partition("-")[0].lower() for tag, _, _ in weighed]
        return next((tag for tag in known if tag in LANGUAGES), self.engine.world.policy.company.languages[0])

    def say(self, language: str, key: str, /, **values: object) -> str:
        """Return a text in a language; a key that there is not is a KeyError."""
        return self._words[key][language].format(**values)

    def page(
        self, request: Request, template: str, /, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> HTMLResponse:
        """Return a page; in templates `t` says a text, `request`, `site`, `language`, `company_name` and `now` are there."""
        language, policy = self.language(request), self.engine.world.policy
        shown = {
            "request": request,
            "site": self,
            "language": language,
            "company_name": policy.text(policy.company.name, language),
            "now": self.engine.clock.now(),
            "status": status,
            "t": partial(self.say, language),
            **values,
        }
        body = self._templates.get_template(template).render(shown)
        return HTMLResponse(body, status, {"content-language": language, "vary": "accept-language, cookie", **(headers or {})})


def site_of(request: Request) -> Site:
    """Return the site that a request was made to."""
    site: Site = request.app.state.site
    return site


def whole(text: str) -> int | None:
    """Return the whole number that a field or an address says, None for what is none of ours."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def inside(target: str, otherwise: str) -> str:
    """Return an address that somebody wants to be led to if it is a page of this site, else another."""
    return target if target.startswith("/") and target[1:2] not in ("/", "\\") and target.isprintable() else otherwise


def read_words() -> dict[str, dict[str, str]]:
    """Return the texts of all rooms, by key and language."""
    words: dict[str, dict[str, str]] = {}
    for path in sorted((HERE / "words").glob("*.json")):
        words |= json.loads(path.read_text(encoding="utf-8"))
    return words


def _weight(parameters: str) -> float:
    try:
        return float(parameters.strip().removeprefix("q=") or 1)
    except ValueError:
        return 0.0
