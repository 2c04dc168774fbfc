"""From the files of a policy to one immutable Policy, or to everything that is wrong with them."""

import gc
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from engine.core.calendar import Calendar
from engine.core.compiled import DeadlineKind, Handover, OwnRule, Policy, Survey
from engine.core.grants import Authority
from engine.core.index import Rules
from engine.core.text import KeywordIndex
from engine.core.tracing import RuleLike
from engine.policy import build, lint, own_rules, scripts
from engine.policy.advice import check_own, check_words
from engine.policy.calendars import check_horizon, compile_calendars
from engine.policy.diagnostics import Diagnostic, Problems, has_errors
from engine.policy.document import Document
from engine.policy.glossary import check_glossary
from engine.policy.knowledge import knowledge, read_article
from engine.policy.nodes import Node
from engine.policy.quality import quality
from engine.policy.reader import read
from engine.policy.references import check_references, uses
from engine.policy.reports import reports
from engine.policy.retention import retention
from engine.policy.schema import check_shape
from engine.policy.sources import check_name, is_attachment, kind_of, read_files
from engine.policy.unused import check_used
from engine.policy.values import Values
from engine.policy.vocabulary import NEEDED

_FALLBACK_LANGUAGES = ("zh", "en")
"""The languages texts are checked against while company.yaml itself is not sound."""


class Compilation(Struct, frozen=True):
    """What came of compiling: the policy (None if and only if a diagnostic is an error), all diagnostics, the texts by file name.

    `document` keeps the places for what must fit a policy, such as the team; None where there are no files.
    """

    policy: Policy | None
    diagnostics: tuple[Diagnostic, ...]
    files: Mapping[str, str]
    document: Document | None = None


def compile_policy(directory: Path, *, today: date | None = None) -> Compilation:
    """Compile the policy in a directory; team.yaml is data and not looked at. Raises nothing: every fault is a diagnostic.

    With `today`, warn of what will soon be out of date.
    """
    problems = Problems()
    texts, unread = read_files(directory, problems)
    return _compile(texts, unread, problems, today=today)


def compile_files(files: Mapping[str, str], *, proven: bool = False, today: date | None = None) -> Compilation:
    """Compile a policy from its texts by file name, as the store keeps them.

    With `proven`, this version found the very same texts sound before: shapes and cron expressions are not checked, scripts not tried.
    """
    problems = Problems()
    sound = {name: text for name, text in files.items() if check_name(name, problems)}
    return _compile(sound, frozenset(), problems, proven=proven, today=today)


def compile_only_calendars(directory: Path) -> tuple[Mapping[str, Calendar], tuple[Diagnostic, ...]]:
    """Compile the calendars in a directory, whatever the rest of the policy is like; return them by name, and what is wrong with them."""
    problems = Problems()
    texts, unread = read_files(directory, problems)
    document = read_document({name: text for name, text in texts.items() if kind_of(name) == "calendars"}, unread, problems)
    calendars = compile_calendars(document, problems)
    return calendars, tuple(item for item in problems.all() if kind_of(item.file) == "calendars" or item.file == str(directory))


def digest(files: Mapping[str, str]) -> str:
    """Return the SHA-256 over the files' names and contents, sorted by name, each with its length before it."""
    sha = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name].encode()):
            sha.update(len(part).to_bytes(8, "big"))
            sha.update(part)
    return sha.hexdigest()


def read_document(
    texts: Mapping[str, str], unread: frozenset[str], problems: Problems, *, kind: str | None = None, proven: bool = False
) -> Document:
    """Read the files, check the shape of each, and lay them together. `kind` is that of all files, else their names tell it."""
    roots: dict[str, tuple[str, Node]] = {}
    faults: dict[str, tuple[list[str | int], ...]] = {}
    missing = set(unread)
    for name, text in texts.items():
        if is_attachment(name):
            continue
        file_kind = kind or kind_of(name) or ""
        file = _read_file(name, file_kind, text, proven)
        problems.know_text(name, text)
        problems.extend(file.diagnostics)
        if file.root is None:
            missing.add(file_kind)
            continue
        problems.know_root(name, file.root)
        roots[name], faults[name] = (file_kind, file.root), file.faults
    return Document(roots, faults, frozenset(missing), problems, proven)


class _File(NamedTuple):
    """One file by itself: its tree (None when it has none to go on with), where its shape is wrong, what is to be said about it."""

    root: Node | None
    faults: tuple[list[str | int], ...]
    diagnostics: tuple[Diagnostic, ...]


@lru_cache(maxsize=32)
def _read_file(name: str, kind: str, text: str, proven: bool) -> _File:
    """Read one file and check its shape; remembered, because a reloaded policy has most of its files unchanged."""
    problems = Problems()
    root = read_article(name, text, problems) if kind == "knowledge" else read(name, text, problems)
    if root is None:
        return _File(None, (), problems.all())
    problems.know_root(name, root)
    faults = [] if proven else check_shape(kind, root, problems)
    return _File(root if root.map and faults is not None else None, tuple(faults or ()), problems.all())


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Hold the collector of garbage: a tree that grows has none, and looking for it takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@_without_collecting()
def _compile(
    texts: Mapping[str, str], unread: frozenset[str], problems: Problems, *, proven: bool = False, today: date | None = None
) -> Compilation:
    if not texts:
        return Compilation(None, problems.all(), texts)
    document = read_document(texts, unread, problems, proven=proven)
    _check_needed(document, problems)
    _check_told(document, problems)
    check_references(document, problems)
    if today is not None:
        check_horizon(document, today, problems)
    policy = _policy(document, digest(texts), texts, problems, proven)
    diagnostics = problems.all()
    return Compilation(None if has_errors(diagnostics) else policy, diagnostics, texts, document)


