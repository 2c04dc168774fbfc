"""The KPIs as data: what each counts over what, and in which unit; and what a policy wants of them (`reports.yaml`), compiled.

docs/kpis.md has each definition in words with an example worked by hand, and what each fact is.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from msgspec import Struct, field

from engine.core.alerts import AlertRule
from engine.core.conditions import Source
from engine.core.escalations import Recipient
from engine.core.schedule import Schedule
from engine.core.scripts import Text

PERIODS: Final = ("hour", "day", "week", "month")
ABOUT: Final = ("kind", "tier", "channel", "queue", "agent", "segment")
OF_TICKETS: Final = (*PERIODS, *ABOUT)
OF_CALLS: Final = (*PERIODS, "channel", "queue", "agent")
OF_MEASURES: Final = (*PERIODS, "category", "queue", "agent")
OF_ANSWERS: Final = ("month", "survey", "question")
"""What an answer's row holds: nothing of whom it is about, and no time but the month."""


class Term(Struct, frozen=True):
    """A number of facts, or the sum of what they hold (`of`), whose outcome is one of `outcomes` (empty: any); `sign` is 1 or -1.

    `of` is count; value or business (microseconds); business_count (those that have it); within (whose value is at most `span`); mature,
    repeated, once (at least a `span` old, and of those, come up again in it or not); all (count, of the whole table). The policy says the
    `span`, as `within` or as `window`.
    """

    fact: str
    outcomes: tuple[str, ...] = ()
    of: str = "count"
    sign: int = 1
    span: timedelta | None = None


Ratio: TypeAlias = tuple[tuple[Term, ...], tuple[Term, ...]]
"""What is counted over what; over nothing it stands for itself."""


class Kpi(Struct, frozen=True):
    """One KPI. `unit` is share, duration, count, mean, score (of 100) or change (a difference of 1); `better` is high, low or empty.

    `ways` are its ratios by the value of the setting `method` or `mode`, by the empty name where there is one way only; none where it is
    made of survey answers or of other KPIs. `settings` are those that a policy must give, `dimensions` what it can be split by.
    `standing` says that it is a stock at an instant, not a flow.
    """

    name: str
    unit: str
    better: str
    ways: Mapping[str, Ratio]
    settings: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = OF_TICKETS
    standing: bool = False

    @property
    def by_month(self) -> bool:
        """Whether no time but the month is known of what it counts."""
        return "month" in self.dimensions and "day" not in self.dimensions


def _one(over: Term, *under: Term) -> Mapping[str, Ratio]:
    return {"": ((over,), under)}


_CALLS, _ANSWERED, _ABANDONED = Term("call"), Term("call", ("answered",)), Term("call", ("abandoned",))
_IN_TIME, _ABANDONED_IN_TIME = Term("call", ("answered",), "within"), Term("call", ("abandoned",), "within")
_NO_MORE = Term("call", ("abandoned",), sign=-1)
_BUSINESS = Term("resolved", of="business")
_ENDS = Term("article", ("confirmed", "objected", "reopened"))
_STOCK = tuple(o for o in OF_TICKETS if o != "hour")

