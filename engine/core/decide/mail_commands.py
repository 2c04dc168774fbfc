"""What an agent may say by mail: the first word is the action, in any of the policy's words for it; the rest is its text.

A plan's completion points are lines `- what; who; 2026-03-06 17:00`, the time in the company's zone.
"""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.core.authority import read_amount
from engine.core.draft import Draft, Refusal
from engine.core.signals import AgentActed, MessageArrived, StepDraft
from engine.core.text import normalise

_STEP = re.compile(r"^\s*[-*•]\s*(?P<what>[^;；]+)[;；]\s*(?P<who>[^;；]+)[;；]\s*(?P<due>\d{4}-\d{2}-\d{2}[ T]\d{1,2}:\d{2})\s*$")


def read(draft: Draft, signal: MessageArrived) -> AgentActed | None:
    """Return the action the mail asks for, None when its first word is no command."""
    text = signal.text.strip()
    found = _command(draft, text)
    if found is None:
        return None
    action, rest = found
    if action == "plan":
        steps, words = _steps(rest, draft.policy.company.timezone)
        return AgentActed(draft.ticket.number, action, signal.party, words, steps=steps, via=signal.channel)
    target, amount = None, None
    if action == "compensate":
        said, _, rest = rest.partition(" ")
        amount = read_amount(normalise(said))
    if action == "done" and draft.ticket.plan is None:
        action = "resolve"
    elif action == "done":
        target, _, rest = rest.partition(" ")
        target = target or None
    return AgentActed(draft.ticket.number, action, signal.party, rest, target, via=signal.channel, amount=amount)


def usage(draft: Draft) -> str:
    """Return the words that are understood."""
    return "; ".join(f"{action}: {', '.join(words)}" for action, words in draft.policy.commands.items())


def _command(draft: Draft, text: str) -> tuple[str, str] | None:
    folded = normalise(text)
    words = [(normalise(word), action) for action, spoken in draft.policy.commands.items() for word in spoken]
    for word, action in sorted(words, key=lambda pair: -len(pair[0])):
        if folded.startswith(word) and not re.match(r"[a-z0-9]", folded[len(word) : len(word) + 1] if word.isascii() else ""):
            return action, text[len(word) :].lstrip(" \t:：,，。.-\n")
    return None


def _steps(text: str, timezone: str) -> tuple[tuple[StepDraft, ...], str]:
    steps: list[StepDraft] = []
    words: list[str] = []
    for line in text.splitlines():
        found = _STEP.match(line)
        if found is None:
            words.append(line)
            continue
        try:
            due = datetime.strptime(found["due"].replace("T", " "), "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(timezone))
        except ValueError as error:
            raise Refusal(f"the time of the step {found['what'].strip()!r} is no time: {found['due']}") from error
        steps.append(StepDraft(found["what"].strip(), found["who"].strip(), due.astimezone(UTC)))
    return tuple(steps), "\n".join(words).strip()
