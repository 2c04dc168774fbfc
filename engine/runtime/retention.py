"""What personal data are kept no longer: rule by rule, as retention.yaml says, in small transactions beside the daemon's work."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from engine.core.model import SYSTEM
from engine.core.retention import ARCHIVE, PSEUDONYMISE, RetentionRule
from engine.errors import Refused
from engine.runtime import archives
from engine.runtime.engine import Engine
from engine.runtime.erasure import erase, whose
from engine.store.contract import Reader
from engine.store.personal import files_of

BATCH = 200
"""Rows that one transaction takes."""

_MANY = 1_000_000
_FILES = {"files.unread": "bad", "files.reports": "reports", "files.backups": "backups", "files.archive": "archive"}
_COPIES = ("*.before-*", "state.replaced-*/**/*")


def due(reader: Reader, var: Path, rule: RetentionRule, now: datetime) -> int:
    """Return how much a rule would find now, counted up to a million."""
    before = now - rule.after
    if rule.what in _FILES:
        return len(list(_old_files(var, rule.what, before)))
    if rule.what == "customer":
        return len(reader.idle_customers(before, "", _MANY))
    return len(reader.outdated(rule.what, before, _MANY))


def carry_out(engine: Engine) -> dict[str, int]:
    """Do what every rule says; return with how much that was done, by rule."""
    policy = engine.world.policy.retention
    done = {rule.id: apply(engine, rule) for rule in (policy.rules if policy else ())}
    if any(done.values()):
        engine.store.scrub(whole=True)
    return done


def apply(engine: Engine, rule: RetentionRule) -> int:
    """Do what one rule says; return with how much that was done, which the audit keeps too."""
    now = engine.clock.now()
    before = now - rule.after
    if rule.what in _FILES:
        old = list(_old_files(engine.project.var, rule.what, before))
        for path in old:
            path.unlink(missing_ok=True)
        count = len(old)
    else:
        count = _customers(engine, rule, before) if rule.what == "customer" else _rows(engine, rule, before, now)
    if count:
        with engine.store.write() as tx:
            tx.audit(now, SYSTEM, f"{rule.do}: {count}", rule.id)
    return count


def _rows(engine: Engine, rule: RetentionRule, before: datetime, now: datetime) -> int:
    var, count = engine.project.var, 0
    while True:
        with engine.store.write() as tx:
            rows = tx.outdated(rule.what, before, BATCH)
            if rows and rule.do == ARCHIVE:
                archives.keep(var, rule.id, rule.what, rows, now)
            tx.clear(rule.what, rows)
            named = set[str]().union(*(files_of(str(row["kind"]), str(row["body"])) for row in rows if "kind" in row and "body" in row))
            for hash in named - tx.attachments() if named else ():
                (var / "attachments" / hash[:2] / hash).unlink(missing_ok=True)
        count += len(rows)
        if len(rows) < BATCH:
            return count


def _customers(engine: Engine, rule: RetentionRule, before: datetime) -> int:
    with engine.store.read() as reader:
        idle = reader.idle_customers(before, "", _MANY)
    count = 0
    for customer in idle:
        with suppress(Refused):  # work for them is still open: the next run finds them again
            if rule.do == PSEUDONYMISE:
                _pseudonymise(engine, customer)
            else:
                erase(engine, customer, SYSTEM, f"retention {rule.id}", scrub=False)
            count += 1
    return count


def _pseudonymise(engine: Engine, customer: str) -> None:
    """Let a customer be known by id, segment and history only: who they are, and how they were reached, goes."""
    with engine.store.write() as tx:
        own = whose(tx, engine, customer)
        for place in ("ticket.contact", "message.addresses"):
            tx.clear(place, tx.personal(place, own))
        tx.forget_identity(customer)


def _old_files(var: Path, what: str, before: datetime) -> Iterator[Path]:
    for pattern in (f"{_FILES[what]}/**/*", *(_COPIES if what == "files.backups" else ())):
        for path in sorted(var.glob(pattern)):
            if path.is_file() and path.stat().st_mtime <= before.timestamp():
                yield path