KPIS: Mapping[str, Kpi] = {
    kpi.name: kpi
    for kpi in (
        Kpi("sla_attainment", "share", "high", _one(Term("deadline", ("met",)), Term("deadline")), dimensions=(*OF_TICKETS, "deadline")),
        Kpi("response_on_time", "share", "high", _one(Term("response", of="within"), Term("response")), ("within",)),
        Kpi("response_time", "duration", "low", _one(Term("response", of="value"), Term("response"))),
        Kpi("resolution_rate", "share", "high", _one(Term("closed", ("confirmed", "objected", "unconfirmed", "closed")), Term("closed"))),
        Kpi("needs_met", "share", "high", _one(Term("closed", ("confirmed",)), Term("closed", ("confirmed", "objected")))),
        Kpi("mttr", "duration", "low", _one(Term("resolved", of="value"), Term("resolved"))),
        Kpi(
            "mttr_business", "duration", "low", _one(Term("resolved", of="business"), Term("resolved", of="business_count")), ("calendar",)
        ),
        Kpi("fcr", "share", "high", _one(Term("resolved", ("first_contact",), "once"), Term("resolved", of="mature")), ("window",)),
        Kpi("recurrence", "share", "low", _one(Term("closed", of="repeated"), Term("closed", of="mature")), ("window",)),
        Kpi("reopen_rate", "share", "low", _one(Term("reopened"), Term("resolved"))),
        Kpi("transfers", "mean", "low", _one(Term("transferred"), Term("closed"))),
        Kpi(
            "service_level",
            "share",
            "high",
            {
                "ignore": ((_IN_TIME,), (_CALLS, _NO_MORE)),
                "negative": ((_IN_TIME,), (_CALLS,)),
                "positive": ((_IN_TIME, _ABANDONED_IN_TIME), (_CALLS,)),
            },
            ("within", "mode"),
            OF_CALLS,
        ),
        Kpi("abandonment", "share", "low", _one(_ABANDONED, _CALLS), (), OF_CALLS),
        Kpi("connected_rate", "share", "high", _one(_ANSWERED, _CALLS), (), OF_CALLS),
        Kpi("asa", "duration", "low", _one(Term("call", ("answered",), "value"), _ANSWERED), (), OF_CALLS),
        Kpi("aht", "duration", "low", _one(Term("call", ("answered",), "business"), _ANSWERED), (), OF_CALLS),
        Kpi("csat", "score", "high", {}, ("method",), OF_ANSWERS),
        Kpi("nps", "score", "high", {}, (), OF_ANSWERS),
        Kpi(
            "survey_response", "share", "high", _one(Term("survey", ("answered",)), Term("survey", ("sent",))), (), (*OF_TICKETS, "survey")
        ),
        Kpi("knowledge_use", "share", "high", _one(Term("article", ("resolved",)), Term("resolved"))),
        Kpi("knowledge_accuracy", "share", "high", _one(Term("article", ("confirmed",)), _ENDS), dimensions=(*OF_TICKETS, "article")),
        Kpi("qa_score", "score", "high", _one(Term("review", of="value"), Term("review"))),
        Kpi("volume", "count", "", _one(Term("opened"))),
        Kpi("mix", "share", "", _one(Term("opened"), Term("opened", of="all"))),
        Kpi("calls", "count", "", _one(_CALLS), (), OF_CALLS),
        Kpi("handled", "count", "", _one(Term("resolved"))),
        Kpi("time_in_state", "duration", "low", _one(Term("stay", of="value"), Term("stay")), (), (*OF_TICKETS, "state")),
        Kpi("backlog", "count", "low", _one(Term("load")), (), _STOCK, standing=True),
        Kpi("backlog_age", "duration", "low", _one(Term("load", of="value"), Term("load")), (), _STOCK, standing=True),
        Kpi("measures_improved", "share", "high", _one(Term("verified", ("improved",)), Term("verified")), (), OF_MEASURES),
        Kpi("measures_change", "change", "high", _one(Term("changed", of="value"), Term("changed")), (), OF_MEASURES),
        Kpi("scorecard", "score", "high", {}, (), (*PERIODS, "agent")),
    )
}

AIMS: Final = tuple(kpi.name for kpi in KPIS.values() if kpi.better and not kpi.standing)
"""Those that a measure of improvement can aim at."""

SETTINGS: Final = {"method": ("top2", "mean_x20"), "mode": ("ignore", "negative", "positive")}
"""The settings that are one of a few words; `within` and `window` are durations, `calendar` is the name of one."""


class Goal(Struct, frozen=True):
    """What a KPI should reach, and from where on it is flagged: a share of 1, seconds, a number or a score, as its unit is."""

    target: float
    warning: float | None = None


class KpiPolicy(Struct, frozen=True):
    """What the policy says of one KPI. Of fewer than `minimum_n` nothing is said to be missed; `by` is how it is watched.

    `scopes` are other goals for parts of it, each (what a part must be by dimension, its goal); the first that fits counts.
    """

    name: str
    source: Source
    goal: Goal | None
    scopes: tuple[tuple[Mapping[str, str], Goal], ...] = ()
    minimum_n: int = 1
    by: tuple[str, ...] = ()
    way: str = ""
    within: timedelta | None = None
    window: timedelta | None = None
    calendar: str | None = None

    def goal_of(self, group: Mapping[str, str]) -> Goal | None:
        """Return the goal of a part of the figures, which has these values by dimension."""
        fitting = (goal for scope, goal in self.scopes if scope.items() <= group.items())
        return next(fitting, self.goal)


class Watch(Schedule, frozen=True):
    """KPIs that are looked at by cron over the `window` before; what is flagged raises an alert."""

    id: str
    window: timedelta
    kpis: tuple[str, ...]
    alert: AlertRule


REPORTS: Final = ("survey", "day", "week", "month", "agent", "queue", "incident")
FORMATS: Final = ("html", "xlsx", "pdf", "md", "json")


class Report(Schedule, frozen=True):
    """A report that goes out by cron: which of `REPORTS` it is, in which `FORMATS`, to whom."""

    id: str
    report: str
    formats: tuple[str, ...]
    to: tuple[Recipient, ...]


class Subject(Struct, frozen=True):
    """What customers' suggestions may be about: those that mention one of the keywords are."""

    id: str
    label: Text
    keywords: tuple[str, ...]


class Reports(Struct, frozen=True):
    """Everything of reports.yaml. `scorecard` has the weight of each KPI in an agent's score; `suggestions` are what those of
    customers may be about, `ignored_words` are no subject.
    """

    kpis: Mapping[str, KpiPolicy] = field(default_factory=dict)
    scorecard: Mapping[str, float] = field(default_factory=dict)
    watches: tuple[Watch, ...] = ()
    verification: Schedule | None = None
    reports: tuple[Report, ...] = ()
    suggestions: tuple[Subject, ...] = ()
    ignored_words: tuple[str, ...] = ()
