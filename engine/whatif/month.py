"""The weeks before the demo's day: customers write, and everybody reacts to what they see, some time later, as `month.yaml` says.

What they do is raw input or what agents do at the terminal; what comes of it the policies decide. All chance comes from one source.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from random import Random
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from engine.core import events as e
from engine.core.calendar import Calendar
from engine.core.fields import ALERT, IMPROVEMENT, NEEDS, REVIEW
from engine.core.improvements import Improvement, Outcome
from engine.core.model import CUSTOMER, Ticket
from engine.policy.units import duration
from engine.runtime.handle import Handled

_DAY = timedelta(days=1)
_WAKES, _SLEEPS = time(8), time(22)


class Hands(Protocol):
    """What people do things with, each at an instant to come."""

    def drop(self, at: datetime, channel: str, name: str, raw: bytes) -> None:
        """Hand a file to the carrier of a channel."""

    def act(self, at: datetime, number: str, action: str, text: str = "", actor: str | None = None, **details: Any) -> None:
        """Do something with a ticket as `actor`, else as whoever holds it then."""

    def reply(self, at: datetime, message: str, text: str) -> None:
        """Answer a message, if it has come."""


class Month:
    """The people of the weeks before `until`; `see` is told of every decision. Tickets that were opened later are not theirs."""

    def __init__(self, told: Mapping[str, Any], until: datetime, calendar: Calendar, zone: ZoneInfo, chance: Random, hands: Hands) -> None:
        self._told, self._until, self._calendar, self._zone = told, until, calendar, zone
        self._chance, self._hands = chance, hands
        self._slow = {queue: duration(time) for queue, time in told["slow"].items()}
        self._customers: list[tuple[str, str, str, bool]] = []
        self._known: set[str] = set()

    def write(self, tickets: int) -> None:
        """Let so many customers write, spread over the days and hours."""
        first, last = (at.astimezone(self._zone).date() for at in (datetime.fromisoformat(self._told["start"]), self._until))
        days = [first + nth * _DAY for nth in range((last - first).days)]
        weights = [1.0 if self._works(day) else self._told["closed_days"] for day in days]
        bursts = [(date.fromisoformat(one["day"]), one) for one in self._told["bursts"] for _ in range(one["count"])]
        needs = self._chance.choices(self._told["needs"], [one["weight"] for one in self._told["needs"]], k=max(0, tickets - len(bursts)))
        written = [*zip(self._chance.choices(days, weights, k=len(needs)), needs, strict=True), *bursts[:tickets]]
        for number, (day, need) in enumerate(written, 1):
            hour = self._weighed(self._told["hours"])
            at = datetime.combine(day, time(hour, self._chance.randrange(60), self._chance.randrange(60)), self._zone)
            self._hands.drop(at, *self._input(f"m{number:03}", at, need))

    def see(self, handled: Handled) -> None:
        """React to what a decision did."""
        ticket, at = handled.decision.ticket, handled.at
        if ticket is None or (ticket.opened_at >= self._until and ticket.kind not in (ALERT, IMPROVEMENT, REVIEW)):
            return
        opened = any(isinstance(event, e.TicketOpened) for event in handled.decision.events)
        for event in handled.decision.events:
            match event:
                case e.CustomerObjected():
                    self._serve(ticket, at)
                case e.MessageQueued(party=party, script=str(script)) if party == CUSTOMER:
                    self._answer(ticket, event.message, script, at)
                case e.Escalated() if ticket.number not in self._known:
                    self._known.add(ticket.number)
                    seen = self._awake(at, duration(self._told["overdue"]["after"]))
                    self._hands.act(seen, ticket.number, "note", self._told["overdue"]["note"], self._told["overdue"]["by"])
                case e.TicketClosed() if ticket.kind == IMPROVEMENT and (aim := ticket.improvement and ticket.improvement.aim):
                    self._slow.pop(aim.scope.get("queue", ""), None)
        if opened and ticket.kind in NEEDS and not ticket.is_incident:
            self._serve(ticket, at)
        elif opened:
            self._work(ticket, at)

    def _input(self, name: str, at: datetime, need: Mapping[str, Any]) -> tuple[str, str, bytes]:
        """What arrives: the channel, a file's name, and what is in it."""
        person, phone, mail, english = who = self._customer()
        self._customers.append(who)
        text, channel = self._chance.choice(need["en" if english else "zh"]), self._weighed(self._told["channels"])
        if channel == "email":
            letter = EmailMessage(policy=SMTP)
            letter["From"], letter["To"] = f"{person} <{mail}>", "service@example.test"
            letter["Subject"], letter["Date"] = ("A question" if english else "咨询"), format_datetime(at)
            letter["Message-ID"] = f"<{name}@mail.example.test>"
            letter.set_content(text)
            return channel, f"{name}.eml", letter.as_bytes()
        plain: dict[str, Any] = {"id": name, "from": phone, "text": text, "at": at.isoformat()}
        if channel != "sms":
            talk, language = self._chance.randrange(60, 400), "en" if english else "zh"
            plain |= {"name": person, "talk_seconds": talk, "language": language, "kind": need["kind"]}
        return channel, f"{name}.json", json.dumps(plain, ensure_ascii=False).encode()

    def _customer(self) -> tuple[str, str, str, bool]:
        """Somebody who wrote before, or somebody else: name, phone, address, and whether they speak English."""
        if self._customers and self._chance.random() < self._told["again"]:
            return self._chance.choice(self._customers)
        number, english = len(self._customers), self._chance.random() < self._told["english"]
        names = [self._told["foreign"]] if english else [self._told["surnames"], self._told["given"]]
        return "".join(map(self._chance.choice, names)), f"1381{number:07}", f"c{number:03}@mail.example.test", english

    def _serve(self, ticket: Ticket, at: datetime) -> None:
        """Somebody calls the customer, makes a plan and carries it out."""
        waits = {"contact": self._slow.get(ticket.queue or "", duration(self._told["contact"]))}
        waits |= {action: duration(self._told[action]) for action in ("plan", "resolve")}
        for action, mean in waits.items():
            at = self._in_hours(at, mean)
            said = self._told["says"][action]
            self._hands.act(at, ticket.number, action, text=self._chance.choice(said.get(ticket.language) or said["zh"]))

    def _work(self, ticket: Ticket, at: datetime) -> None:
        """Somebody sees to work of the house's own."""
        match ticket.kind:
            case "alert":
                self._hands.act(self._in_hours(at, duration(self._told["alert"])), ticket.number, "plan", text=self._told["alert_plan"])
            case "improvement":
                known = ticket.improvement or Improvement()
                plan = self._told["measure" if known.aim else "workshop"]
                at = self._in_hours(at, duration(plan["after"]))
                self._hands.act(at, ticket.number, "improve", text=plan["note"], improvement=replace(known, category=plan["category"]))
                self._hands.act(self._in_hours(at, duration(plan["after"])), ticket.number, "resolve", text=plan["result"])
            case "review":
                review = self._told["review"]
                points = {item: self._chance.choice(given) for item, given in review["points"].items()}
                self._hands.act(self._in_hours(at, duration(review["after"])), ticket.number, "score", points=points)
            case "follow_up":
                follow, cause = self._told["follow_up"], self._chance.choice(self._told["causes"])
                forgotten = self._chance.random() < follow["forgotten"]
                at = at + duration(follow["then"]) if forgotten else self._in_hours(at, duration(follow["after"]))
                outcome = Outcome(cause["cause"], tuple(cause["whys"]), cause["remedy"], "希望以后快一点", satisfied=not forgotten)
                self._hands.act(at, ticket.number, "contact", text="已回访客户并了解原因")
                self._hands.act(at + timedelta(minutes=20), ticket.number, "outcome", outcome=outcome)
                self._hands.act(at + timedelta(minutes=25), ticket.number, "resolve", text=cause["remedy"])

    def _answer(self, ticket: Ticket, message: str, script: str, at: datetime) -> None:
        """The customer does with a message what such people do with such a one."""
        survey, answers = self._told["survey"], self._told["answers"].get(script)
        if script == survey["script"] and self._chance.random() < survey["share"]:
            self._hands.reply(self._awake(at, duration(survey["after"])), message, " ".join(self._scores(ticket, survey)))
        elif answers:
            words = self._chance.choices([text for _, text in answers["words"]], [share for share, _ in answers["words"]])[0]
            if self._chance.random() < sum(share for share, _ in answers["words"]):
                self._hands.reply(self._awake(at, duration(answers["after"])), message, words)

    def _scores(self, ticket: Ticket, survey: Mapping[str, Any]) -> Iterator[str]:
        """Speed, attitude, effect and a word, by what they went through."""
        waited = any(clock.breached_at for clock in ticket.deadlines.values() if clock.kind == "response")
        yield str(self._chance.choice(survey["waited"]["speed"] if waited else survey["content"]))
        yield str(self._chance.choice(survey["content"]))
        yield str(self._chance.choice(survey["objected"] if ticket.objections else survey["content"]))
        yield self._chance.choice(survey["waited"]["say"] if waited else survey["say"])

    def _weighed(self, weights: Mapping[Any, float]) -> Any:
        return self._chance.choices(list(weights), list(weights.values()))[0]

    def _works(self, day: date) -> bool:
        return self._calendar.is_open(datetime.combine(day, time(10), self._zone))

    def _in_hours(self, at: datetime, mean: timedelta) -> datetime:
        """An instant so much working time later, as chance has it."""
        spent = timedelta(seconds=round(60 + self._chance.expovariate(1 / mean.total_seconds())))
        return self._calendar.due(at, spent) or at

    def _awake(self, at: datetime, mean: timedelta) -> datetime:
        """An instant so much later, as chance has it, at which people are up."""
        then = (at + timedelta(seconds=round(60 + self._chance.expovariate(1 / mean.total_seconds())))).astimezone(self._zone)
        if _WAKES <= then.time() < _SLEEPS:
            return then
        morning = then.date() + (_DAY if then.time() >= _SLEEPS else timedelta(0))
        return datetime.combine(morning, time(_WAKES.hour, self._chance.randrange(60)), self._zone)
