"""What a customer's reply says: agreed or objected, opted out, which scores. Where it is not plain the answer is None, never a guess.

Replies come without the quoted tail of the message they answer. What is given back is in `compatible` form; whoever needs the
customer's own characters keeps the reply.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final

from msgspec import Struct, field

from engine.core.text import compatible, is_alphabetic, normalise

_OPENING: Final = " \n\"'“”「『([【*"
_TRIMMED: Final = " \n\"'“”「」『』()[]【】*,.;:!?。、~|/-—"

# A word does not end before an apostrophe, a hyphen, ... that goes on with a letter, nor in an abbreviation such as n.a.
_GOES_ON: Final = re.compile(r"['\-/_@&+]\w|\.[a-z](?![a-z])", re.ASCII | re.IGNORECASE)
_CLAUSE: Final = re.compile(r"([^,.;:!?。、\n]*)([,.;:!?。、\s]*)")
_LONGEST_COURTESY: Final = 200  # characters: who writes more has more to say
_PARTICLES: Final = re.compile(r"[了的啦呀哦喔噢啊]+(?!\w)")


class ReplyWords(Struct, frozen=True):
    """The words that replies are read by, in any language, width and case.

    `doubt` holds what makes a confirmation uncertain when it stands in the same clause ("满意吗", "yes but"); a word of `confirm`
    that contains one (`没问题`) is none. A message that is nothing but words of `thanks` asks for nothing.
    """

    confirm: tuple[str, ...]
    object: tuple[str, ...]
    opt_out: tuple[str, ...]
    opt_in: tuple[str, ...]
    doubt: tuple[str, ...] = ()
    thanks: tuple[str, ...] = ()


class Confirmation(Struct, frozen=True):
    """Whether the customer agrees that the matter is settled, and what they added."""

    agrees: bool
    remark: str


class Scale(Struct, frozen=True):
    """A question of a survey: a score from `low` to `high`, with `text` a free answer, or a choice of `options` (their ids), whose letters
    from A on the customer answers with: one, or with `many` one or more.
    """

    id: str
    low: int
    high: int
    text: bool
    options: tuple[str, ...] = ()
    many: bool = False


class Scores(Struct, frozen=True):
    """The score of every scale question by its id, the options of every choice by its id, and the free remark ("" if there is none)."""

    values: Mapping[str, int]
    suggestion: str
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_confirmation(text: str, words: ReplyWords) -> Confirmation | None:
    """What the first word of a reply says: Y, 满意, N, 不满意, ... in the words of the policy.

    The word must be all of the first token; a Chinese word of two characters or more may also run on (`满意谢谢`). None for a
    question (`满意?`), for a confirmation with a doubt in its clause or an objection anywhere (`是不是…`, `Y 还是打不开`), for both at
    once (`Y/N`), and for everything else.
    """
    reply = compatible(text).lstrip(_OPENING)
    found = _first_word(reply, words)
    if found is None:
        return None
    length, agrees = found
    rest = reply[length:]
    clause, marks = next(_CLAUSE.finditer(rest)).groups()
    if "?" in marks:
        return None
    remark = rest.lstrip(_TRIMMED).rstrip()
    if agrees:
        if _is_doubtful(clause, words) or any(_occurs(word, remark) for word in _visible(words.object)):
            return None
    else:
        next_word = _first_word(remark, words)
        if next_word is not None and next_word[1]:
            return None
    particles = _PARTICLES.match(remark)
    return Confirmation(agrees, remark[particles.end() :].lstrip(_TRIMMED) if particles else remark)


def is_opt_out(text: str, words: ReplyWords) -> bool:
    """Whether the whole message is an opt-out word (退订, T, TD, R), in any width, case and punctuation."""
    return _is_one_of(text, words.opt_out)


def says(text: str, words: Iterable[str]) -> bool:
    """Whether one of the words stands in the text, in any width and case."""
    return any(_occurs(word, compatible(text)) for word in _visible(words))


def is_opt_in(text: str, words: ReplyWords) -> bool:
    """Whether the whole message is a word that takes an opt-out back, in any width, case and punctuation."""
    return _is_one_of(text, words.opt_in)


def is_courtesy(text: str, words: ReplyWords) -> bool:
    """Whether the message is nothing but words of thanks (`非常感谢,辛苦了!`), in any width, case and punctuation but a question mark."""
    said = _letters(text[:_LONGEST_COURTESY])
    if not said or len(text) > _LONGEST_COURTESY or "?" in compatible(text):
        return False
    known = [letters for word in words.thanks if (letters := _letters(word))]
    reached = {0}
    for start in range(len(said)):
        if start in reached:
            reached.update(start + len(word) for word in known if said.startswith(word, start))
    return len(said) in reached


def _is_one_of(text: str, words: Iterable[str]) -> bool:
    known = set(map(_letters_of_word, words))
    longest = max(map(len, known), default=0)
    said = "".join(islice(filter(str.isalnum, normalise(text)), longest + 1))
    return bool(said) and said in known


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, normalise(text)))


_letters_of_word = lru_cache(maxsize=1_000)(_letters)
"""For the words of policies, which are few."""


def _visible(words: Iterable[str]) -> list[str]:
    return [word for word in (compatible(word).strip() for word in words) if word]


def _first_word(reply: str, words: ReplyWords) -> tuple[int, bool] | None:
    """The length of the longest word that `reply` begins with and whether it confirms; None if none, or if both lists have it."""
    found = {
        (len(word), agrees)
        for agrees, given in ((True, words.confirm), (False, words.object))
        for word in _visible(given)
        if _begins_with(reply, word)
    }
    longest = [match for match in found if match[0] == max(length for length, _ in found)]
    return longest[0] if len(longest) == 1 else None


def _begins_with(reply: str, word: str) -> bool:
    if reply[: len(word)].casefold() != word.casefold():
        return False
    following = reply[len(word) : len(word) + 1]
    if is_alphabetic(word[-1]):
        return not is_alphabetic(following) and not _GOES_ON.match(reply, len(word))
    return len(word) > 1 or not following.isalnum()


def _is_doubtful(clause: str, words: ReplyWords) -> bool:
    """Whether a doubt is left in the clause once the words that confirm are taken out."""
    clause = clause.casefold()
    for word in sorted(_visible(words.confirm), key=len, reverse=True):
        if len(word) > 1 and _occurs(word, clause):
            clause = clause.replace(word.casefold(), "\0")
    return any(word in clause if not is_alphabetic(word[-1]) else _occurs(word, clause) for word in _visible(words.doubt))


def _occurs(word: str, text: str) -> bool:
    """Whether `word` stands in `text`: one of an alphabet, or of a single character, only by itself, others anywhere."""
    text, word = text.casefold(), word.casefold()
    if is_alphabetic(word[-1]):
        return re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", text, re.ASCII) is not None
    if len(word) == 1:
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
    return word in text


# --- scores -------------------------------------------------------------------------------------------------------------------------

_SEPARATOR: Final = re.compile(r"[\s,;、|。]+")
_NUMBER: Final = r"(0|[1-9][0-9]{0,2})(?:\s?[分星](?![钟期]))?"
# A score is not the beginning of a longer number, a decimal, a time, a date, a word, or a measure (3天, 5分钟).
_ENDS: Final = r"(?![0-9A-Za-z_]|[.:/\-][0-9]| ?[分星]|[年月日号天点时周个次元块])"
_SCORE: Final = re.compile(_NUMBER)
_LETTERS: Final = re.compile(r"[A-I]+", re.IGNORECASE)
_END: Final = re.compile(_ENDS)
_ANOTHER_NUMBER: Final = re.compile(r"[\s,;、|。]*[0-9]+(?:\s?[分星])?(?![\w.:/\-])")
_PAIR: Final = re.compile(rf"Q?([0-9]{{1,2}})\s?[:=.、)\-]\s?{_NUMBER}{_ENDS}", re.IGNORECASE)
_WIDE_PAIR: Final = re.compile(rf"Q?([0-9]{{1,2}})(?:\s?[:=]\s?|\s?[.、)\-]\s){_NUMBER}{_ENDS}", re.IGNORECASE)
_LINE_PAIR: Final = re.compile(rf"([0-9]{{1,2}}) {_NUMBER} ?(?=\n|\Z)")
_LABEL: Final = re.compile(r"Q?([0-9]{1,2})\s?[:.、)]\s?", re.IGNORECASE)

_Found = tuple[list[int], str]  # a score per scale question in their order, and the rest of the reply


def read_scores(text: str, questions: Sequence[Scale]) -> Scores | None:
    """The scores at the beginning of a reply, and the rest as suggestion.

    Read are plain lists (`5 5 4`, `5,5,4`, `5、5、4`, `5分 5分 4分`), digits run together (`554`: as many as there are scale questions)
    and pairs of a question's number and its score (`1:5 2:5 3:4`, `1.5 2.5 3.4`, numbered lines). None unless every scale question
    gets exactly one score inside its range. Without any scale question all that is said is the suggestion. Where there are choices, every
    answer stands by itself, in the order of the questions, with or without their numbers (`5 4 B AC`, `1:5 2:4 3:B 4:AC`).
    """
    reply = compatible(text).lstrip(_OPENING).rstrip()
    if any(question.options for question in questions):
        return _one_by_one(reply, questions)
    scales = [question for question in questions if not question.text]
    if not scales:
        return Scores({}, reply) if reply else None
    found = _pairs(reply, questions) or _list(reply, len(scales)) or _run_together(reply, scales)
    if found is None:
        return None
    scores, rest = found
    if not all(scale.low <= score <= scale.high for scale, score in zip(scales, scores, strict=True)):
        return None
    values = {scale.id: score for scale, score in zip(scales, scores, strict=True)}
    return Scores(values, _without_label(rest, questions).lstrip(_TRIMMED).rstrip())


def _pairs(reply: str, questions: Sequence[Scale]) -> _Found | None:
    """Pairs in any order; with a single scale question a glued `1.5` is a decimal, and two bare numbers are no pair."""
    numbers = [number for number, question in enumerate(questions, start=1) if not question.text]
    for pattern in (_PAIR, _LINE_PAIR) if len(numbers) > 1 else (_WIDE_PAIR,):
        found: dict[int, int] = {}
        position = 0
        while (pair := pattern.match(reply, position)) and int(pair[1]) in numbers and int(pair[1]) not in found:
            found[int(pair[1])] = int(pair[2])
            separator = _SEPARATOR.match(reply, pair.end())
            position = separator.end() if separator else pair.end()
        if len(found) == len(numbers) and not (pair and int(pair[1]) in numbers):
            return [found[number] for number in numbers], reply[position:]
    return None


def _list(reply: str, count: int) -> _Found | None:
    scores: list[int] = []
    position = 0
    while score := _SCORE.match(reply, position):
        scores.append(int(score[1]))
        position = score.end()
        if len(scores) == count:
            return (scores, reply[position:]) if _ends_list(reply, position, count) else None
        separator = _SEPARATOR.match(reply, position)
        if separator is None:
            return None
        position = separator.end()
    return None


def _ends_list(reply: str, position: int, count: int) -> bool:
    """Whether the list is over here; a single number that Chinese text runs on from is more likely a measure."""
    if _ANOTHER_NUMBER.match(reply, position) or not _END.match(reply, position):
        return False
    return count > 1 or not reply[position : position + 1].isalpha()


def _run_together(reply: str, scales: Sequence[Scale]) -> _Found | None:
    count = len(scales)
    digits, rest = reply[:count], reply[count:]
    if len(digits) < count or not (digits.isascii() and digits.isdigit()) or any(scale.high > 9 for scale in scales):
        return None
    separator = _SEPARATOR.match(rest)
    following = rest[separator.end() :] if separator else rest
    if following[:1].isdigit() or not _END.match(rest) or rest[:1].isalpha():
        return None
    return [int(digit) for digit in digits], rest


def _one_by_one(reply: str, questions: Sequence[Scale]) -> Scores | None:
    values: dict[str, int] = {}
    choices: dict[str, tuple[str, ...]] = {}
    position = 0
    for number, question in enumerate(questions, start=1):
        if question.text:
            continue
        label = _LABEL.match(reply, position)
        start = label.end() if label and int(label[1]) == number else position
        found = (_LETTERS if question.options else _SCORE).match(reply, start)
        if found is None or not _END.match(reply, found.end()):
            return None
        if question.options:
            chosen = {ord(letter) - ord("A") for letter in found[0].upper()}
            if max(chosen) >= len(question.options) or (len(chosen) > 1 and not question.many):
                return None
            choices[question.id] = tuple(question.options[nth] for nth in sorted(chosen))
        elif question.low <= int(found[1]) <= question.high:
            values[question.id] = int(found[1])
        else:
            return None
        separator = _SEPARATOR.match(reply, found.end())
        position = separator.end() if separator else found.end()
    return Scores(values, _without_label(reply[position:], questions).lstrip(_TRIMMED).rstrip(), choices)


def _without_label(rest: str, questions: Sequence[Scale]) -> str:
    """The rest of a reply without the number of the free question that it answers."""
    label = _LABEL.match(rest.lstrip(_TRIMMED))
    if label and any(question.text and int(label[1]) == number for number, question in enumerate(questions, start=1)):
        return rest.lstrip(_TRIMMED)[label.end() :]
    return rest
