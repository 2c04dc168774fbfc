"""Finds the files of a policy: which belong to it, and what kind each one is."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path

from engine.policy.diagnostics import Problems
from engine.policy.reader import MAX_BYTES, decode
from engine.policy.said import foreign, said
from engine.policy.vocabulary import DATA, KINDS_OF_FILE

_SUFFIXES = (".yaml", ".yml")
_FOLDERS = ("calendars", "tests", "knowledge")
_ARTICLES, _ARTICLE = "knowledge", ".md"
_MOST_FILES = 1_000


def kind_of(name: str) -> str | None:
    """Return the kind of a file by its name relative to the policy directory, None when the name says none.

    The kind is the name up to its first `-` or `.`; what lies in calendars/ is a calendar, what lies in tests/ a test, in knowledge/ an
    article.
    """
    folder, _, base = name.rpartition("/")
    if folder:
        return folder if folder in _FOLDERS else None
    stem = base.removesuffix(".yaml")
    kind = stem.partition("-")[0].partition(".")[0]
    return kind if kind in KINDS_OF_FILE else None


def is_attachment(name: str) -> bool:
    """Whether it is a file that articles give customers: whatever lies in knowledge/ and is no article."""
    return kind_of(name) == _ARTICLES and not name.endswith((_ARTICLE, *_SUFFIXES))


def read_files(directory: Path, problems: Problems) -> tuple[dict[str, str], frozenset[str]]:
    """Return the texts of the policy's files by name (team and tests are data and left out), and the kinds of unreadable ones.

    The text of an attachment is its bytes in Base64.
    """
    texts: dict[str, str] = {}
    unread: set[str] = set()
    found = list(names(directory, problems))
    if len(found) > _MOST_FILES:
        message = said("there are {count:,} files here, more than {limit:,}", count=len(found), limit=_MOST_FILES)
        problems.file("CL121", str(directory), message, "lay several entries together in one file; keep other files elsewhere")
        return {}, frozenset(KINDS_OF_FILE)
    for name in found:
        if not check_name(name, problems) or kind_of(name) in DATA:
            continue
        text = read_text(directory, name, problems)
        if text is None:
            unread.add(kind_of(name) or "")
        else:
            texts[name] = text
    if not texts and not problems.all():
        problems.file("CL118", str(directory), "there are no policy files here", "`engine init DIR` lays out a working policy")
    return texts, frozenset(unread)


def check_name(name: str, problems: Problems) -> bool:
    """Report a file whose name does not say what it holds; return whether it does."""
    if kind_of(name) == _ARTICLES and not name.endswith(_SUFFIXES):
        return True
    if kind_of(name) not in (None, _ARTICLES) and name.endswith(".yaml"):
        return True
    if name.endswith(".yml") and kind_of(name) != _ARTICLES:
        problems.file("CL117", name, "policy files end with .yaml", said("rename it to {stem}.yaml", stem=name.removesuffix(".yml")))
        return False
    if kind_of(name) == _ARTICLES:
        problems.file("CL117", name, "articles end with .md", said("rename it to {stem}.md", stem=name.rpartition(".")[0]))
        return False
    kinds = ", ".join(kind for kind in KINDS_OF_FILE if kind not in _FOLDERS)
    hint = said("a file is named after what it holds, one of {kinds}: sla.yaml or sla-vip.yaml; calendars go into calendars/", kinds=kinds)
    problems.file("CL117", name, said("`{name}` is not the name of a policy file", name=name), hint)
    return False


def read_text(directory: Path, name: str, problems: Problems) -> str | None:
    """Return the text of one file; None (with a diagnostic) when it cannot be read or lies outside the directory."""
    path = directory / name
    try:
        if not path.resolve(strict=True).is_relative_to(directory.resolve(strict=True)):
            problems.file("CL120", name, "this is a link to a file outside the policy directory", "put the file itself here")
            return None
        if not path.is_file():
            problems.file("CL119", name, "this is not a regular file", "put a file of YAML here")
            return None
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        reason = foreign(str(error.strerror)) if isinstance(error, OSError) else said("links lead in a circle")
        problems.file("CL119", name, said("the file cannot be read: {reason}", reason=reason), "check its owner and its permissions")
        return None
    if is_attachment(name) and len(data) <= MAX_BYTES:
        return base64.b64encode(data).decode()
    return decode(name, data, problems)


def names(directory: Path, problems: Problems) -> Iterator[str]:
    """Yield the names of YAML files in the directory and one level below, and of all in knowledge/, sorted; hidden ones are left out."""
    for name in _listed(directory, problems):
        if (directory / name).is_dir() and not name.endswith(_SUFFIXES):
            below = _listed(directory / name, problems)
            yield from (f"{name}/{file}" for file in below if name == _ARTICLES or file.endswith(_SUFFIXES))
        elif name.endswith(_SUFFIXES):
            yield name


def _listed(directory: Path, problems: Problems) -> list[str]:
    try:
        found = sorted(name for name in os.listdir(directory) if not name.startswith("."))
    except OSError as error:
        hint = "`engine init DIR` lays out a working policy"
        problems.file("CL118", str(directory), said("the directory cannot be read: {reason}", reason=foreign(str(error.strerror))), hint)
        return []
    odd = [name for name in found if (name.endswith(_SUFFIXES) or directory.name == _ARTICLES) and not _is_text(name)]
    for name in odd:
        shown = name.encode("utf-8", "replace").decode()
        problems.file("CL117", shown, "the file's name is not UTF-8", "give it a name of ordinary letters")
    return [name for name in found if name not in odd]


def _is_text(name: str) -> bool:
    """Whether a name is made of characters; bytes that are none come from the system as lone surrogates."""
    return name.encode("utf-8", "replace").decode() == name
