"""Reads articles of the knowledge base (knowledge/*.md: front matter in YAML, below it the text) and builds the knowledge base of them."""

import re
from collections.abc import Mapping, Sequence

from engine.core.knowledge import Article, Knowledge
from engine.policy.diagnostics import Problems, suggestion
from engine.policy.document import Document
from engine.policy.nodes import Node, Span
from engine.policy.reader import check_characters, read
from engine.policy.said import said
from engine.policy.sources import is_attachment
from engine.policy.values import Values

_FENCE = "---"
_LANGUAGE = re.compile(r"<!--\s*([a-z]{2,3}(?:-[A-Za-z0-9]+)*)\s*-->")
"""What stands alone on a line above the text in a language: `<!-- en -->`."""


def read_article(file: str, text: str, problems: Problems) -> Node | None:
    """Return the tree of one article as a file of one entry of `articles`, its words under `text`; None (with diagnostics) for none."""
    problems.know_text(file, text)
    if not check_characters(file, text, problems):
        return None
    lines = [line.rstrip() for line in text.split("\n")]
    end = next((number for number, line in enumerate(lines) if number and line == _FENCE), None)
    if lines[0] != _FENCE or end is None:
        hint = "begin it with `---`, keys such as `id: …` below, and `---` again; the text follows"
        problems.file("CL116", file, "the article has no front matter", hint)
        return None
    front = read(file, "\n".join(["#", *lines[1:end]]), problems)  # in the place of the fence a remark, so that lines keep their numbers
    problems.know_text(file, text)
    if front is None:
        return None
    words = _words(file, lines, end + 1, problems)
    values, keys = {**front.map, "text": words}, {**front.keys, "text": words.span}
    version = {"version": values.pop("version")} if "version" in values else {}
    keys.pop("version", None)
    articles = Node([Node(values, front.span, "", keys, gaps=front.gaps)], front.span, "articles")
    return Node({**version, "articles": articles}, front.span, "", gaps=front.gaps)


def _words(file: str, lines: Sequence[str], begin: int, problems: Problems) -> Node:
    """Return what stands below the front matter: by language where lines name some, else one text."""
    marks = [(number, found[1]) for number, line in enumerate(lines) if number >= begin and (found := _LANGUAGE.fullmatch(line.strip()))]
    ends = [number for number, _ in marks[1:]] + [len(lines)]
    whole = Span(file, begin + 1, 1, len(lines), len(lines[-1]) + 1)
    before = _text(lines[begin : marks[0][0] if marks else len(lines)])
    if not marks:
        return Node(before, whole, "text")
    if before:
        problems.add("CL116", whole, "these words stand before the first language", "write a line such as `<!-- en -->` above them")
    texts: dict[str, Node] = {}
    places: dict[str, Span] = {}
    for (number, language), until in zip(marks, ends, strict=True):
        span = Span(file, number + 1, 1, number + 1, len(lines[number]) + 1)
        if language in texts:
            hint = said("the first stands in line {line}; keep one of them", line=places[language].line)
            problems.add("CL107", span, said("the key `{key}` is written twice", key=language), hint)
        texts.setdefault(language, Node(_text(lines[number + 1 : until]), span, f"text.{language}"))
        places.setdefault(language, span)
    return Node(texts, whole, "text", places)


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines).strip()


def knowledge(document: Document, texts: Mapping[str, str], values: Values, problems: Problems) -> Knowledge:
    """Return the knowledge base; among `texts`, the policy's files by their names, are those that go with articles."""
    files = {name.partition("/")[2]: text for name, text in texts.items() if is_attachment(name)}
    articles: dict[str, Article] = {}
    for id, node in document.entries("articles").items():
        for name in node.each("attachments"):
            if name.text not in files:
                message = said("there is no file `{name}` in `knowledge/`", name=name.text)
                problems.add("CL395", name, message, suggestion(name.text, files) or said("put it beside the article"))
        article = articles[id] = values.make(Article, node, kinds=node.strings("kind"))
        title, text = article.title, article.text
        for language in title.keys() - text.keys():
            problems.add("CL405", node["text"], said("`{name}` has a title, and no text in `{language}`", name=id, language=language))
        for language in text.keys() - title.keys():
            problems.add("CL405", node["title"], said("`{name}` has a text, and no title in `{language}`", name=id, language=language))
    return Knowledge(articles, files)
