"""`engine ticket`: the verbs that people work tickets with."""

from collections.abc import Mapping

import click

from engine.cli.app import LazyGroup

_HERE = "engine.cli.ticket"

VERBS: Mapping[str, tuple[str, str]] = {
    "list": (f"{_HERE}.overview:command", "List tickets, the next one due first."),
    "show": (f"{_HERE}.show:command", "Show one ticket on one page."),
    "claim": (f"{_HERE}.work:claim", "Take a ticket over."),
    "assign": (f"{_HERE}.work:assign", "Give a ticket to an agent or a queue."),
    "contact": (f"{_HERE}.work:contact", "Record that you spoke with the customer."),
    "write": (f"{_HERE}.saying:write", "Write to the customer in your own words."),
    "article": (f"{_HERE}.work:article", "Send the customer an answer of the knowledge base."),
    "plan": (f"{_HERE}.work:plan", "Record the solution plan with its steps."),
    "done": (f"{_HERE}.work:done", "Tick off a step of the plan."),
    "compensate": (f"{_HERE}.conceding:compensate", "Grant the customer an amount, or ask for an approval."),
    "except": (f"{_HERE}.conceding:exception", "Make an exception, or ask for an approval."),
    "task": (f"{_HERE}.work:task", "Ask another department to do a part."),
    "progress": (f"{_HERE}.saying:progress", "Tell the customer how far it is."),
    "note": (f"{_HERE}.saying:note", "Write down something for colleagues."),
    "outcome": (f"{_HERE}.outcome:command", "Record the cause, the remedy, what the customer says now."),
    "hold": (f"{_HERE}.work:hold", "Let a ticket wait; clocks that pause then stand still."),
    "resume": (f"{_HERE}.work:resume", "Go on with a ticket that waited."),
    "resolve": (f"{_HERE}.saying:resolve", "Report the result; the customer is asked to confirm."),
    "confirm": (f"{_HERE}.saying:confirm", "Record that the customer says it is solved."),
    "object": (f"{_HERE}.saying:object_", "Record that the customer does not agree."),
    "answer": (f"{_HERE}.saying:answer", "Enter a survey's answer given by word of mouth."),
    "tier": (f"{_HERE}.work:tier", "Override the tier, with a reason."),
    "customer": (f"{_HERE}.work:customer", "Say which customer a ticket is about."),
    "reopen": (f"{_HERE}.saying:reopen", "Work again on a ticket that has ended."),
    "close": (f"{_HERE}.saying:close", "End a ticket by your decision; never a confirmation."),
    "print": (f"{_HERE}.forms:command", "Print a form: service record, plan, follow-up."),
}


@click.group(cls=LazyGroup, verbs=VERBS)
def group() -> None:
    """Work tickets. Whatever you do here goes through the same door as messages and timers, and who did it is kept."""
