"""The compiled policy: one immutable value that `decide` works from. `engine.policy` builds it out of YAML.

Durations are timedelta, shares are fractions of one (80% is 0.8), texts for people are maps by language.
"""

from collections.abc import Mapping
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import force_setattr

from engine.core.answers import ReplyWords, Scale
from engine.core.calendar import Calendar
from engine.core.conditions import Condition, Source
from engine.core.escalations import Escalation, Limits, Recipient
from engine.core.grouping import IncidentGroup, Incidents
from engine.core.index import Rules
from engine.core.knowledge import Knowledge
from engine.core.kpis import Reports
from engine.core.quality import Form
from engine.core.quiet import Hours
from engine.core.retention import Retention
from engine.core.scripts import Guide, Script, Text
from engine.core.text import KeywordIndex

if TYPE_CHECKING:
    from engine.core.grants import Authority


class Company(Struct, frozen=True):
    """Who speaks, in which zone its days are counted, which languages it has (the first is the default)."""

    name: Text
    timezone: str
    languages: tuple[str, ...]
    hotline: str = ""


class Rule(Struct, frozen=True):
    """What every rule has: a stable id, a condition (None: the default rule, always true) and its place in the file."""

    id: str
    when: Condition | None
    source: Source


class KindRule(Rule, frozen=True):
    """Which kind of need a message is when its sender did not say."""

    kind: str


class CallRule(Rule, frozen=True):
    """What a call record leads to: a ticket of `opens` (a kind), a contact noted on the caller's open ticket, or neither."""

    opens: str | None = None
    queue: str | None = None
    script: str | None = None
    notes_contact: bool = False


class Tier(Rule, frozen=True):
    """A grade of urgency and what it promises: budgets by deadline kind, counted on `calendar`."""

    label: Text
    budgets: Mapping[str, timedelta]
    calendar: str


class Budget(Rule, frozen=True):
    """A length for the clocks of one kind where the condition holds; without a `calendar` they count on the usual one."""

    budget: timedelta
    calendar: str | None = None


class DeadlineKind(Struct, frozen=True):
    """A clock that tickets may carry.

    Events named in `starts` start it (not while a clock of a kind in `unless_running` runs), in `resets` start it anew, in `stops` end
    it; it stands still in the states `pauses_in`. Its length is the first of `budgets` that holds, else the tier's for this kind, else
    `budget`; with `due` it is not a budget but the instant in that field of the event. `calendar` may be `queue`: that of the ticket's
    queue. What is `promised` is told to the customer in clock time. `remind` are times after the start at which `remind_script` goes to
    the customer; `then` is done at the breach.
    """

    name: str
    label: Text
    starts: frozenset[str]
    stops: frozenset[str]
    source: Source
    resets: frozenset[str] = frozenset()
    pauses_in: frozenset[str] = frozenset()
    budget: timedelta | None = None
    calendar: str | None = None
    due: str | None = None
    remind: tuple[timedelta, ...] = ()
    remind_script: str | None = None
    then: str | None = None
    budgets: tuple[Budget, ...] = ()
    unless_running: frozenset[str] = frozenset()
    promised: bool = False


class Route(Rule, frozen=True):
    """Which queue a ticket goes to, and the skills its agent needs, each at that level or above."""

    queue: str
    skills: Mapping[str, int] = field(default_factory=dict)


class Assignment(Struct, frozen=True):
    """How an agent of the queue is chosen: the order of preferences, the most open tickets one may hold unless the team says otherwise,
    what `reassign` does, what becomes of the tickets of who goes away, and after how long one is `offered_again` where all hold so many.
    """

    order: tuple[str, ...]
    capacity: int
    on_no_response: str
    on_away: str
    source: Source
    offered_again: timedelta = timedelta(minutes=5)


class Handover(Struct, frozen=True):
    """Who hears of the promises that an agent leaves open, so long before their shift ends, by which script."""

    before_end: timedelta
    to: tuple[Recipient, ...]
    script: str
    source: Source


