from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.text import KeywordIndex, Negation, normalise

NEGATION = Negation(
    negators=("没有", "没", "不是", "不", "未", "无", "并非", "no", "not", "isn't", "aren't", "never", "without"),
    transparent=("是不是", "能不能", "可不可以", "有没有", "不得不", "没想到", "不好意思", "not only", "be fixed", "get fixed"),
    clause_breaks=("。", ",", ";", "!", "?", ".", "\n", "…", "但是", "but"),
    resolved=("已解决", "已恢复", "已修复", "fixed", "resolved"),
)
KEYWORDS = (
    "宕机",
    "无法使用",
    "使用",
    "退款",
    "瘫痪",
    "outage",
    "down for everyone",
    "down",
    "art",
    "Refund",
    "not working",
    "working",
    "bug",
    "C++",
)
INDEX = KeywordIndex(KEYWORDS, NEGATION)

any_text = st.text(st.characters(codec=None), max_size=200)
shaped_text = st.lists(
    st.sampled_from([*KEYWORDS, *NEGATION.negators, *NEGATION.transparent, *NEGATION.clause_breaks, *NEGATION.resolved, " ", "系统"]),
    max_size=12,
).map("".join)


@pytest.mark.parametrize(
    ("text", "affirmed"),
    [
        # plain
        ("系统宕机,全公司无法使用", {"宕机", "无法使用"}),
        ("今天天气很好", set()),
        ("", set()),
        # denied in the same clause
        ("请问没有宕机吧", set()),
        ("目前没有发生宕机", set()),
        ("不需要退款", set()),
        ("not down for everyone", set()),
        ("it isn't an outage", set()),
        ("It ISN’T an outage.", set()),
        ("there is no outage and never a refund", set()),
        # a negator in another clause, or after the keyword
        ("系统宕机,没有人处理", {"宕机"}),
        ("系统宕机没有人处理", {"宕机"}),
        ("没有解决,系统又宕机了", {"宕机"}),
        ("没有。宕机", {"宕机"}),
        ("没有;宕机", {"宕机"}),
        ("没有!宕机", {"宕机"}),
        ("没有\n宕机", {"宕机"}),
        ("没有\r\n宕机", {"宕机"}),
        ("没有……宕机", {"宕机"}),
        ("没有宕机,但是无法使用", {"无法使用"}),
        ("没有宕机但是无法使用", {"无法使用"}),
        ("not slow but down", {"down"}),
        ("no butter, no outage", set()),
        ("no butter outage", set()),  # "but" inside a word ends no clause
        ("It is not slow. There is an outage", {"outage"}),
        # a mark inside a number or a name ends no clause
        ("no 1,000 outages", set()),
        ("not on shop.example.test, an outage", {"outage"}),
        ("not on shop.example.test an outage", set()),
        ("没有2.5小时的宕机", set()),
        # questions and other phrases that contain a negator without denying
        ("是不是宕机了", {"宕机"}),
        ("能不能退款", {"退款"}),
        ("可不可以退款", {"退款"}),
        ("有没有宕机", {"宕机"}),
        ("不得不要求退款", {"退款"}),
        ("没想到宕机了", {"宕机"}),
        ("不好意思我要退款", {"退款"}),
        ("not only an outage", {"outage"}),
        ("是不是没有宕机", set()),
        # a negator that is part of a keyword
        ("无法使用", {"无法使用"}),
        ("无法使用,需要退款", {"无法使用", "退款"}),
        ("无法使用需要退款", {"无法使用", "退款"}),
        ("使用", {"使用"}),
        ("it is not working, refund", {"not working", "Refund"}),
        ("not working outage", {"not working", "outage"}),
        ("it is working", {"working"}),
        ("没有出现无法使用", set()),
        # told to be over
        ("宕机已解决", set()),
        ("宕机现在已恢复", set()),
        ("the outage is resolved, thanks", set()),
        ("宕机,已解决", {"宕机"}),
        ("已解决的宕机", {"宕机"}),
        ("the outage is not fixed", {"outage"}),
        ("this outage must be fixed", {"outage"}),
        # once affirmed is affirmed
        ("没有宕机。又宕机了", {"宕机"}),
        ("又宕机了。现在没有宕机", {"宕机"}),
        # words
        ("start the party", set()),
        ("state of the art.", {"art"}),
        ("宕机outage了", {"宕机", "outage"}),
        ("several OUTAGES", {"outage"}),
        ("the outage's cause", {"outage"}),
        ("two bugs", {"bug"}),
        ("outageous", set()),
        ("busesbug", set()),
        ("downés", set()),
        ("mydown", set()),
        ("C++ is hard", {"C++"}),
        ("ｏｕｔａｇｅ　ＲＥＦＵＮＤ", {"outage", "Refund"}),
        ("down \t for\u00a0everyone", {"down for everyone", "down"}),
        ("宕\u200b机", {"宕机"}),
    ],
)
def test_a_keyword_counts_where_the_text_affirms_it(text: str, affirmed: set[str]) -> None:
    assert INDEX.find(text) == affirmed


