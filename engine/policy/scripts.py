"""Compiles scripts and tries each one in every situation that the policy puts it in."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, reduce

from msgspec import Struct

from engine.core.compiled import Company, DeadlineKind, Tier
from engine.core.scripts import Body, Guide, GuideStep, Script, Text
from engine.policy.diagnostics import Problems, nearest
from engine.policy.document import Document
from engine.policy.nodes import Node, Span
from engine.policy.references import Use, guide_steps
from engine.policy.said import Said, said
from engine.policy.samples import Setting, samples
from engine.policy.templates import ScriptTemplate, TemplateError, TemplateRefused, compile_template
from engine.policy.values import Values
from engine.policy.vocabulary import ASKS

_OWN_KEYS = frozenset({"audience", "label", "subject", "channels"})


class Spoken(Struct, frozen=True):
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
        self._values = Values(languages, problems)
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
            self._problems.unknown("CL306", use.script, "script", known)
            if (script := self.compiled.get(name)) is not None:
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
                if language in _OWN_KEYS or not self._values.speaks(part, language):
                    continue
                if (template := self._template(name, language, text)) is not None:
                    subject = subjects.get(language) or subjects.get(self._languages[0])
                    bodies[channel, language] = Body(template, subject, text.source)
        answers = any(isinstance(text.value, str) and "knowledge" in text.value for text in node.walk())
        return Script(name, node.string("audience"), bodies, node.source, self._values.text(node.get("label")), answers)

    def _subjects(self, name: str, part: Node) -> dict[str, ScriptTemplate]:
        subject = part.get("subject")
        if subject is None:
            return {}
        by_language = subject.map or {self._languages[0]: subject}
        spoken = [language for language in by_language if self._values.speaks(subject, language)]
        found = {language: self._template(name, language, by_language[language]) for language in spoken}
        return {language: template for language, template in found.items() if template is not None}

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
                    self._hint(error.reason, context),
                    path=spoken.node.path,
                )
                return

    def _hint(self, reason: str, known: Iterable[str]) -> str:
        """Return where to look for what a template misses: a name like it, a deadline of that name, or what the occasion knows."""
        values = reason.values if isinstance(reason, Said) else {}
        missed = values.get("name")
        hint = "docs/policies.md lists what each occasion knows; `{% if name is defined %}` asks first"
        if values.keys() == {"name"} and (near := nearest(str(missed), known)) is not None:
            hint = said("did you mean `{near}`?", near=near)
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


def guides(document: Document, values: Values) -> dict[str, Guide]:
    """Return the guides by id."""
    return {
        name: values.make(Guide, node, id=name, steps=tuple(_guide_step(step) for step in guide_steps(node)))
        for name, node in document.entries("guides").items()
    }


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


def _channels(script: Node) -> list[tuple[str, Node]]:
    channels = script.get("channels")
    return list(channels.map.items()) if channels else []
