"""Actions that say one text about a ticket and nothing else: one line each."""

import click

from engine.cli.session import Session
from engine.cli.ticket.acting import act, action, text


def _saying(name: str, what: str, help: str, *, required: bool = True) -> click.Command:
    """A verb that hands its text to the action of the same name."""

    @click.command(name, help=help)
    @action
    @text(what, required=required)
    def command(session: Session, number: str, text: str | None) -> None:
        act(session, number, name, text)

    return command


write = _saying("write", "What to write.", "Write to the customer of ticket NUMBER in your own words; that is a contact too.")
progress = _saying("progress", "The news.", "Tell the customer of ticket NUMBER how far it is; the progress clock starts anew.")
note = _saying("note", "The note.", "Write down something about ticket NUMBER for colleagues only.")
resolve = _saying(
    "resolve",
    "The result, as the customer will read it.",
    "Report the result of ticket NUMBER; the customer is asked whether it is solved. The house's own work is closed by it.",
)
confirm = _saying("confirm", "What the customer said.", "Record that the customer of ticket NUMBER says it is solved.", required=False)
object_ = _saying(
    "object", "What the customer objects to.", "Record that the customer of ticket NUMBER does not agree; the work goes round again."
)
answer = _saying(
    "answer",
    "The scores in order, and a suggestion if there is one, such as '5 4 5 thank you'.",
    "Enter the answer to the survey of ticket NUMBER that the customer gave by word of mouth.",
)
reopen = _saying("reopen", "Why.", "Work again on ticket NUMBER, which has ended.")
close = _saying("close", "Why.", "End ticket NUMBER by your decision. That is never counted as a customer's confirmation.")
