"""Texts for people: maps by language, or a plain text in the default language."""

from engine.core.scripts import Text
from engine.policy.diagnostics import Problems, suggestion
from engine.policy.nodes import Node
from engine.policy.said import said


def text_map(node: Node | None, languages: tuple[str, ...], problems: Problems) -> Text:
    """Return a text by language; report a language that the company does not have, where its `languages` are known."""
    if node is None:
        return {}
    if not node.map:
        return {next(iter(languages), ""): node.text}
    for language, text in node.map.items():
        if languages and language not in languages:
            hint = suggestion(language, languages)
            place = Node(language, node.keys[language], text.path)
            problems.add("CL315", place, said("the company has no language `{language}` (see company.yaml)", language=language), hint)
    return {language: text.text for language, text in node.map.items()}
