"""`engine phone guide`: the steps of a conversation, with the words to read aloud and what to ask."""

import click

from engine.analysis import guides
from engine.cli.output import say, say_json, table
from engine.cli.session import ACTOR, FORMAT, Session, options


@click.command("guide")
@options(ACTOR, FORMAT)
@click.argument("name", required=False)
def command(session: Session, name: str | None) -> None:
    """Show the guide NAME step by step: the words to read aloud, and what to ask. Without NAME the guides are listed.

    Guides and their words stand in scripts.yaml. `engine phone log` leads through the guide for taking a call by itself.
    """
    with session.desk() as desk:
        policy, words, now = desk.policy, desk.words, desk.now
        actor = session.actor(desk.team) if session.wanted_actor else session.known_actor(desk.team) or ""
    if name is None:
        listed = {id: policy.text(guide.label, words.language) or id for id, guide in policy.guides.items()}
        if session.json:
            say_json([{"id": id, "label": label} for id, label in listed.items()])
        else:
            table([words.name("id"), words.name("name")], list(listed.items()))
        return
    steps = list(guides.steps(guides.find(policy, name), policy, words, actor, now, {"customer": {"name": ""}}))
    if session.json:
        say_json(steps)
        return
    needed = " (必要时)" if words.language == "zh" else " (if needed)"
    for number, step in enumerate(steps, 1):
        say(f"{number}. {step['label']}{needed if step['if_needed'] else ''}", "bold")
        if step["text"]:
            say(f"   「{step['text']}」", "cyan")
