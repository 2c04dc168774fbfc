"""Builds what quality.yaml says: the form by which work is scored, and what is drawn for it."""

from engine.core.quality import Form, Item
from engine.policy.diagnostics import Problems
from engine.policy.document import Document
from engine.policy.nodes import Node
from engine.policy.references import References
from engine.policy.said import said
from engine.policy.texts import text_map
from engine.policy.units import share


def quality(document: Document, languages: tuple[str, ...], references: References, problems: Problems) -> Form | None:
    """Return how quality is reviewed, None where the policy does not say."""
    node = document.single("quality")
    if node is None:
        return None
    references.queue(node["queue"])
    seen: dict[str, Node] = {}
    for item in node["items"].items:
        if (first := seen.setdefault(item.string("id"), item["id"])) is not item["id"]:
            place = said("the first stands in {place}", place=first.source)
            problems.add("CL301", item["id"], said("the id `{name}` is used twice", name=first.text), place)
    return Form(
        queue=node.string("queue"),
        share=share(node["sample"].string("share")),
        at_least=int(node["sample"].string("at_least", "0")),
        by=node["sample"].strings("by"),
        twice=share(node["sample"].string("twice", "0%")),
        items=tuple(_item(item, languages, problems) for item in node["items"].items),
        source=node.source,
    )


def _item(node: Node, languages: tuple[str, ...], problems: Problems) -> Item:
    critical = node.get("critical")
    label = text_map(node["label"], languages, problems)
    return Item(
        node.string("id"), label, share(node.string("weight")), int(node.string("points")), critical is not None and critical.value is True
    )
