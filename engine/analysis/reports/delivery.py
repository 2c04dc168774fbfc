"""Reports that go out by cron: made when a slot has come, kept in `var/reports/`, and mailed to whom the policy names."""

import logging
from collections.abc import Iterator
from datetime import datetime

from engine.analysis.labels import label
from engine.analysis.reports import KINDS, report
from engine.analysis.reports.period import last
from engine.analysis.reports.writing import writers
from engine.channels import AddressKind, Attachment, write_atomically
from engine.core.duty import stands_for
from engine.core.kpis import Report
from engine.core.messages import ENCLOSED
from engine.core.team import Agent
from engine.documents import Document
from engine.errors import EngineError
from engine.runtime import log
from engine.runtime.attachments import listing
from engine.runtime.engine import Engine
from engine.runtime.gather import World
from engine.store.rows import OutboxRow


def deliver(engine: Engine, wanted: Report, job: str, slot: datetime) -> None:
    """Make a report of the last period that had ended at the slot, in each language of the company and of its readers.

    The slot is taken in the transaction that puts the mails in line, so that none is missed and none goes twice.
    """
    world, now = engine.world, engine.clock.now()
    policy = world.policy
    readers = list(_readers(world, wanted))
    spoken = dict.fromkeys((*policy.company.languages, *(agent.language for agent in readers if agent.language)))
    about = last(KINDS[wanted.report].unit, slot, policy.company.timezone)
    made = {}
    for language in spoken:
        document = report(engine.store, policy, world.team, wanted.report, about, now, language)
        made[language] = document, list(_files(engine, wanted, document))
    mail = next((name for name in world.senders if world.channels[name] == AddressKind.EMAIL), None)
    with engine.store.write() as tx:
        if not tx.take_slot(job, slot, now):
            return
        for agent in readers:
            if mail is None:
                continue
            language = agent.language or policy.company.languages[0]
            document, files = made[language]
            id = f"report.{wanted.id}.{slot:%Y%m%dT%H%M}.{agent.id}"
            tx.keep_content(id, None, "message", _words(document, files))
            tx.keep_content(f"{id}{ENCLOSED}", None, "enclosed", listing(engine.project.var / "attachments", files))
            tx.queue_message(
                OutboxRow(
                    id=id,
                    ticket=None,
                    channel=mail,
                    party=agent.id,
                    address=agent.email,
                    subject=f"{document.title}: {document.period}",
                    content_id=id,
                    language=language,
                    automatic=True,
                    script=None,
                    created_at=now,
                    state="held" if engine.project.hold else "queued",
                )
            )
    log.say("report made", report=wanted.id, period=about.name, readers=len(readers), mailed=mail is not None)


def _readers(world: World, wanted: Report) -> Iterator[Agent]:
    """Whom the recipients stand for, each once: there is no ticket, so nobody is its assignee or customer."""
    agents = world.team.agents

    def members(queue: str) -> list[str]:
        return [agent.id for agent in agents.values() if queue in agent.queues]

    named = [party for one in wanted.to for party in stands_for(one.to, None, None, world.team.manager, members)]
    yield from (agents[party] for party in dict.fromkeys(named) if party in agents and agents[party].email)


def _files(engine: Engine, wanted: Report, document: Document) -> Iterator[Attachment]:
    """Write the document in each format; one that cannot be made here is said, and keeps no other back."""
    folder, known = engine.project.var / "reports" / document.language, writers()
    for name in wanted.formats:
        try:
            if name not in known:
                raise EngineError("no plugin that is installed writes it: pip install 'closedloop[reports]'")
            media_type, render = known[name]
            content = render(document)
        except EngineError as error:
            log.say("report cannot be written", logging.ERROR, report=wanted.id, format=name, reason=str(error))
            continue
        write_atomically(folder / f"{document.name}.{name}", content)
        yield Attachment(f"{document.name}.{name}", media_type, content)


def _words(document: Document, files: list[Attachment]) -> str:
    attached = [label("doc.mail.attached", document.language).format(names=", ".join(one.name for one in files))] if files else []
    return "\n\n".join((document.company, *document.summary, *attached)) + "\n"
