import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.answers import Scale, Scores, read_scores

THREE = [*(Scale(name, 1, 5, text=False) for name in ("speed", "attitude", "effect")), Scale("suggestion", 0, 0, text=True)]
ONE = [Scale("nps", 0, 10, text=False), Scale("why", 0, 0, text=True)]

any_text = st.text(st.characters(codec=None), max_size=100)
shaped_text = st.text("0123456789 .,:、。-/\n分谢Qq", max_size=30)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        # lists
        ("5 5 4 谢谢", "谢谢"),
        ("5 5 4", ""),
        ("5,5,4", ""),
        ("５ ５ ４", ""),
        ("5，5，4，", ""),
        ("5、5、4。希望更快", "希望更快"),
        ("5;5;4", ""),
        ("5 | 5 | 4", ""),
        ("5\n5\n4\n谢谢", "谢谢"),
        ("  5   5\t4  ", ""),
        ("“5 5 4”", ""),
        ("5 5 4谢谢", "谢谢"),
        ("5 5 4! Great, Anna", "Great, Anna"),
        ("5 5 4. Thanks", "Thanks"),
        ("5 5 4 - thanks", "thanks"),
        ("5 5 4 3天才有人回复", "3天才有人回复"),
        ("5 5 4 2026-03-04 才修好", "2026-03-04 才修好"),
        ("5分 5分 4分", ""),
        ("5分,5分,4分,谢谢", "谢谢"),
        ("5 分 5 分 4 分钟意你们", None),
        ("5星5星4星", None),
        # digits run together
        ("554", ""),
        ("554 谢谢", "谢谢"),
        ("554。希望更快", "希望更快"),
        ("５５４", ""),
        # pairs
        ("1. 5\n2. 5\n3. 4\n4. 谢谢", "谢谢"),
        ("1. 5\n2. 5\n3. 4\n4. ", ""),
        ("1、5\n2、5\n3、4\n4、希望 快一点", "希望 快一点"),
        ("1) 5\r\n2) 5\r\n3) 4\r\n4) 3 days is long", "3 days is long"),
        ("1.5 2.5 3.4", ""),
        ("1:5 2:5 3:4", ""),
        ("1：5，2：5，3：4，谢谢", "谢谢"),
        ("1-5 2-5 3-4", ""),
        ("1=5 2=5 3=4", ""),
        ("Q1: 5, q2: 5, Q3: 4. Q4: fine", "fine"),
        ("3:4 1:5 2:5", ""),
        ("1.5分 2.5分 3.4分 很好", "很好"),
        ("1 5\n2 5\n3 4\n4 谢谢", "4 谢谢"),
        ("5 5 4\n4. 谢谢", "谢谢"),
    ],
)
def test_scores_are_read_in_the_forms_people_write(text: str, suggestion: str | None) -> None:
    expected = None if suggestion is None else Scores({"speed": 5, "attitude": 5, "effect": 4}, suggestion)
    assert read_scores(text, THREE) == expected


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("1、5、4", (1, 5, 4)),  # a list, though it begins like a pair
        ("1 2 3", (1, 2, 3)),
        ("1,2,1", (1, 2, 1)),
        ("1:1 2:2 3:3", (1, 2, 3)),
    ],
)
def test_lists_and_pairs_are_told_apart(text: str, scores: tuple[int, int, int]) -> None:
    assert read_scores(text, THREE) == Scores(dict(zip(("speed", "attitude", "effect"), scores, strict=True)), "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "谢谢",
        "Y",
        # too few, too many, out of range
        "5 5",
        "5",
        "55",
        "5 5 4 2",
        "5544",
        "5 5 4 3 stars",
        "5 5 6",
        "0 5 5",
        "5 5 40",
        "556",
        "1:5 2:5",
        "1:5 2:5 3:6",
        "1:5 2:5 2:4 3:4",
        "1:5 1:5 2:5 3:4",
        "1 5 2 5 3 4",
        "1. 5\n2. 5",
        # not scores
        "13800138000",
        "138 0013 8000",
        "135 4521 3333",
        "135-4521-3333",
        "2026-03-04",
        "2026 03 04",
        "2026.3.4",
        "3/4/5",
        "3-4-5",
        "3 4 2026",
        "3.4.5",
        "1.5.2026",
        "202603040001",
        "5:30",
        "4.5 5 5",
        "5 5 4.5",
        "5 5 4-5",
        "5 5 4:30",
        "5 5 4th",
        "5 5 4天",
        "5 5 4个月",
        "5 5 4分钟",
        "554号",
        "554谢谢",
        "554-1234",
        "554.5",
        "554 1234",
        "05 05 04",
        "-5 -5 -4",
        "+5 5 4",
        "5 五 4",
        "工单 5 5 4",
        "①5 ②5 ③4",
        "5,",
        "5 5 ",
    ],
)
def test_what_could_be_something_else_is_not_read_as_scores(text: str) -> None:
    assert read_scores(text, THREE) is None