def _check_needed(document: Document, problems: Problems) -> None:
    for section in NEEDED:
        if not document.has(section):
            problems.lacking(section)


def _advise(
    document: Document, lists: Iterable[Sequence[RuleLike]], others: Sequence[RuleLike], surveys: Iterable[Survey], problems: Problems
) -> None:
    asked = [rule.when for rule in others if rule.when is not None]
    for rules in lists:
        lint.check_reach(rules, problems)
        asked += [rule.when for rule in rules if rule.when is not None]
    for survey in surveys:
        asked += [survey.when] if survey.when is not None else []
        asked += [survey.low_score.when] if survey.low_score is not None else []
    lint.check_possible(asked, problems)
    check_used(document, problems)
    check_words(document, problems)
    check_own([rule for rule in others if isinstance(rule, OwnRule)], problems)


def _policy(document: Document, policy_digest: str, files: Mapping[str, str], problems: Problems, proven: bool) -> Policy | None:
    languages = company.languages if (company := build.company(document, problems)) else _FALLBACK_LANGUAGES
    calendars = compile_calendars(document, problems, languages)
    builder = build.Builder(document, languages, problems, calendars)
    values = builder.values
    kinds, calls, tiers, deadlines = builder.kinds(), builder.calls(), builder.tiers(), builder.deadlines()
    assignment, limits, (replies, negation) = build.assignment(document, values), builder.limits(), build.words(document, values)
    queues, routes, surveys, authority = builder.queues(assignment), builder.routes(), builder.surveys(), builder.authority()
    (incidents, groups), (own, timed_fields) = builder.incidents(), builder.own_rules()
    escalated, wanted = builder.escalations(), reports(document, values, builder.alert, problems)
    guides, spoken = scripts.guides(document, values), scripts.Scripts(document, languages, problems, proven=proven)
    tried = not proven and not problems.wrong(("company", "sla"))
    spoken.check(uses(document), scripts.setting(company, tiers, deadlines) if company and tried else None)
    if not proven and not has_errors(problems.all()):
        _advise(document, (kinds, calls, tiers, routes, *_further(deadlines, authority)), (*own, *groups), surveys, problems)
        check_glossary(document, spoken, languages, problems)
    if company is None or assignment is None or limits is None or replies is None or negation is None:
        return None
    return Policy(
        digest=policy_digest,
        company=company,
        kinds=Rules(kinds),
        calls=Rules(calls),
        tiers=Rules(tiers),
        deadlines=deadlines,
        escalations=escalated,
        queues=queues,
        routes=Rules(routes),
        assignment=assignment,
        scripts=spoken.compiled,
        guides=guides,
        surveys=surveys,
        replies=replies,
        keywords=KeywordIndex(builder.keywords, negation),
        calendars=calendars,
        limits=limits,
        fields=builder.fields,
        spans=builder.spans,
        timed_fields=timed_fields,
        incidents=incidents,
        groups=Rules(groups),
        reports=wanted,
        retention=retention(document, values, problems),
        authority=authority,
        knowledge=knowledge(document, files, values, problems),
        quality=quality(document, values, problems),
        **own_rules.parts(own, document),
        **_changes(document),
        **_as_written(document, values),
    )


def _further(deadlines: Mapping[str, DeadlineKind], authority: Authority | None) -> Iterator[Sequence[RuleLike]]:
    """The lists of rules that stand within other things."""
    yield from (deadline.budgets for deadline in deadlines.values())
    yield authority.grants if authority else ()


def _changes(document: Document) -> dict[str, Any]:
    """Return what changes do to running clocks, and whether a later promise is told."""
    usual = {"on_tier_change": "recompute", "on_queue_change": "keep", "on_customer_change": "keep", "on_calendar_change": "keep"}
    nodes = {name: document.single(name) for name in (*usual, "on_later_promise")}
    return usual | {"on_later_promise": "tell"} | {name: node.text for name, node in nodes.items() if node is not None}


def _as_written(document: Document, values: Values) -> dict[str, Any]:
    """Return what is taken from the files as it stands there."""
    replied = document.single("replies")
    return {
        "notices": scripts.notices(document),
        "commands": build.commands(document),
        "handover": values.optional(Handover, document.single("handover")),
        "replies_source": replied.source if replied else None,
    }


def _check_told(document: Document, problems: Problems) -> None:
    """Report a policy that wants a later promise told, or notices gathered, and has no words for it."""
    node, notices, limits = document.single("on_later_promise"), document.ids("notices"), document.single("limits")
    if node is not None and node.text == "tell" and notices is not None and "promise_moved" not in notices:
        hint = "add `promise_moved: …` to the `notices` of scripts.yaml, or write `silent` here"
        problems.add("CL351", node, "no notice tells the customer of a later promise", hint)
    if limits is not None and "digest" in limits.map and notices is not None and "digest" not in notices:
        hint = "add `digest: …` to the `notices` of scripts.yaml, or leave this out"
        problems.add("CL361", limits["digest"], "no notice says what stands at the head of a digest", hint)
