"""What each value is changed to: another of its kind, written into the very place where the old one stood."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

from engine.core.conditions import FieldType
from engine.core.fields import FIELDS, NEEDS
from engine.policy.vocabulary import ASKS
from tests.policy_figures.scalars import Scalar

MARK = "※"
STRANGE_WORDS = {True: "zyzzyva", False: "鼋鼍"}
"""By whether the word it takes the place of is ASCII; neither occurs in any policy."""

_OPEN_CHOICES = {"ticket.tier": ("general", "important"), "ticket.queue": ("front_desk", "supervisors"), "customer.segment": ("new",)}
"""Values for the fields that any word may stand for."""

Values: TypeAlias = list[tuple[str, ...]]
"""For each figure in a value, what it may become: of one tuple one at least must be noticed."""


@dataclass(frozen=True)
class Change:
    """A value and what it becomes: `ways` are file texts, of which one at least must be noticed. `new` says the values in words."""

    scalar: Scalar
    new: str
    ways: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.scalar.place}: {self.scalar.value!r} → {self.new}"


class Mutator:
    """Makes the changes of every value of the files."""

    def __init__(self, files: dict[str, str], found: list[Scalar]) -> None:
        self._files = files
        self._at = {scalar.path: scalar for scalar in found}

    def changes(self, scalar: Scalar) -> Iterator[Change]:
        """Yield one change for each figure that the value holds: a range of days or times holds two."""
        for values in self._values(scalar):
            yield Change(scalar, " or ".join(map(repr, values)), tuple(self._written(scalar, new) for new in values))
        for new, start, end, text in self._structural(scalar):
            yield Change(scalar, new, (self._spliced(scalar.file, start, end, text),))

    def _written(self, scalar: Scalar, new: str) -> str:
        return self._spliced(scalar.file, scalar.start, scalar.end, _in_style(scalar, new))

    def _spliced(self, file: str, start: int, end: int, new: str) -> str:
        text = self._files[file]
        return text[:start] + new + text[end:]

    def _structural(self, scalar: Scalar) -> Iterator[tuple[str, int, int, str]]:
        """Words that have no other value of their kind: what they stand for is taken out, or turned into its opposite."""
        if re.fullmatch(r"calls\[\d+\]\.contact", scalar.path):
            yield "ignore: true", scalar.before, scalar.end, "ignore: true"
        if scalar.path.endswith("assignment.order[0]"):
            second = self._at["assignment.order[1]"]
            yield "the two in the other order", scalar.start, second.end, f"{second.text}, {scalar.text}"
        if scalar.path.startswith("approvals.substitute["):
            first, second = self._at["approvals.substitute[0]"], self._at["approvals.substitute[1]"]
            yield "left out", first.start, second.end, (second if scalar is first else first).text
        if scalar.last == "until":
            comma = self._files[scalar.file].rindex(",", 0, scalar.before)
            yield "left out", comma, scalar.end, ""
        if scalar.last == "then":
            line = self._files[scalar.file].rindex("\n", 0, scalar.before)
            yield "left out", line, scalar.end, ""

    def _values(self, scalar: Scalar) -> Values:
        """Return, for each figure in the value, the values it may become."""
        for pattern, make in _BY_PATH:
            if re.fullmatch(pattern, f"{scalar.file}:{scalar.path}"):
                return make(self, scalar)
        for shape, make in _BY_SHAPE:
            if scalar.style is None and re.fullmatch(shape, scalar.value):
                return make(self, scalar)
        return [(scalar.value + MARK,)]

    def _another(self, scalar: Scalar, known: tuple[str, ...]) -> Values:
        others = [one for one in known if one != scalar.value]
        return [tuple(others[:4])]

    def _names(self, section: str) -> tuple[str, ...]:
        """The names defined below a section that is a mapping."""
        found = (path.removeprefix(f"{section}.").partition(".")[0] for path in self._at if path.startswith(f"{section}."))
        return tuple(dict.fromkeys(found))

    def _value_of_matcher(self, scalar: Scalar) -> Values:
        """Another value for the field that stands beside it."""
        holder = re.sub(r"\.(is|in|at_most)(\[\d+\])?$", "", scalar.path)
        field = FIELDS[self._at[f"{holder}.field"].value]
        if field.type is FieldType.FLAG:
            return [("false" if scalar.value == "true" else "true",)]
        if field.type is FieldType.NUMBER:
            return [(str(int(scalar.value) + 1),)]
        known = field.choices or _OPEN_CHOICES[field.name]
        taken = {one.value for path, one in self._at.items() if path.startswith(f"{holder}.in[")}
        return self._another(scalar, tuple(choice for choice in known if choice not in taken))

    def _script(self, scalar: Scalar) -> Values:
        """Another script for the same ears; the first is one that needs no words of its occasion."""
        audience = self._at[f"scripts.{scalar.value}.audience"].value
        plain = {"customer": "opted_out", "team": "assignment", "agent": "complaint_facts"}[audience]
        others = [name for name in self._names("scripts") if self._at[f"scripts.{name}.audience"].value == audience]
        return self._another(scalar, (plain, *others))

    def _step(self, scalar: Scalar) -> Values:
        if scalar.value in ASKS:
            return self._another(scalar, ("background", "wish"))
        return self._script(scalar)


Make: TypeAlias = Callable[[Mutator, Scalar], Values]


def _in_style(scalar: Scalar, new: str) -> str:
    if scalar.style in ("|", ">"):
        return _marked_block(scalar.text)
    if scalar.style == '"':
        return '"' + new.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if re.search(r": |#|^[\[{&*!|>'\"%@`]|^\s|\s$|:$", new):
        return "'" + new.replace("'", "''") + "'"
    return new


def _marked_block(text: str) -> str:
    """The block with the mark at the end of its last line."""
    body = text.rstrip()
    return body + MARK + text[len(body) :]


def _longer(text: str) -> str:
    """The duration with one more of its last unit."""
    head, number, unit = re.fullmatch(r"(.*?)(\d+)([dhms])", text).groups()  # type: ignore[union-attr]  # matched before
    return f"{head}{int(number) + 1}{unit}"


def _times(mutator: Mutator, scalar: Scalar) -> Values:
    """Each end of the window half an hour later."""
    begin, end = scalar.value.split("-")
    return [(f"{_half_an_hour_after(begin)}-{end}",), (f"{begin}-{_half_an_hour_after(end)}",)]


def _half_an_hour_after(clock: str) -> str:
    minutes = int(clock[:2]) * 60 + int(clock[3:]) + 30
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _days(mutator: Mutator, scalar: Scalar) -> Values:
    """Each day of the range one later, or else one earlier; a single day, too."""
    first, _, last = scalar.value.partition("/")
    year = int(scalar.path.split(".")[2].partition("[")[0])
    if not last:
        return [tuple(_day_beside(first, year))]
    begins = tuple(f"{day}/{last}" for day in _day_beside(first, year))
    return [begins, tuple(f"{first}/{day}" for day in _day_beside(last, year))]


def _day_beside(day: str, year: int) -> Iterator[str]:
    written = date.fromisoformat(f"{year}-{day}")
    for beside in (written + timedelta(days=1), written - timedelta(days=1)):
        if beside.year == year:
            yield beside.strftime("%m-%d")


def _word(mutator: Mutator, scalar: Scalar) -> Values:
    if not any(character.isalnum() for character in scalar.value):
        return [(MARK,)]
    return [(STRANGE_WORDS[scalar.value.isascii()],)]


def _among(*known: str) -> Make:
    return lambda mutator, scalar: mutator._another(scalar, known)


def _each_of(*known: str) -> Make:
    """Every other member must be told from the one that is written."""
    return lambda mutator, scalar: [(one,) for one in known if one != scalar.value]


def _named(section: str) -> Make:
    return lambda mutator, scalar: mutator._another(scalar, mutator._names(section))


def _replaced(*values: str) -> Make:
    return lambda mutator, scalar: [values]


def _field(mutator: Mutator, scalar: Scalar) -> Values:
    """A field of the same type that may stand in the same place."""
    kind = FIELDS[scalar.value].type
    others = [name for name, field in FIELDS.items() if field.type is kind and name != scalar.value]
    others.sort(key="customer.segment".__ne__)  # it has a value wherever a field is asked
    return [tuple([name for name in others if not FIELDS[name].choices] + others)[:4] or ("ticket.kind",)]


def _level(mutator: Mutator, scalar: Scalar) -> Values:
    """The most, or nothing: only the order of levels counts."""
    return [("10", "0")]


def _reference(value: str) -> Make:
    return lambda mutator, scalar: [(value if scalar.value != value else "24x7",)]


_OTHER_EVENT = _among("message_received", "ticket_reopened")

_BY_PATH: list[tuple[str, Make]] = [
    (r".*:version", _replaced("2")),
    (r"scripts\.yaml:glossary\..*words\[\d+\]", _word),
    (r"scripts\.yaml:glossary\..*in\[\d+\]", _among("team")),
    (r"scripts\.yaml:glossary\..*script(\[\d+\])?", _among("identity", "complaint_facts")),
    (r".*(mentions|replies\.\w+|commands\.\w+|negation\.\w+)\[\d+\]", _word),
    (r".*\.(is|in|at_most)(\[\d+\])?", Mutator._value_of_matcher),
    (r".*\.field", _field),
    (r".*\.use", _named("conditions")),
    (r".*:(company|calendars\.\w+)\.timezone", _replaced("Asia/Tokyo")),
    (r".*:company\.languages.*", _replaced("fr")),
    (r"intake\.yaml:kinds\[\d+\]\.kind", _among(*NEEDS)),
    (r"intake\.yaml:calls.*\.kind", _among("complaint", "call_back")),
    (r"survey\.yaml:.*\.open\.kind", _each_of("task")),
    (r"rules\.yaml:rules\[\d+\]\.on", _OTHER_EVENT),
    (r"rules\.yaml:.*\.mode", _each_of("draft", "observe", "live")),
    (r"rules\.yaml:.*\.cron", lambda m, s: [(re.sub(r"^0 \d+", "0 11", s.value),)]),
    (r"rules\.yaml:.*\.timezone", _replaced("Asia/Tokyo")),
    (r"rules\.yaml:.*\.catch_up", _each_of("skip", "once", "all")),
    (r"rules\.yaml:.*\.for", _each_of("tickets", "customers")),
    (r"rules\.yaml:.*\.notify\[\d+\]", _among("wang", "manager")),
    (r"rules\.yaml:.*\.open\.kind", _among("task")),
    (r"rules\.yaml:.*\.(add_tag|start_timer)", lambda m, s: [(f"{s.value}-x",)]),
    (r"reports\.yaml:(suggestions\[\d+\]\.keywords|ignored_words)\[\d+\]", _word),
    (r"survey\.yaml:.*\.outcome", _among("value")),
    (r"reports\.yaml:.*\.cron", lambda m, s: [(re.sub(r"^0 \d+", "0 11", s.value),)]),
    (r"reports\.yaml:.*\.timezone", _replaced("Asia/Tokyo")),
    (r"reports\.yaml:.*\.catch_up", _each_of("skip", "once", "all")),
    (r"(reports|incidents)\.yaml:.*\.to\[\d+\]", _among("wang", "manager")),
    (r"(reports|incidents)\.yaml:.*\.open\.kind", _each_of("task", "improvement")),
    (r"reports\.yaml:.*\.report", _each_of("week", "month")),
    (r"reports\.yaml:.*\.formats\[\d+\]", _among("html", "xlsx")),
    (r"reports\.yaml:watch.*\.kpis\[\d+\]", _among("fcr", "resolution_rate")),
    (r"reports\.yaml:.*\.by\[\d+\]", _among("channel", "agent", "survey")),
    (r"reports\.yaml:.*\.mode", _each_of("ignore", "negative", "positive")),
    (r"reports\.yaml:.*\.method", _each_of("top2", "mean_x20")),
    (r"reports\.yaml:.*\.scopes\[\d+\]\.tier", _among("important", "general")),
    (r"authority\.yaml:currency", _replaced("USD")),
    (r"authority\.yaml:grants\[\d+\]\.roles\[\d+\]", _among("assignee", "follow_up", "manager")),
    (r"authority\.yaml:grants\[\d+\]\.exceptions\[\d+\]", _named("exceptions")),
    (r"authority\.yaml:approvals\.approvers\[\d+\]", _among("lin", "front_desk")),
    (r"authority\.yaml:approvals\.substitute\[\d+\]", lambda m, s: []),
    (r"incidents\.yaml:.*\.on\[\d+\]", _among("message_received", "ticket_reopened")),
    (r"incidents\.yaml:.*\.same\[\d+\]", _among("ticket.language", "ticket.channel", "ticket.queue")),
    (r"incidents\.yaml:.*\.tier", _among("general", "important", "urgent")),
    (r"incidents\.yaml:.*\.tag", lambda m, s: [(f"{s.value}-x",)]),
    (r"incidents\.yaml:.*\.notify\[\d+\]", _among("wang", "manager")),
    (r"incidents\.yaml:incidents\.scripts\..*", Mutator._script),
    (r".*\.queue", _named("queues")),
    (r"team\.yaml:agents\.\w+\.queues.*", _named("queues")),
    (r".*\.(script|run_script|warn_script|remind_script)|.*:notices\..*|survey\.yaml:.*\.scripts\..*", Mutator._script),
    (r"scripts\.yaml:guides\..*\.steps\[\d+\]", Mutator._step),
    (r".*\.audience", _among("team", "agent")),
    (r".*\.calendar", _reference("cn_office")),
    (r".*\.(starts|stops|resets)(\[\d+\])?", _OTHER_EVENT),
    (r".*\.pauses_in\[\d+\]", _among("in_progress")),
    (r"sla\.yaml:deadlines\.\w+\.due", _each_of("plan_step.due", "task.due")),
    (r"sla\.yaml:deadlines\.\w+\.then", _each_of("close_unconfirmed", "report_progress")),
    (r"sla\.yaml:on_\w+_change", _each_of("recompute", "restart", "keep")),
    (r"sla\.yaml:on_later_promise", _each_of("tell", "silent")),
    (r".*\.unless_running", _named("deadlines")),
    (r".*\.promised", _each_of("true", "false")),
    (r"sla\.yaml:escalations.*\.deadlines\[\d+\]", _among("confirmation")),
    (r"sla\.yaml:escalations.*(notify|warn_to)\[\d+\]", _among("wang", "customer", "manager")),
    (r"sla\.yaml:escalations.*(notify|warn_to)\[\d+\]\.to", _among("wang", "assignee")),
    (r"sla\.yaml:escalations.*(notify|warn_to)\[\d+\]\.channel", _among("sms", "email")),
    (r"sla\.yaml:escalations.*\.at", lambda m, s: [("+1m",)] if s.value == "breach" else [(_longer(s.value),)]),
    (r"routing\.yaml:.*\.skills\[\d+\]", _among("repair")),
    (r"routing\.yaml:assignment\.order\[\d+\]", _among("most_skilled")),
    (r"routing\.yaml:assignment\.on_no_response", _each_of("reassign", "unassign", "keep")),
    (r"routing\.yaml:queues\.\w+\.lead|team\.yaml:manager", _among("wang", "qian")),
    (r"routing\.yaml:queues\.\w+\.backup", _among("wang", "qian")),
    (r"scripts\.yaml:limits\.quiet\.hours", _times),
    (r"scripts\.yaml:limits\.quiet\.except\[\d+\]", _among("important", "general")),
    (r"survey\.yaml:.*\.channels\[\d+\]", _among("chat")),
    (r"survey\.yaml:.*\.anonymity", _each_of("confidential", "strict")),
    (r"survey\.yaml:.*\.send\.within", _replaced("30m")),
    (r"survey\.yaml:.*\.scale", _replaced("1-6")),
    (r"team\.yaml:.*\.skills\.\w+", _level),
    (r"team\.yaml:.*\.email", lambda m, s: [(s.value.replace("@", "2@"),)]),
    (r"team\.yaml:.*\.phone", lambda m, s: [(s.value[:-1] + "0",)]),
    (r"team\.yaml:.*\.shift", _named("shifts")),
    (r"team\.yaml:.*\.roles\[\d+\]", _among("supervisor", "manager")),
    (r"calendars/.*:arrangements\..*\.(off|workdays)\[\d+\](\.days)?", _days),
    (r"calendars/.*\.holidays", _replaced("none")),
    (r".*\.quiet|calendars/.*weekly.*", _times),
    (r".*[.\]]id", lambda m, s: [(f"{s.value}-x",)]),
]


_BY_SHAPE: list[tuple[str, Make]] = [
    (r"(\d+[dh])", lambda m, s: [(_longer(s.value), f"{s.value} 1m")]),
    (r"(\d+[dhms])( \d+[dhms])*", lambda m, s: [(_longer(s.value),)]),
    (r"-(\d+[dhms])( \d+[dhms])*", lambda m, s: [(_longer(s.value),)]),
    (r"\d+%", lambda m, s: [(f"{int(s.value[:-1]) + (1 if s.value != '100%' else -1)}%",)]),
    (r"\d+", lambda m, s: [(str(int(s.value) + 1),)]),
    (r"true", _replaced("false")),
    (r"false", _replaced("true")),
]
