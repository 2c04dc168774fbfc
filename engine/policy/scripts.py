"""Compiles scripts and tries each one in every situation that the policy puts it in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, reduce

from engine.core.compiled import Company, DeadlineKind, Tier
from engine.core.scripts import Body, Guide, GuideStep, Script, Text
from engine.policy.diagnostics import Problems, suggestion
from engine.policy.document import Document
from engine.policy.escalations import names
from engine.policy.nodes import Node, Span
from engine.policy.references import actions
from engine.policy.said import Said, said
from engine.policy.samples import Setting, samples
from engine.policy.templates import ScriptTemplate, TemplateError, TemplateRefused, compile_template
from engine.policy.texts import text_map
from engine.policy.vocabulary import ASKS, TO_TEAM

_AGENT, _CUSTOMER, _TEAM = "agent", "customer", "team"
_OWN_KEYS = frozenset({"audience", "label", "subject", "channels"})


@dataclass(frozen=True, slots=True)
class Use:
    """A place of the policy that says a script: on which occasion, to which audiences it may be meant."""

    script: Node
    occasion: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One text of a script, in one language; `node` is where it is written."""

    script: str
    language: str
    template: ScriptTemplate
    node: Node

    @property
    def is_subject(self) -> bool:
        """Whether it is the subject line of a message."""
        return ".subject" in self.node.path.removeprefix(f"scripts.{self.script}")


