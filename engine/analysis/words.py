"""The words of what people see of tickets and clocks, in Chinese and English: one small catalogue, and the policy's own labels."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import asdict

from engine.analysis.labels import CATALOGUE, base_language, label
from engine.core.arithmetic import Step
from engine.core.compiled import Policy
from engine.core.events import ApprovalRequested, ConcessionGranted, Escalated, Event
from engine.core.model import CUSTOMER, SYSTEM, WEBHOOK
from engine.core.scripts import Text
from engine.core.team import Team
from engine.core.tracing import show
from engine.policy import phrases
from engine.policy.said import foreign, translated

WORDS: Mapping[str, Mapping[str, str]] = json.loads(resources.files("engine.analysis").joinpath("words.json").read_text("utf-8"))
"""Key → language → words; an event's stand under `event.` and its stored name."""

_NARROW = str.maketrans("，：；（）", ",:;()")


class Words:
    """What is shown in one language; ids the catalogue does not know are shown as they are."""

    def __init__(self, language: str, policy: Policy | None = None, team: Team | None = None) -> None:
        self.language = language
        self._column = base_language(language)
        self._policy = policy
        self._team = team
        self.timezone = policy.company.timezone if policy else "UTC"

    def name(self, key: str, *values: str) -> str:
        """Return the word for a state or a kind (as on forms and reports), or for a heading of this catalogue."""
        words = WORDS.get(key)
        if words is not None:
            return words[self._column].format(*values)
        listed = (f"{domain}.{key}" for domain in ("state", "kind", "verdict"))
        return next((label(name, self.language) for name in listed if name in CATALOGUE), key)

    def text(self, texts: Text) -> str:
        """Return a text of the policy."""
        if self._policy is None:
            return texts.get(self.language) or next(iter(texts.values()), "")
        return self._policy.text(texts, self.language)

    def spoken(self, text: str) -> str:
        """Return what a decision says of itself, which the store keeps in English, with the half-width marks of all labels."""
        return translated(foreign(text), self._column).translate(_NARROW)

    def tier(self, id: str | None) -> str:
        """Return the label of a tier."""
        found = next((tier for tier in self._policy.tiers if tier.id == id), None) if self._policy else None
        return self._policy.text(found.label, self.language) if self._policy and found else id or ""

    def queue(self, id: str | None) -> str:
        """Return the label of a queue."""
        found = self._policy.queues.get(id or "") if self._policy else None
        return self._policy.text(found.label, self.language) if self._policy and found else id or ""

    def deadline(self, id: str) -> str:
        """Return the label of a clock; one of several of its kind keeps its key."""
        kind, _, key = id.partition(":")
        found = self._policy.deadlines.get(kind) if self._policy else None
        label = self._policy.text(found.label, self.language) if self._policy and found else kind
        return f"{label} {key}" if key else label

    def script(self, id: str | None) -> str:
        """Return the label of a script; None is what a person wrote."""
        found = self._policy.scripts.get(id or "") if self._policy else None
        return (self._policy.text(found.label, self.language) if self._policy and found else "") or id or "✎"

    def concession(self, name: str | None, amount: object = None, currency: str | None = None) -> str:
        """Return what was granted or asked for: the amount of a compensation, or the label of an exception."""
        labels = self._policy.authority.exceptions if self._policy and self._policy.authority else {}
        if self._policy and name is not None and name in labels:
            return self._policy.text(labels[name], self.language)
        return " ".join(str(part) for part in (self.name(name or ""), amount, currency) if part is not None)

    def party(self, id: str | None) -> str:
        """Return who that is: an agent's name, the customer, the system, nobody."""
        if id in (CUSTOMER, SYSTEM, WEBHOOK, None):
            return self.name(id or "nobody")
        agent = self._team.agents.get(str(id)) if self._team else None
        return agent.name if agent else str(id)

    def deed(self, what: str) -> str:
        """Return what somebody did, as it stands in the audit; of a rule of retention also to how many."""
        done, colon, count = what.partition(":")
        key = f"{'retention' if colon else 'audit'}.{done}"
        return self.name(key) + colon + count if key in WORDS else what

    def clock(self, at: datetime | None, seconds: bool = False) -> str:
        """Return an instant in the company's zone, empty for None."""
        form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
        return at.astimezone(ZoneInfo(self.timezone)).strftime(form) if at else ""

    def timer(self, key: str) -> str:
        """Return what a timer will do; a key that has no words is shown as it is."""
        first, *rest = key.split("/")
        if first == "deadline" and len(rest) > 1:
            more = [*rest[2:3], self._mark(rest[3])] if rest[1] == "warn" else rest[2:]
            name, values = f"timer.{rest[1]}", (self.deadline(rest[0]), *more, "", "")
        elif first == "rule":
            name, values = "timer.rule", ("/".join(rest),)
        else:
            name, values = ".".join(["timer", first, *rest[:1]]), ()
        said = self.name(name, *values)
        return key if said == name else said

    def _mark(self, mark: str) -> str:
        """Return where of its time a clock warns: at a share of it, or so long before its end."""
        if mark.endswith("s"):
            return self.name("left_over", phrases.duration(timedelta(seconds=-float(mark[:-1])), self._column))
        return self.name("share_used", f"{float(mark):.0%}")

    def event(self, event: Event) -> str:
        """Return an event in people's words."""
        words = WORDS.get(f"event.{event.type}")
        if words is None:
            return event.type
        fields = {name: self._field(name, value) for name, value in asdict(event).items()}
        if isinstance(event, Escalated):
            fields["number"] = event.step + 1
        if isinstance(event, ConcessionGranted | ApprovalRequested):
            fields["concession"] = self.concession(event.concession, event.amount, event.currency)
        if isinstance(event, ConcessionGranted):
            fields["approved"] = self.name("approved", self.party(event.approved_by), event.approval) if event.approval else ""
        return words[self._column].format(**fields)

    def _field(self, name: str, value: Any) -> Any:
        match name:
            case "due" if value is None:
                return self.name("unknown")
            case "actions":
                return "; ".join(value)
            case "field":
                return self.name(value)
            case "id":
                return self.deadline(value)
        return self.shown(name, value)

    def shown(self, name: str, value: Any) -> Any:
        """Return the value of a field of that name in people's words, as it is where there are none."""
        if isinstance(value, datetime):
            return self.clock(value)
        match name:
            case "by" | "party" | "agent" | "assignee" | "who" | "approver":
                return self.party(value)
            case "tier":
                return self.tier(value)
            case "queue":
                return self.queue(value)
            case "script":
                return self.script(value)
            case "kind" | "state" | "outcome" | "reason" | "direction" | "verdict" | "presence":
                return self.name(str(value))
        return value

    def step(self, step: Step) -> str:
        """Return one line of the arithmetic of a deadline: from, to, how much it counted, why, over which holiday."""
        start, end = self.clock(step.start, seconds=True), self.clock(step.end, seconds=True)
        until = (end[11:] if end[:10] == start[:10] else end) or "…"
        names = f": {', '.join(map(self.text, step.names))}" if step.names else ""
        more = f"  ({self.name('steps', str(step.steps))})" if step.steps > 1 else ""
        shift = f"  {self.name('shift', show(step.shift))}" if step.shift else ""
        return f"{start} – {until}  +{show(step.counted)}  {self.name(f'step.{step.why}')}{names}{more}{shift}"
