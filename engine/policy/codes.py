"""The registry of diagnostic codes. A code never changes its meaning; docs/diagnostics.md has an example that triggers each."""

from typing import NamedTuple


class Code(NamedTuple):
    """What a code stands for, and whether it keeps a policy from being used."""

    title: str
    severity: str = "error"


CODES: dict[str, Code] = {
    # 1xx: reading files and YAML
    "CL101": Code("The file is not well-formed YAML"),
    "CL102": Code("The file is not UTF-8"),
    "CL103": Code("The file begins with a byte order mark"),
    "CL104": Code("A control character stands in the file"),
    "CL105": Code("The file is too large"),
    "CL106": Code("The file is nested too deeply"),
    "CL107": Code("A key is written twice"),
    "CL108": Code("Anchors and aliases are not used in policies"),
    "CL109": Code("Tags are not used in policies"),
    "CL110": Code("Merge keys are not used in policies"),
    "CL111": Code("A key is not a plain word"),
    "CL112": Code("One file holds several documents"),
    "CL113": Code("A value means something else than it seems to"),
    "CL114": Code("A line is indented with a tab"),
    "CL115": Code("A full-width character stands where a plain one is meant"),
    "CL116": Code("A value is missing"),
    "CL117": Code("The file's name does not say what it holds"),
    "CL118": Code("There is no policy here"),
    "CL119": Code("The file cannot be read"),
    "CL120": Code("A link leads out of the policy directory"),
    "CL121": Code("There are too many files"),
    # 2xx: the shape of a file
    "CL201": Code("Unknown key"),
    "CL202": Code("A key is missing"),
    "CL203": Code("A value of another kind is expected"),
    "CL204": Code("Not one of the known words"),
    "CL205": Code("A value has the wrong form"),
    "CL206": Code("A number is out of range"),
    "CL207": Code("Too few or too many entries"),
    "CL208": Code("An entry stands twice in a list"),
    "CL209": Code("A matcher is incomplete or asks two things at once"),
    "CL210": Code("Unknown version of the policy language"),
    "CL211": Code("This operator cannot be asked of this field"),
    "CL212": Code("A file has more faults than are shown"),
    # 3xx: references between entries
    "CL301": Code("An id is used twice"),
    "CL302": Code("Unknown condition"),
    "CL303": Code("Conditions use each other in a circle"),
    "CL304": Code("Unknown queue"),
    "CL305": Code("Unknown calendar"),
    "CL306": Code("Unknown script"),
    "CL307": Code("Unknown kind of deadline"),
    "CL308": Code("Unknown recipient"),
    "CL309": Code("A deadline has no length"),
    "CL310": Code("The last rule is not the default"),
    "CL311": Code("A default rule stands before the end"),
    "CL312": Code("A rule has no condition, or the default has one"),
    "CL313": Code("Unknown time zone"),
    "CL314": Code("A pattern cannot be compiled"),
    "CL315": Code("A text is in a language the company does not have"),
    "CL316": Code("A part of the policy is missing"),
    "CL317": Code("A script is meant for another audience"),
    "CL318": Code("A matcher asks for an id that does not exist"),
    "CL319": Code("A field has no value at this place"),
    "CL320": Code("A deadline is escalated twice"),
    "CL350": Code("A clock runs on the calendar of queues that have none"),
    "CL351": Code("No notice tells the customer of a later promise"),
    "CL360": Code("A tier does not exist"),
    "CL361": Code("No notice says what stands at the head of a digest"),
    "CL362": Code("There is an hour of the week with nobody to escalate to"),
    "CL370": Code("A queue spills over to itself"),
    # 4xx: templates and scripts
    "CL401": Code("A template is not well-formed"),
    "CL402": Code("A template uses something that is not allowed"),
    "CL403": Code("A template is too large"),
    "CL404": Code("A template cannot be rendered on this occasion"),
    "CL405": Code("A script has no text in a language", "warning"),
    "CL406": Code("A script has no text in the default language"),
    # 5xx: calendars
    "CL501": Code("Unknown holiday arrangement"),
    "CL502": Code("A date does not exist, or a range runs backwards"),
    "CL503": Code("A window ends before it begins, or overlaps another"),
    "CL504": Code("A day is both off and a workday"),
    "CL505": Code("The name of a calendar is taken"),
    # 6xx: the team, and advice
    "CL601": Code("Unknown agent"),
    "CL602": Code("Unknown queue of an agent"),
    "CL603": Code("Unknown shift"),
    "CL604": Code("Unknown calendar of a shift"),
    "CL605": Code("A user name stands for two agents"),
    "CL606": Code("An absence is not a range of dates"),
    "CL607": Code("A queue has no agents", "warning"),
    "CL608": Code("No agent has a required skill", "warning"),
    "CL641": Code("A test names what does not exist"),
    "CL651": Code("The response is promised later than the plan", "warning"),
    "CL652": Code("A keyword holds a full-width comma", "warning"),
    "CL653": Code("A rule can never be reached", "warning"),
    "CL654": Code("A value looks like a pattern", "warning"),
    "CL655": Code("A definition is not used", "warning"),
    # 7xx: the deployment, engine.yaml
    "CL701": Code("engine.yaml is not sound"),
    "CL702": Code("The settings of a channel are not sound"),
}
