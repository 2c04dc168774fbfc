"""What else is asked for by the API: customers, surveys, KPIs, policies, and the feed of what happened."""

from datetime import timedelta
from typing import Any

from engine.errors import UsageError
from engine.services import KPIS, LANGUAGES, NewsRow, dossier, kpi
from engine_web.answers import answers
from engine_web.api.operations import INSTANT, NULLABLE, TEXT, WHOLE, Answer, Call, Operation, listed, record, words
from engine_web.api.problems import Problem
from engine_web.api.tickets import instant
from engine_web.doors.roles import may, may_all
from engine_web.news import PATIENCE

_NUMBER = {"type": ["number", "null"]}
_SPLITS = ("month", "week", "day", "tier", "kind", "queue", "agent", "channel")
NEWS = record("id at ticket signal seq events", id=WHOLE, at=INSTANT, ticket=TEXT, signal=TEXT, seq=WHOLE, events=listed(TEXT))


def _customer(call: Call) -> Answer:
    """Everything that is known of a customer; whoever may see only their own see those who have a ticket of theirs."""
    engine = call.site.engine
    try:
        with engine.store.read() as reader:
            seen = dossier.view(reader, dossier.find(reader, engine.project.phone_region, call.path["who"]))
    except UsageError:
        raise Problem(404, "there is no such customer") from None
    if not may_all(call.person, "read", "customer") and not any(may(call.person, "read", "customer", one) for one in seen.tickets):
        raise Problem(404, "there is no such customer")
    call.looked_at("looked at the customer", seen.id)
    shown = {
        "id": seen.id,
        "name": seen.customer.name if seen.customer else None,
        "segment": seen.customer.segment if seen.customer else None,
        "language": seen.customer.language if seen.customer else None,
        "addresses": [{"kind": kind, "address": address} for kind, address in seen.addresses],
        "opt_outs": [{"channel": one.channel, "address": one.address} for one in seen.opt_outs],
        "channel": seen.channel,
        "tickets": [one.number for one in seen.tickets if may(call.person, "read", "ticket", one)],
    }
    return Answer(shown)


def _surveys(call: Call) -> Answer:
    """The questionnaires of the policy in force; what was answered is counted by the KPIs."""
    policy = call.site.engine.world.policy
    shown = []
    for survey in policy.surveys:
        questions = [
            {"id": one.scale.id, "ask": dict(one.ask), "low": one.scale.low, "high": one.scale.high,
             "labels": {language: list(labels) for language, labels in one.labels.items()}}
            for one in survey.questions
        ]  # fmt: skip
        shown.append({"id": survey.id, "intro": dict(survey.intro), "questions": questions})
    return Answer({"surveys": shown})


def _kpis(call: Call) -> Answer:
    engine, query = call.site.engine, call.query
    policy, now = engine.world.policy, engine.clock.now()
    by, until = query.get("by", []), instant(query["to"]) if "to" in query else now
    since = instant(query["from"]) if "from" in query else until - timedelta(days=28)
    unsettled = {name for name, one in KPIS.items() if one.settings and name not in policy.reports.kpis}
    names = query.get("kpi") or [name for name in kpi.splittable(by) if name not in unsettled]
    kpi.check(names, by)
    kpi.catch_up(engine.store, policy)
    with engine.store.read() as reader:
        figures = kpi.measure(reader, policy, names, by, since, until)
    return Answer({"from": since, "to": until, "by": by, "figures": [_figure(one, by) for one in figures]})


def _figure(one: kpi.Figure, by: list[str]) -> dict[str, Any]:
    low, high = one.interval or (None, None)
    return {
        "kpi": one.kpi, "group": dict(zip(by, one.group, strict=True)), "n": one.n, "value": one.value, "low": low, "high": high,
        "standing": one.standing, "significant": one.significant,
    }  # fmt: skip


def _knowledge(call: Call) -> Answer:
    policy = call.site.engine.world.policy
    found = answers(policy, call.query.get("question", ""), call.query.get("language", policy.company.languages[0]))
    return Answer({"articles": [{"id": one.id, "title": one.title, "text": one.text} for one in found]})


def _policies(call: Call) -> Answer:
    with call.site.engine.store.read() as reader:
        active, rows = reader.active_policy(), reader.policies()
    return Answer({"active": active, "policies": [{"digest": one.digest, "saved_at": one.saved_at} for one in rows]})