class Scripts:
    """The compiled scripts of one document. `texts` are those that are well-formed, unless they are `proven` already."""

    def __init__(self, document: Document, languages: tuple[str, ...], problems: Problems, *, proven: bool = False) -> None:
        self._proven = proven
        self._document = document
        self._languages = languages
        self._problems = problems
        self.texts: list[Spoken] = []
        self.compiled = {name: self._script(name, node) for name, node in document.entries("scripts").items()}
        self._check_languages()

    def check(self, uses: Iterable[Use], setting: Setting | None) -> None:
        """Report references to unknown scripts and wrong audiences, and try every script on the occasions of its uses.

        Without a setting, because what it is made of is not sound, no script is tried.
        """
        occasions: dict[str, set[str]] = {}
        known = self._document.ids("scripts")
        for use in uses:
            name = use.script.text
            if known is not None and name not in known:
                self._problems.add("CL306", use.script, said("there is no script `{name}`", name=name), suggestion(name, known))
            elif (script := self.compiled.get(name)) is not None:
                occasions.setdefault(name, set()).add(use.occasion)
                if script.audience not in use.audiences:
                    message = said(
                        "the script `{name}` is meant for {audience}, here it goes to {audiences}",
                        name=name,
                        audience=script.audience,
                        audiences=reduce(lambda one, other: said("{one} or {other}", one=one, other=other), use.audiences),
                    )
                    self._problems.add("CL317", use.script, message, "name another script, or change its `audience`")
        if setting is not None:
            situations = cache(lambda occasion, language: list(samples_of(occasion, language, setting)))
            for spoken in self.texts:
                asked: list[str | None] = [*sorted(occasions.get(spoken.script, ()))] or [None]
                self._try(spoken, (one for occasion in asked for one in situations(occasion, spoken.language)))

    def _script(self, name: str, node: Node) -> Script:
        bodies: dict[tuple[str, str], Body] = {}
        for channel, part in [("", node), *((channel, part) for channel, part in _channels(node))]:
            subjects = self._subjects(name, part) or self._subjects(name, node)
            for language, text in part.map.items():
                if language in _OWN_KEYS or not self._speaks(part, language):
                    continue
                if (template := self._template(name, language, text)) is not None:
                    subject = subjects.get(language) or subjects.get(self._languages[0])
                    bodies[channel, language] = Body(template, subject, text.source)
        return Script(name, node.string("audience"), bodies, node.source, text_map(node.get("label"), self._languages, self._problems))

    def _subjects(self, name: str, part: Node) -> dict[str, ScriptTemplate]:
        subject = part.get("subject")
        if subject is None:
            return {}
        by_language = subject.map or {self._languages[0]: subject}
        found = {
            language: self._template(name, language, text) for language, text in by_language.items() if self._speaks(subject, language)
        }
        return {language: template for language, template in found.items() if template is not None}

    def _speaks(self, part: Node, language: str) -> bool:
        """Whether the company has that language; report a text in another one."""
        if language in self._languages or not part.keys:
            return True
        hint = suggestion(language, self._languages)
        place = Node(language, part.keys[language], f"{part.path}.{language}")
        self._problems.add("CL315", place, said("the company has no language `{language}` (see company.yaml)", language=language), hint)
        return False

    def _check_languages(self) -> None:
        """Report scripts without a text in some language; where none has one, the language."""
        scripts = self._document.entries("scripts")
        spoken = {
            name: {key for part in (node, *(part for _, part in _channels(node))) for key in part.keys} for name, node in scripts.items()
        }
        for language in self._languages:
            code = "CL406" if language == self._languages[0] else "CL405"
            silent = [name for name in scripts if language not in spoken[name]]
            if len(silent) > 1 and len(silent) == len(scripts) and (company := self._document.single("company")) is not None:
                place = next(item for item in company["languages"].items if item.text == language)
                hint = "add texts in it to the scripts, or take it out"
                self._problems.add(code, place, said("no script speaks `{language}`", language=language), hint)
                continue
            for name in silent:
                message = said("`{name}` has no text in `{language}`", name=name, language=language)
                hint = said("add `{language}: …`", language=language)
                self._problems.add(code, scripts[name].keys["audience"], message, hint, path=scripts[name].path)

    def _template(self, name: str, language: str, text: Node) -> ScriptTemplate | None:
        first_line = text.span.line + text.block
        if self._proven:
            return ScriptTemplate(name, text.source, first_line, text.text)
        try:
            template = compile_template(name, text.text, text.source, first_line)
        except TemplateRefused as refused:
            self._problems.add(refused.code, line_of(text, refused.line, self._problems), refused.reason, refused.hint, path=text.path)
            return None
        self.texts.append(Spoken(name, language, template, text))
        return template

    def _try(self, spoken: Spoken, situations: Iterable[tuple[str, dict[str, object]]]) -> None:
        """Render a text in its situations; report the first failure."""
        for situation, context in situations:
            try:
                spoken.template.render(context)
            except TemplateError as error:
                self._problems.add(
                    "CL404",
                    line_of(spoken.node, error.line, self._problems),
                    said("{situation}: {reason}", situation=situation, reason=error.reason),
                    self._hint(error.reason),
                    path=spoken.node.path,
                )
                return

    def _hint(self, reason: str) -> str:
        """Return where to look for what a template misses: a deadline of that name, or what the occasion knows."""
        hint = "docs/policies.md lists what each occasion knows; `{% if name is defined %}` asks first"
        missed = reason.values.get("name") if isinstance(reason, Said) else None
        if (deadline := self._document.entries("deadlines").get(str(missed))) is not None:
            place = deadline["starts"].source
            hint = said(
                "the deadline `{name}` does not run then: {place} says what starts it; `{{% if … is defined %}}` asks first",
                name=missed,
                place=place,
            )
        return hint


def line_of(text: Node, line: int, problems: Problems) -> Span:
    """Return the place of a template's line: exact for texts written as a block, else the text's own."""
    return problems.line(text.span.file, text.span.line + line) if text.block else text.span


