"""The summary of a period as plain values. Ids are the policy's; `Names` has their labels by language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.scripts import Text


@dataclass(frozen=True, slots=True)
class Attainment:
    """How many promises were kept and how many were not."""

    met: int = 0
    breached: int = 0

    @property
    def due(self) -> int:
        """How many there were to keep."""
        return self.met + self.breached

    @property
    def rate(self) -> float | None:
        """SLA attainment: met / (met + breached); None without any."""
        return self.met / self.due if self.due else None

    def __add__(self, other: "Attainment") -> "Attainment":
        return Attainment(self.met + other.met, self.breached + other.breached)


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are of one channel, kind, tier or state."""

    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Promises of one deadline kind, or of one tier."""

    key: str
    attainment: Attainment


@dataclass(frozen=True, slots=True)
class QuestionScores:
    """How often each score was given to a question; None where there were too few answers to show any."""

    survey: str
    question: str
    counts: tuple[tuple[int, int], ...] | None

    @property
    def answers(self) -> int:
        """How many answers are shown."""
        return sum(count for _, count in self.counts or ())

    @property
    def mean(self) -> float | None:
        """The mean score; None where none is shown."""
        return sum(score * count for score, count in self.counts) / self.answers if self.counts and self.answers else None


@dataclass(frozen=True, slots=True)
class Load:
    """The work of one queue or agent: opened and ended in the period, open and overdue at its end."""

    key: str
    opened: int
    ended: int
    open: int
    overdue: int


@dataclass(frozen=True, slots=True)
class ClockLine:
    """One clock of a ticket at the end of the period; `outcome` is met, breached, open or paused."""

    id: str
    kind: str
    outcome: str
    due: datetime | None


@dataclass(frozen=True, slots=True)
class TicketLine:
    """One ticket as it stood at the end of the period."""

    number: str
    opened_at: datetime
    kind: str
    tier: str | None
    queue: str | None
    assignee: str | None
    state: str
    clocks: tuple[ClockLine, ...]


@dataclass(frozen=True, slots=True)
class Breach:
    """One promise that was not kept. `late` is real time; with `open` it still grows."""

    number: str
    kind: str
    tier: str | None
    queue: str | None
    assignee: str | None
    deadline: str
    due: datetime
    late: timedelta
    open: bool


@dataclass(frozen=True, slots=True)
class Names:
    """Labels by language of what the policy names; agents by their names."""

    company: Text
    tiers: Mapping[str, Text]
    queues: Mapping[str, Text]
    deadlines: Mapping[str, Text]
    questions: Mapping[tuple[str, str], Text]
    agents: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What came in. `by_kind` counts all tickets that were opened, everything else the customers' needs among them.

    `hours` are the 24 local hours of the day.
    """

    needs: int
    own_work: int
    by_channel: tuple[Count, ...]
    by_kind: tuple[Count, ...]
    by_tier: tuple[Count, ...]
    by_state: tuple[Count, ...]
    hours: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """Which promises were kept. One counts in the period in which it was kept or fell due; one that is open and overdue is breached.

    `response` are those of the very first contact; `mean_first_response` is how long needs waited for it in real time, whatever was
    promised.
    """

    kept: Attainment
    by_deadline: tuple[Kept, ...]
    response: Attainment
    response_by_tier: tuple[Kept, ...]
    mean_first_response: timedelta | None
    breaches: tuple[Breach, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How often customers confirmed, did not answer, objected, or a person closed or reopened their ticket."""

    confirmed: int
    unconfirmed: int
    closed_by_person: int
    objections: int
    reopened: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Surveys, follow-ups, and how often customers said something elsewhere, by source.

    Answers are stored by month only, so `scores` are those of `months`.
    """

    sent: int
    answered: int
    months: tuple[str, ...]
    scores: tuple[QuestionScores, ...]
    follow_ups_opened: int
    follow_ups_closed: int
    follow_ups_open: int
    by_source: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What happened from `since` (included) to `until` (not included), and how everything stood at `until`."""

    names: Names
    timezone: str
    since: datetime
    until: datetime
    intake: Intake
    promises: Promises
    closing: Closing
    feedback: Feedback
    queues: tuple[Load, ...]
    agents: tuple[Load, ...]
    tickets: tuple[TicketLine, ...]