@pytest.mark.parametrize(
    ("text", "score", "suggestion"),
    [
        ("10", 10, ""),
        ("0", 0, ""),
        ("9 很好", 9, "很好"),
        ("9分", 9, ""),
        ("9,谢谢", 9, "谢谢"),
        ("1. 9", 9, ""),
        ("1:9\n2:谢谢", 9, "谢谢"),
        ("1、 9", 9, ""),
    ],
)
def test_a_single_question_takes_a_single_number(text: str, score: int, suggestion: str) -> None:
    assert read_scores(text, ONE) == Scores({"nps": score}, suggestion)


@pytest.mark.parametrize(
    "text", ["11", "100", "9很好", "5天了", "5分钟没人接", "5星期", "9.5", "1.9", "1、9", "1 9", "9 8", "3-4", "3月4日", "9th", "10086"]
)
def test_a_single_number_that_runs_on_is_no_score(text: str) -> None:
    assert read_scores(text, ONE) is None


def test_a_free_question_may_stand_anywhere() -> None:
    questions = [Scale("why", 0, 0, text=True), Scale("a", 1, 5, text=False), Scale("b", 1, 5, text=False)]
    assert read_scores("2:4 3:5 1:谢谢", questions) == Scores({"a": 4, "b": 5}, "谢谢")
    assert read_scores("4 5 谢谢", questions) == Scores({"a": 4, "b": 5}, "谢谢")
    assert read_scores("1:4 2:5", questions) is None


def test_more_than_nine_questions_are_numbered_with_two_digits() -> None:
    questions = [Scale(f"q{number}", 1, 5, text=False) for number in range(1, 13)]
    reply = "\n".join(f"{number}. {number % 5 + 1}" for number in range(1, 13))
    assert read_scores(reply, questions) == Scores({f"q{number}": number % 5 + 1 for number in range(1, 13)}, "")


def test_scales_past_nine_are_not_read_from_digits_run_together() -> None:
    questions = [Scale("a", 0, 10, text=False), Scale("b", 0, 10, text=False)]
    assert read_scores("95", questions) is None
    assert read_scores("9 10", questions) == Scores({"a": 9, "b": 10}, "")
    assert read_scores("100 20", [Scale("a", 0, 100, text=False), Scale("b", 0, 100, text=False)]) == Scores({"a": 100, "b": 20}, "")


def test_without_scale_questions_all_is_suggestion() -> None:
    assert read_scores(" 5 stars ", [Scale("why", 0, 0, text=True)]) == Scores({}, "5 stars")
    assert read_scores(" \n", [Scale("why", 0, 0, text=True)]) is None
    assert read_scores("", []) is None


@given(any_text | shaped_text, st.sampled_from([THREE, ONE, [], THREE[:2], THREE[3:]]))
def test_any_reply_is_read_and_every_score_lies_in_its_range(text: str, questions: list[Scale]) -> None:
    scores = read_scores(text, questions)
    if scores is not None:
        ranges = {question.id: range(question.low, question.high + 1) for question in questions if not question.text}
        assert set(scores.values) == set(ranges)
        assert all(score in ranges[name] for name, score in scores.values.items())