def samples_of(occasion: str | None, language: str, setting: Setting) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield (situation in words, context) for every situation of an occasion."""
    for situation, context in samples(occasion, language, setting):
        where = said("on the occasion {occasion} ({situation})", occasion=occasion, situation=situation)
        yield where if occasion else said("with everything known ({situation})", situation=situation), context


def notices(document: Document) -> dict[str, str]:
    """Return the script of each occasion that has one."""
    return {occasion: node.text for occasion, node in document.entries("notices").items()}


def uses(document: Document) -> Iterable[Use]:
    """Yield every place that says a script."""
    for occasion, node in document.entries("notices").items():
        yield Use(node, occasion, (_TEAM,) if occasion in TO_TEAM else (_CUSTOMER,))
    for rule in document.entries("calls").values():
        if (opened := rule.get("open")) is not None and (script := opened.get("script")) is not None:
            yield Use(script, "missed_call", (_CUSTOMER,))
    for node in document.entries("deadlines").values():
        if (script := node.get("remind_script")) is not None:
            yield Use(script, "reminder", (_CUSTOMER,))
    for node in document.entries("escalations").values():
        if (script := node.get("warn_script")) is not None:
            yield Use(script, "warning", _audiences(names(node, "warn_to")))
        for step in node["steps"].items if "steps" in node.map else []:
            if (script := step.get("script")) is not None:
                yield Use(script, "breach", _audiences(names(step, "notify")))
    for action in actions(document):
        if (script := action.get("script")) is not None:
            yield Use(script, "rule", _audiences(names(action, "notify")))
        if (script := action.get("run_script")) is not None:
            yield Use(script, "rule", (_CUSTOMER,))
    if (handover := document.single("handover")) is not None:
        yield Use(handover["script"], "handover", _audiences(names(handover, "to")))
    for script in incidents["scripts"].map.values() if (incidents := document.single("incidents")) is not None else ():
        yield Use(script, "incident", (_CUSTOMER,))
    for node in document.entries("watch").values():
        yield from _alert_uses(node)
    for node in document.entries("groups").values():
        yield from _alert_uses(node["alert"]) if "alert" in node.map else ()
    for node in document.entries("surveys").values():
        for role, script in node["scripts"].map.items():
            yield Use(script, f"survey_{role}", (_CUSTOMER,))
    for node in document.entries("guides").values():
        for step in _steps(node):
            script = step.get("script") if step.map else step
            if script is not None and script.text not in ASKS:
                yield Use(script, "guide", (_AGENT, _CUSTOMER))


def _alert_uses(node: Node) -> Iterator[Use]:
    for key in ("script", "ended"):
        if (script := node.get(key)) is not None:
            yield Use(script, "alert", _audiences(names(node, "to")))


def guides(document: Document, languages: tuple[str, ...], problems: Problems) -> dict[str, Guide]:
    """Return the guides by id."""
    found: dict[str, Guide] = {}
    for name, node in document.entries("guides").items():
        label = text_map(node.get("label"), languages, problems)
        found[name] = Guide(name, label, tuple(_guide_step(step) for step in _steps(node)), node.source)
    return found


def setting(company: Company, tiers: Iterable[Tier], deadlines: Mapping[str, DeadlineKind]) -> Setting:
    """Return what of the policy the sample values are made of."""
    beginning = [kind for kind in deadlines.values() if "ticket_opened" in kind.starts]
    promised = [
        (tier.id, tier.label, [kind.name for kind in beginning if kind.name in tier.budgets or kind.budget is not None]) for tier in tiers
    ]
    labels: dict[str, Text] = {name: kind.label for name, kind in deadlines.items()}
    return Setting(company.name, company.timezone, company.hotline, promised, labels)


def _guide_step(step: Node) -> GuideStep:
    if step.map:
        needed = step.get("if_needed")
        return GuideStep(step.string("script"), None, needed is not None and needed.value is True)
    return GuideStep(None, step.text) if step.text in ASKS else GuideStep(step.text, None)


def _steps(guide: Node) -> list[Node]:
    return guide["steps"].items if guide.map else guide.items


def _channels(script: Node) -> list[tuple[str, Node]]:
    channels = script.get("channels")
    return list(channels.map.items()) if channels else []


def _audiences(recipients: list[Node]) -> tuple[str, ...]:
    kinds = {_CUSTOMER if recipient.text == "customer" else _TEAM for recipient in recipients}
    return tuple(sorted(kinds)) or (_TEAM,)
