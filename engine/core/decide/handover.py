"""The end of a shift: whoever takes over hears which promises the agent leaves open."""

from engine.core.clocks import CLOSE
from engine.core.context import agent
from engine.core.decide.escalation import recipients
from engine.core.draft import Draft
from engine.core.lifecycle import ENDED
from engine.core.messages import send
from engine.core.model import CUSTOMER
from engine.core.routing import look_to_handover


def fired(draft: Draft) -> None:
    """Tell of the ticket's open promises, the nearest first, and look to the next shift's end; without any nobody is told."""
    rule, ticket = draft.policy.handover, draft.ticket
    if rule is None or ticket.assignee is None or ticket.state in ENDED:
        return
    kinds = draft.policy.deadlines
    owed = [clock for clock in ticket.deadlines.values() if clock.running and clock.kind in kinds and kinds[clock.kind].then != CLOSE]
    open_ones = sorted((clock.due, clock.kind) for clock in owed if clock.due is not None)
    if open_ones:
        draft.because("handed over", "handover", rule.source, {kind: due.isoformat() for due, kind in open_ones})
        for party, channels in recipients(draft, rule.to).items():
            if party != ticket.assignee:
                reader = draft.facts.agents.get(party)
                language = reader.language if reader else ticket.language
                promises = [{"label": draft.policy.text(kinds[kind].label, language), "due": due} for due, kind in open_ones]
                words = {"agent": agent(draft, ticket.assignee), "promises": promises}
                send(draft, rule.script, party, words, channels=channels, digest=party != CUSTOMER)
    look_to_handover(draft)
