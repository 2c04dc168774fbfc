"""What is said, compiled: scripts by channel and language, and the guides that lead through a conversation."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from msgspec import Struct, field

from engine.core.conditions import Source

Text: TypeAlias = Mapping[str, str]
"""Words for people, by language."""


class Template(Protocol):
    """A message body compiled in the bounded sandbox."""

    def render(self, context: Mapping[str, object]) -> str:
        """Return the text; raises EngineError when the context lacks what the template names or a bound is passed."""


class Body(Struct, frozen=True):
    """One text of a script: what is said, and the subject line where the channel has one."""

    text: Template
    subject: Template | None
    source: Source


class Script(Struct, frozen=True):
    """Words for one occasion, by (channel or "", language). One that `answers` may say what the knowledge base has on the ticket."""

    id: str
    audience: str
    bodies: Mapping[tuple[str, str], Body]
    source: Source
    label: Text = field(default_factory=dict)
    answers: bool = False

    def body(self, channel: str, language: str, default_language: str) -> Body | None:
        """Return the best body: this channel in this language, any channel in it, then the same in the default language."""
        for wanted in (language, default_language):
            for place in (channel, ""):
                if (found := self.bodies.get((place, wanted))) is not None:
                    return found
        return next(iter(self.bodies.values()), None)


class GuideStep(Struct, frozen=True):
    """A step an agent is led through: a script to say, or something to ask and write down (`problem`, `wish`, …)."""

    script: str | None
    ask: str | None
    if_needed: bool = False


class Guide(Struct, frozen=True):
    """The steps of one conversation in order."""

    id: str
    label: Text
    steps: tuple[GuideStep, ...]
    source: Source