class SpillOver(Struct, frozen=True):
    """Where a queue's tickets go, first to last, when nobody of it can take one until `before_breach` ahead of its next deadline."""

    to: tuple[str, ...]
    before_breach: timedelta
    source: Source


class Queue(Struct, frozen=True):
    """A group of agents. `lead` is an agent id, and so are those of `backup`, who answer for it when the lead is not there; `calendar`
    None means its agents' shifts alone decide; `assignment` None the common one.
    """

    id: str
    label: Text
    lead: str
    calendar: str | None
    source: Source
    assignment: Assignment | None = None
    spill_over: SpillOver | None = None
    backup: tuple[str, ...] = ()


class Question(Struct, frozen=True):
    """One question of a survey. `labels` has one text per point, by language; `options` the text of each option of a choice, by its id."""

    scale: Scale
    ask: Text
    labels: Mapping[str, tuple[str, ...]]
    options: Mapping[str, Text] = field(default_factory=dict)


class LowScore(Struct, frozen=True, kw_only=True):
    """When an answer calls for a follow-up, and the ticket that is opened for it: together with others, but `within` that span.

    One of the words `opt_in` says that the customer wants to be called, without which nobody is where a survey is strictly anonymous.
    """

    when: Condition
    kind: str
    queue: str
    within: timedelta = timedelta(0)
    opt_in: tuple[str, ...]
    source: Source


class Survey(Struct, frozen=True, kw_only=True):
    """A questionnaire and when it goes out.

    It is sent `after` the condition holds, outside the `quiet` hours (start, end; local time of day of the company), never later than
    `within`; at most one to a customer in `at_most_every`; to the share `sample` of them; over the first of `channels` that reaches
    the customer. It expires `expires` after it was sent and is reminded of at the times `remind` after it was sent. Its answers are put
    into storage `together` at a time, at least. Without `when` it goes by the clock, to whom a timed rule of its name draws.
    `outcome` is the question on the whole, which the other ones on its scale drive.
    """

    id: str
    when: Condition | None
    within: timedelta
    after: timedelta = timedelta(0)
    quiet: Hours | None
    at_most_every: timedelta = timedelta(0)
    sample: float = 1.0
    channels: tuple[str, ...]
    expires: timedelta
    remind: tuple[timedelta, ...]
    anonymity: str
    together: int = 5
    intro: Text
    questions: tuple[Question, ...]
    scripts: Mapping[str, str]
    low_score: LowScore | None
    source: Source
    outcome: str | None = None


class Action(Struct, frozen=True):
    """One thing that a rule of the house's own does: `name` is one of `decide.rules.ACTIONS`, `words` how the policy says it.

    `values` are what stands in it by key, that of `name` included where it is one word; `recipients` are those of `notify`, `text` is
    that of what is opened, `after` the length of a timer.
    """

    name: str
    words: str
    values: Mapping[str, str]
    recipients: tuple[Recipient, ...] = ()
    text: Text = field(default_factory=dict)
    after: timedelta = timedelta(0)


class OwnRule(Rule, frozen=True):
    """A rule of the house's own: with `mode` live it does the actions in order, with observe it only tells them, with draft neither."""

    mode: str
    do: tuple[Action, ...]


class EventRule(OwnRule, frozen=True):
    """One that follows what happens to a ticket. `on` are events by their names in policies, or `timer ID` for a timer of a rule."""

    on: tuple[str, ...]


class TimedRule(OwnRule, frozen=True):
    """One that runs by the clock, at the slots of a cron expression in a zone, for each open ticket or each customer it holds for.

    `catch_up` says which of the slots that passed while nothing ran are made up for: skip (none), once (the last), all. With a `draw`, it
    runs for a random sample of them only.
    """

    cron: str
    timezone: str
    subject: str
    catch_up: str
    draw: "Draw | None" = None


class Draw(Struct, frozen=True):
    """A random sample of customers, stratified: of each group that has the same value in the field `by`, the `share`, rounded up, and not
    fewer than `at_least` where there are so many.
    """

    share: float
    at_least: int
    by: str