def numbered(between: str, after: str):
    return lambda scores: between.join(f"{number}{after}{score}" for number, score in enumerate(scores, start=1))


FORMATS = {
    "spaces": lambda scores: " ".join(map(str, scores)),
    "commas": lambda scores: ",".join(map(str, scores)),
    "chinese commas": lambda scores: "，".join(map(str, scores)),
    "chinese pauses": lambda scores: "、".join(map(str, scores)),
    "lines": lambda scores: "\n".join(map(str, scores)),
    "points": lambda scores: " ".join(f"{score}分" for score in scores),
    "wide": lambda scores: "\u3000".join(chr(0xFF10 + score) for score in scores),
    "together": lambda scores: "".join(map(str, scores)),
    "numbered lines": numbered("\n", ". "),
    "chinese numbered lines": numbered("\n", "、"),
    "bare numbered lines": numbered("\n", " "),
    "dotted pairs": numbered(" ", "."),
    "pairs": numbered(" ", ":"),
    "chinese pairs": numbered("，", "："),
}


@pytest.mark.parametrize("form", FORMATS)
@given(scores=st.lists(st.integers(1, 5), min_size=3, max_size=6), suggestion=st.text("谢希望更快" + string.ascii_letters, max_size=10))
def test_every_form_gives_back_the_scores_that_were_written(form: str, scores: list[int], suggestion: str) -> None:
    questions = [Scale(str(number), 1, 5, text=False) for number in range(len(scores))]
    text = FORMATS[form](scores) + ("\n" + suggestion if suggestion else "")
    assert read_scores(text, questions) == Scores({str(number): score for number, score in enumerate(scores)}, suggestion)


# ── choices ─────────────────────────────────────────────────────────────────────────────────────────────────────────

CHOSEN = [
    Scale("speed", 1, 5, text=False),
    Scale("again", 0, 0, text=False, options=("yes", "no")),
    Scale("matters", 0, 0, text=False, options=("price", "speed", "quality"), many=True),
    Scale("why", 0, 0, text=True),
]


@pytest.mark.parametrize(
    ("text", "again", "matters", "suggestion"),
    [
        ("5 A AC 谢谢", "yes", ("price", "quality"), "谢谢"),
        ("5,b,c", "no", ("quality",), ""),
        ("５ Ａ ＣＡ", "yes", ("price", "quality"), ""),
        ("1:5 2:B 3:BB", "no", ("speed",), ""),
        ("1. 5\n2. a\n3. abc\n4. 再快一点", "yes", ("price", "speed", "quality"), "再快一点"),
        ("5分、A、B。希望更快", "yes", ("speed",), "希望更快"),
    ],
)
def test_a_choice_is_answered_by_letters(text: str, again: str, matters: tuple[str, ...], suggestion: str) -> None:
    assert read_scores(text, CHOSEN) == Scores({"speed": 5}, suggestion, {"again": (again,), "matters": matters})


@pytest.mark.parametrize("text", ["5 A", "5 AB A", "5 C A", "5 A D", "6 A A", "A A A", "5 A Apples", "5", "", "谢谢", "5 A A1"])
def test_what_answers_not_every_choice_as_it_was_asked_is_no_answer(text: str) -> None:
    assert read_scores(text, CHOSEN) is None


@given(st.one_of(any_text, st.text("0123456789 ABCDabc.,:、\n", max_size=30)))
def test_any_reply_to_choices_is_read_and_only_options_that_were_offered_are_chosen(text: str) -> None:
    found = read_scores(text, CHOSEN)
    if found is not None:
        assert 1 <= found.values["speed"] <= 5
        assert [set(found.choices[one.id]) <= set(one.options) for one in CHOSEN if one.options] == [True, True]
        assert len(found.choices["again"]) == 1