def _policy(call: Call) -> Answer:
    with call.site.engine.store.read() as reader:
        files = reader.policy_files(call.path["digest"])
    if files is None:
        raise Problem(404, "there is no such policy")
    return Answer({"digest": call.path["digest"], "files": files})


def _events(call: Call) -> Answer:
    after, limit = call.query.get("after", 0), call.query.get("limit", 200)
    rows = call.site.news.since(after, limit, PATIENCE)
    return Answer({"events": told(call, rows), "next": rows[-1].id if rows else after})


def told(call: Call, rows: list[NewsRow]) -> list[dict[str, Any]]:
    """Return the news that whoever asks may hear, as documents."""
    with call.site.engine.store.read() as reader:
        tickets = {number: reader.ticket(number) for number in {row.ticket for row in rows}}
    return [
        {"id": row.id, "at": row.at, "ticket": row.ticket, "signal": row.signal, "seq": row.seq, "events": list(row.events)}
        for row in rows
        if (ticket := tickets[row.ticket]) is not None and may(call.person, "read", "news", ticket)
    ]


_KPI = record(
    "kpi group n value low high standing significant",
    kpi=TEXT, group={"type": "object", "additionalProperties": {}}, n=WHOLE, value=_NUMBER, low=_NUMBER, high=_NUMBER, standing=TEXT,
    significant={"type": "boolean"},
)  # fmt: skip
_TEXTS = {"type": "object", "additionalProperties": TEXT}
_QUESTION = record(
    "id ask low high labels", id=TEXT, ask=_TEXTS, low=WHOLE, high=WHOLE, labels={"type": "object", "additionalProperties": listed(TEXT)}
)
_SURVEY = record("id intro questions", id=TEXT, intro=_TEXTS, questions=listed(_QUESTION))
OPERATIONS = (
    Operation(
        "GET", "/customers/{who}", "showCustomer", "A customer by id, telephone number or mail address; that you look is audited.",
        ("read", "customer"), _customer,
        {200: record(
            "id name segment language addresses opt_outs channel tickets",
            id=TEXT, name=NULLABLE, segment=NULLABLE, language=NULLABLE, addresses=listed(record("kind address", kind=TEXT, address=TEXT)),
            opt_outs=listed(record("channel address", channel=TEXT, address=TEXT)), channel=NULLABLE, tickets=listed(TEXT),
        )},
        problems=(404,),
    ),
    Operation(
        "GET", "/surveys", "listSurveys", "The questionnaires of the policy in force; what was answered is counted by the KPIs.",
        ("read", "survey"), _surveys, {200: record("surveys", surveys=listed(_SURVEY))},
    ),
    Operation(
        "GET", "/kpis", "listKpis", "KPIs as docs/kpis.md defines them, of the last 28 days where no period is said.",
        ("read", "kpi"), _kpis, {200: record("from to by figures", **{"from": INSTANT}, to=INSTANT, by=listed(TEXT), figures=listed(_KPI))},
        query={
            "kpi": listed({"enum": list(KPIS)}), "by": {"type": "array", "items": {"enum": list(_SPLITS)}, "uniqueItems": True},
            "from": INSTANT, "to": INSTANT,
        },
        problems=(422,),
    ),
    Operation(
        "GET", "/knowledge", "listArticles", "What the knowledge base says to a question, the best article first.",
        ("read", "knowledge"), _knowledge,
        {200: record("articles", articles=listed(record("id title text", id=TEXT, title=TEXT, text=TEXT)))},
        query={"question": words(5000), "language": {"enum": list(LANGUAGES)}},
    ),
    Operation(
        "GET", "/policies", "listPolicies", "Every policy that was ever in force, the latest saved first.",
        ("read", "policy"), _policies,
        {200: record("active policies", active=NULLABLE, policies=listed(record("digest saved_at", digest=TEXT, saved_at=INSTANT)))},
    ),
    Operation(
        "GET", "/policies/{digest}", "showPolicy", "The files of a policy.",
        ("read", "policy"), _policy, {200: record("digest files", digest=TEXT, files=_TEXTS)}, problems=(404,),
    ),
    Operation(
        "GET", "/events", "listEvents", "What happened to tickets after an id; with Accept: text/event-stream it goes on.",
        ("read", "news"), _events, {200: record("events next", events=listed(NEWS), next=WHOLE)},
        query={
            "after": {"type": "integer", "minimum": 0, "maximum": 2**53}, "limit": {"type": "integer", "minimum": 1, "maximum": 500},
        },
    ),
)  # fmt: skip