def test_mentions_tell_denied_keywords_from_absent_ones() -> None:
    assert INDEX.mentions("没有宕机,但是无法使用") == {"宕机": False, "无法使用": True, "使用": False}
    assert INDEX.mentions("今天天气很好") == {}


def test_keywords_that_differ_only_in_width_or_case_are_found_together_as_given() -> None:
    index = KeywordIndex(["Outage", "ＯＵＴＡＧＥ", "outage", "outage"], NEGATION)
    assert index.mentions("an outage") == {"Outage": True, "ＯＵＴＡＧＥ": True, "outage": True}


def test_a_short_latin_keyword_has_no_plural() -> None:
    assert KeywordIndex(["it", "a1"], NEGATION).find("its a1s") == frozenset()
    assert KeywordIndex(["5xx"], NEGATION).find("many 5xxs") == frozenset()


def test_a_resolved_word_inside_a_keyword_denies_nothing() -> None:
    index = KeywordIndex(["宕机", "已解决方案"], NEGATION)
    assert index.find("宕机的已解决方案") == {"宕机", "已解决方案"}


def test_without_any_negation_every_mention_is_affirmed() -> None:
    plain = KeywordIndex(["宕机"], Negation(negators=(), transparent=(), clause_breaks="", resolved=()))
    assert plain.find("没有宕机,已解决") == {"宕机"}
    assert KeywordIndex([], NEGATION).find("宕机") == frozenset()


def test_clause_breaks_may_be_one_string_of_marks() -> None:
    index = KeywordIndex(["宕机"], Negation(("没有",), (), "。，\u200b\n", ()))
    assert index.find("没有，宕机") == {"宕机"}
    assert index.find("没有宕机") == frozenset()


@pytest.mark.parametrize("keyword", ["", " ", "\u200b", "\n"])
def test_a_keyword_in_which_nothing_is_visible_is_refused(keyword: str) -> None:
    with pytest.raises(ValueError, match="at least one visible character"):
        KeywordIndex([keyword], NEGATION)
    with pytest.raises(ValueError, match="at least one visible character"):
        KeywordIndex([], Negation((keyword,), (), "", ()))


def affirmed_by_definition(text: str, keyword: str) -> bool:
    """The rule as its words say it, tried on every pair of places; for keywords that neither contain a cue nor each other."""

    def occurrences(phrase: str) -> list[tuple[int, int]]:
        return [(at, at + len(phrase)) for at in range(len(text)) if text.startswith(phrase, at)]

    def within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
        return outer[0] <= inner[0] and inner[1] <= outer[1]

    def same_clause(start: int, end: int) -> bool:
        return not any(mark in text[start:end] for mark in "。,")

    masks = [place for phrase in ("是不是", "没想到") for place in occurrences(phrase)]
    negators = [place for phrase in ("没有", "不") for place in occurrences(phrase) if not any(within(place, m) for m in masks)]

    def denied_by_negator(start: int) -> bool:
        return any(end <= start and same_clause(end, start) for _, end in negators)

    resolved = [start for start, _ in occurrences("已解决") if not denied_by_negator(start)]
    return any(
        not denied_by_negator(start) and not any(end <= over and same_clause(end, over) for over in resolved)
        for start, end in occurrences(keyword)
    )


@given(
    st.lists(st.sampled_from(["宕机", "退款", "没有", "不", "是不是", "没想到", "已解决", "。", ",", "系统", "是", "没"]), max_size=14).map(
        "".join
    )
)
def test_the_index_equals_the_rule_tried_on_every_pair_of_places(text: str) -> None:
    index = KeywordIndex(["宕机", "退款"], Negation(("没有", "不"), ("是不是", "没想到"), "。,", ("已解决",)))
    assert index.find(text) == {word for word in ("宕机", "退款") if affirmed_by_definition(text, word)}


@given(any_text | shaped_text)
def test_any_text_is_read_and_only_what_occurs_is_mentioned(text: str) -> None:
    mentions = INDEX.mentions(text)
    assert all(normalise(keyword) in normalise(text) for keyword in mentions)
    assert INDEX.find(text) == {keyword for keyword, affirmed in mentions.items() if affirmed}


@given(shaped_text)
def test_width_and_case_make_no_difference(text: str) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text.upper())
    assert INDEX.mentions(wide) == INDEX.mentions(text)


def seconds(text: str) -> float:
    begun = process_time()
    INDEX.mentions(text)
    return process_time() - begun


@pytest.mark.parametrize(
    "unit",
    [
        "宕机",
        "没有",
        "没有宕机",
        "没有,",
        "宕机已解决",
        "是不是",
        "a\u0315\u0316",
        "\u0316\u0315",
        "\ufdfa",
        ".",
        "not ",
        "e",
        " \t",
        "\u200b",
    ],
    ids=ascii,
)
def test_reading_takes_linear_time(unit: str) -> None:
    count = 40_000 // len(normalise(unit) or unit)
    small = min(seconds("宕机" + unit * (count // 8)) for _ in range(3))
    large = min(seconds("宕机" + unit * count) for _ in range(3))
    assert large < 8 * small * 4 + 0.05


def test_marks_in_the_worst_order_take_linear_time() -> None:
    assert seconds("宕机a" + "\u0315" * 100_000 + "\u0316" * 100_000) < 2
