"""What customers suggest: counted by subject and word, quoted without anything that tells who wrote it, and nothing of a few."""

from itertools import combinations

import pytest
import rjieba
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.kpi.answers import ALWAYS, SMALLEST_GROUP, Months
from engine.analysis.kpi.suggestions import LONGEST_QUOTE, Said, masking, people, shown, suggestions
from engine.core.kpis import Subject
from engine.store import AnswerRow, CustomerRow, open_store
from tests.docs.markdown import blocks
from tests.store.samples import NOW
from tests.support.repository import ROOT

EXAMPLES = [example for block in blocks(ROOT / "docs" / "kpis.md") if "subjects" in (example := yaml.safe_load(block.text))]
PRICE, SPEED = Subject("price", {"zh": "价格", "en": "price"}, ("价格", "price")), Subject("speed", {"en": "speed"}, ("slow",))
MONTHS = [f"2026-{month:02}" for month in range(1, 7)]
COUNTS = st.dictionaries(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(MONTHS)), st.integers(0, 9))
NAMES = ("周女士", "王芳", "Anna Smith", "李", " ", "Straße 12", "The Coffee House")
MASK = masking(NAMES)


def rows(counts: dict[tuple[str, str], int], text: str = "价格太高") -> list[AnswerRow]:
    return [AnswerRow(f"{survey}{month}.{n}", survey, month, {}, text) for (survey, month), count in counts.items() for n in range(count)]


def said(*texts: str, names: tuple[str, ...] = (), months: Months = ALWAYS) -> tuple[tuple[Said, ...], tuple[Said, ...]]:
    """What comes of texts that five people each wrote in one month."""
    answers = [AnswerRow(f"{place:03}.{n}", "s", "2026-01", {}, text) for place, text in enumerate(texts) for n in range(5)]
    found = suggestions(answers, [PRICE, SPEED], ["the"], names, months, rjieba.cut)
    return found.subjects, found.words


def test_a_subject_counts_answers_in_any_case_width_and_number_once_each() -> None:
    (price, speed), _ = said("价格太高,价格!", "ＰＲＩＣＥ", "fair prices", "slow")
    assert (price.name, price.count, speed.count) == ("price", 15, 5)


def test_other_words_are_the_most_frequent_ones_that_are_no_subject_and_not_ignored() -> None:
    _, words = said("the parking lot, parking", "希望有停车位", "停车位和价格", "ok it is")
    assert [(one.name, one.count) for one in words] == [("停车位", 10), ("lot", 5), ("parking", 5), ("希望", 5)]


def test_without_a_segmenter_no_chinese_word_is_counted() -> None:
    found = suggestions(rows({("s", "2026-01"): 9}, "停车位 parking"), [PRICE], [], [], ALWAYS, None)
    assert [(one.name, one.count) for one in found.words] == [("parking", 9)]


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("请打１３８ 1234-5678给周女士", "请打‹number›给‹name›"),
        ("ANNA SMITH, a.smith@customer.test", "‹name›, ‹email›"),
        ("anna wrote order AB12345 for smith", "‹name› wrote order ‹code› for ‹name›"),
        ("联系我：张三@邮箱.test，谢谢", "联系我:‹email›,谢谢"),
        ("号码一三八零零一三八零零零", "号码‹number›"),
        ("票号202603040001", "票号‹number›"),
        ("Smithsonian prices of 1999 in 5G", "Smithsonian prices of 1999 in 5G"),
        ("王芳服务好", "‹name›服务好"),
        ("a coffee in the house", "a ‹name› in the ‹name›"),
        ("on STRASSE 12", ""),
    ],
)
def test_a_quote_tells_nobody_who_wrote_it(text: str, quote: str) -> None:
    assert MASK(text) == quote


@given(
    st.text(max_size=40), st.text(max_size=40), st.sampled_from([*NAMES[:3], "a.b@c.test", "13812345678", "+86 138-1234-5678", "AB-12345"])
)
def test_nothing_that_tells_who_somebody_is_comes_through_whatever_stands_around_it(before: str, after: str, private: str) -> None:
    assert private not in MASK(f"{before} {private} {after}")


def test_quotes_are_a_few_different_short_ones() -> None:
    (price, _), _ = said(*(f"价格{n}{'好' * 300}" for n in range(5)), "价格太高", "价格太高")
    assert len(price.quotes) == 3 == len(set(price.quotes))
    assert all(len(quote) <= LONGEST_QUOTE for quote in price.quotes)


def test_a_name_is_no_frequent_word() -> None:
    _, words = said("Anna helped, 王芳很好", names=NAMES)
    assert {one.name for one in words}.isdisjoint({"anna", "王芳", "name"})


def test_nothing_is_shown_of_four() -> None:
    found = suggestions(rows({("s", "2026-01"): 4}, "price parking"), [PRICE], [], [], ALWAYS, None)
    assert (found.subjects, found.words) == ((Said("price", 0),), ())


def count(counts: dict[tuple[str, str], int], survey: str | None, months: Months) -> int:
    return len(shown([one for one in rows(counts) if survey in (None, one.survey)], months))


@given(COUNTS)
def test_no_difference_of_periods_or_surveys_tells_of_fewer_than_five(counts: dict[tuple[str, str], int]) -> None:
    """Of one survey or of both, of any period: two counts differ by nothing, or by what is at least five both ways."""
    periods = [(first, last) for first in MONTHS for last in MONTHS if first <= last]
    asked = {
        frozenset(one.id for one in shown([row for row in rows(counts) if survey in (None, row.survey)], months))
        for survey in (None, "a", "b")
        for months in periods
    }
    for some, others in combinations(asked, 2):
        for only in (some - others, others - some):
            assert not only or len(only) >= SMALLEST_GROUP


@given(COUNTS)
def test_no_more_than_four_of_a_survey_are_left_out_of_all_there_are(counts: dict[tuple[str, str], int]) -> None:
    for survey in ("a", "b"):
        everything = sum(number for (name, _), number in counts.items() if name == survey)
        assert everything - count(counts, survey, ALWAYS) < SMALLEST_GROUP


@pytest.mark.parametrize("example", EXAMPLES, ids=["suggestions"])
def test_the_example_of_the_manual_is_worked_by_hand(example) -> None:
    subjects = [Subject(name, {}, tuple(keywords)) for name, keywords in example["subjects"].items()]
    answers = [
        AnswerRow(f"{place}.{n}", "s", entry["month"], {}, entry["words"])
        for place, entry in enumerate(example["answers"])
        for n in range(entry["times"])
    ]
    assert {one.name: one.count for one in suggestions(answers, subjects, [], [], ALWAYS, None).subjects} == example["counts"]


def test_the_names_of_all_customers_are_known() -> None:
    store = open_store("sqlite://:memory:")
    with store.write() as tx:
        for number in range(3):
            tx.add_customer(CustomerRow(f"C{number}", f"name {number}", None, None, NOW))
        assert list(people(tx)) == ["name 0", "name 1", "name 2"]
    store.close()