class Policy(Struct, frozen=True):
    """Everything the company decided, compiled. `notices` names the script of each built-in occasion (promise, assignment, …).

    What `on_…_change` does to running clocks is `recompute`, `restart` or `keep`; `on_later_promise` is `tell` or `silent`.
    `fields` are the fields that some condition asks. `spans` has the span of each counted one, whose name tells it: `… last 30d`.
    `timed_fields` are those of both that only rules by the clock ask. `rules` are the house's own; `triggers` has those that follow
    events and are no drafts, by what they go on. `chain_depth` is how many of them may follow from each other. `groups`
    say which tickets are an incident together, and `incidents` what is done with one. `reports` is what is wanted of KPIs, `quality` how
    the quality of work is scored.
    """

    digest: str
    company: Company
    kinds: tuple[KindRule, ...]
    calls: tuple[CallRule, ...]
    tiers: tuple[Tier, ...]
    deadlines: Mapping[str, DeadlineKind]
    escalations: tuple[Escalation, ...]
    on_tier_change: str
    queues: Mapping[str, Queue]
    routes: Rules[Route]
    assignment: Assignment
    scripts: Mapping[str, Script]
    notices: Mapping[str, str]
    guides: Mapping[str, Guide]
    surveys: tuple[Survey, ...]
    replies: ReplyWords
    commands: Mapping[str, tuple[str, ...]]
    keywords: KeywordIndex
    calendars: Mapping[str, Calendar]
    limits: Limits
    replies_source: Source | None = None
    fields: frozenset[str] = frozenset()
    spans: Mapping[str, timedelta] = field(default_factory=dict)
    timed_fields: frozenset[str] = frozenset()
    rules: tuple[OwnRule, ...] = ()
    triggers: Mapping[str, Rules[EventRule]] = field(default_factory=dict)
    chain_depth: int = 5
    on_queue_change: str = "keep"
    on_customer_change: str = "keep"
    on_calendar_change: str = "keep"
    on_later_promise: str = "tell"
    authority: "Authority | None" = None
    handover: Handover | None = None
    incidents: Incidents | None = None
    groups: Rules[IncidentGroup] = field(default_factory=Rules)
    reports: Reports = field(default_factory=Reports)
    retention: Retention | None = None
    knowledge: Knowledge = field(default_factory=lambda: Knowledge({}, {}))
    quality: Form | None = None
    moved_by: Mapping[str, tuple[DeadlineKind, ...]] = field(default_factory=dict)
    """The kinds of deadlines that an event starts, stops or resets, by its name."""

    def __post_init__(self) -> None:
        by = [(kind, kind.starts | kind.stops | kind.resets) for kind in self.deadlines.values()]
        moved = {name: tuple(kind for kind, names in by if name in names) for name in frozenset[str]().union(*(names for _, names in by))}
        force_setattr(self, "moved_by", moved)

    @property
    def timed_rules(self) -> tuple[TimedRule, ...]:
        """The rules that run by the clock, drafts included."""
        return tuple(rule for rule in self.rules if isinstance(rule, TimedRule))

    def text(self, texts: Text, language: str) -> str:
        """Return the text in `language`, else in the company's default language, else in any."""
        for wanted in (language, self.company.languages[0]):
            if wanted in texts:
                return texts[wanted]
        return next(iter(texts.values()), "")

    def points(self, question: Question, language: str) -> tuple[tuple[str, str], ...]:
        """Return what can be chosen, each with its words: a score with its label, the letter of an option with its text.

        A question that is answered in words has none.
        """
        if question.scale.options:
            return tuple((chr(ord("A") + nth), self.text(text, language)) for nth, text in enumerate(question.options.values()))
        labels = question.labels.get(language) or next(iter(question.labels.values()), ())
        scores = () if question.scale.text else range(question.scale.low, question.scale.high + 1)
        return tuple((str(score), label) for score, label in zip_longest(scores, labels, fillvalue=""))
