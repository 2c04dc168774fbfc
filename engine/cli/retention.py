"""`engine retention`: how long personal data are kept, and what is due to go."""

import click

from engine.cli.session import FORMAT, Session, options


@click.group()
def group() -> None:
    """See what retention.yaml keeps no longer, and let it go."""


@group.command("list")
@options(FORMAT)
def list_(session: Session) -> None:
    """List the rules in force, and how much each would find now. Nothing is changed."""
    from engine.cli.output import say_json, table
    from engine.policy.phrases import duration
    from engine.runtime.retention import due

    with session.desk() as desk, desk.store.read() as reader:
        rules = desk.policy.retention.rules if desk.policy.retention else ()
        found = [(rule, due(reader, desk.project.var, rule, desk.now)) for rule in rules]
        words = desk.words
    if session.json:
        say_json([{"id": rule.id, "what": rule.what, "after": rule.after, "do": rule.do, "due": count} for rule, count in found])
    else:
        rows = [
            (rule.id, rule.what, duration(rule.after, words.language), words.name(f"retention.{rule.do}"), str(count))
            for rule, count in found
        ]
        table([words.name(key) for key in ("retention.rule", "what", "retention.after", "retention.do", "retention.due")], rows)


@group.command()
@options()
def run(session: Session) -> None:
    """Do now what the rules say, as the daemon does at the hours of `retention_runs`."""
    from engine.cli.output import say
    from engine.runtime.retention import carry_out

    with session.engine() as engine:
        for rule, count in carry_out(engine).items():
            say(f"{rule}: {count}")
