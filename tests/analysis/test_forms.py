"""The printed forms: what stands on them, in which language, and that no text can do anything there but be read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.forms import to_html, to_xlsx, write_form
from engine.analysis.forms.model import (
    CompletionPoint,
    ContactDetail,
    Disclosure,
    FollowUpForm,
    Form,
    PlanForm,
    Questionnaire,
    Score,
    ServiceRecord,
    SurveyResult,
)
from engine.analysis.texts import printable
from engine.errors import UsageError
from tests.analysis.markup import Book, Page
from tests.support.counts import scaled

NOON = datetime(2024, 5, 12, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
FRAME = {"number": "202405120001", "company": "明远科技", "language": "zh", "timezone": "Asia/Shanghai"}
SCORES = (Score("响应速度", 2, "较慢"), Score("沟通态度", 5, "非常好"))
RECORD = ServiceRecord(
    **FRAME,
    customer="17",
    contact_person="王建国",
    contact_details=(ContactDetail("email", "wang@example.test"), ContactDetail("sms", "+8613900000001")),
    kind="complaint",
    description="报表打不开",
    urgency="二级(重要)",
    handler="钱伟",
    state="confirmed",
    feedback_at=NOON,
    score=SurveyResult("answered"),
)
PLAN = PlanForm(
    **FRAME,
    what="回滚到上一版本",
    who="钱伟",
    concessions="补偿 300 CNY (审批 周静, 202405110007)\n免除费用",
    points=(CompletionPoint("回滚", "吴昊", NOON, NOON + timedelta(minutes=20)), CompletionPoint("回归测试", "钱伟", NOON)),
)
FOLLOW_UP = FollowUpForm(
    **FRAME,
    disclosed=Disclosure("202405110009", "王建国", (ContactDetail("sms", "+8613900000001"),), "报表打不开", SCORES, "太慢了"),
    cause="流程\n无人值守",
    plan="说明原因并致歉",
    carried_out_by="李强",
    finished_at=NOON,
    finished=False,
    measure="连接池加告警",
    verified="一周内未再发生",
)
QUESTIONNAIRE = Questionnaire(**FRAME, intro="占用您2分钟", questions=("响应速度\n□ 1 慢   □ 2 快", "其他建议\n"))
FORMS = [RECORD, PLAN, FOLLOW_UP, QUESTIONNAIRE]
HOSTILE = [
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2",
    "@SUM(A1:A9)",
    "https://evil.example/",
    "internal:Sheet1!A1",
    "1e5",
    "_x0041_",
    "😀👩‍👩‍👧‍👦",
    "שלום עולם",
    "&lt;b&gt;",
    "line one\nline two",
]


def filled_with(text: str) -> list[Form]:
    """The four forms with `text` wherever people may write."""
    detail = (ContactDetail(text, text),)
    score = (Score(text, 1, text),)
    return [
        replace(RECORD, company=text, contact_person=text, contact_details=detail, description=text, handler=text, urgency=text),
        replace(PLAN, what=text, who=text, concessions=text, points=(CompletionPoint(text, text, NOON),)),
        replace(FOLLOW_UP, disclosed=Disclosure(text, text, detail, text, score, text), cause=text, plan=text, measure=text, verified=text),
        replace(QUESTIONNAIRE, intro=text, questions=(text,)),
    ]


def test_the_service_record_has_the_fields_of_form_1() -> None:
    assert Page(to_html(RECORD)).fields() == {
        "工单号": "202405120001",
        "客户编号": "17",
        "联系人": "王建国",
        "联系方式": "电子邮件: wang@example.test\n短信: +8613900000001",
        "需求类型": "投诉",
        "紧急程度": "二级(重要)",
        "问题描述": "报表打不开",
        "处理人": "钱伟",
        "处理状态": "已解决,客户已确认",
        "反馈时间": "2024-05-12 12:00",
        "满意度评分": "已回复",
    }


def test_the_questionnaire_has_its_questions_to_tick_and_room_for_words() -> None:
    assert Page(to_html(QUESTIONNAIRE)).fields() == {"致客户": "占用您2分钟", "1": "响应速度\n□ 1 慢   □ 2 快", "2": "其他建议\n"}
    assert "表 2" in to_html(QUESTIONNAIRE)


def test_the_follow_up_has_the_fields_of_form_3() -> None:
    assert Page(to_html(replace(FOLLOW_UP, language="en"))).fields() == {
        "Ticket": "202405120001",
        "Carried out by": "李强",
        "Problem": "202405110009 · 王建国\nSMS: +8613900000001\n报表打不开\n响应速度: 2 (较慢)\n沟通态度: 5 (非常好)",
        "Cause": "流程\n无人值守",
        "Solution plan": "说明原因并致歉",
        "Finish time": "2024-05-12 12:00 (planned)",
        "Customer feedback": "太慢了",
        "Improvement measure": "连接池加告警",
        "Verified result": "一周内未再发生",
    }


def test_the_plan_has_what_who_and_completion_points() -> None:
    cells = Page(to_html(replace(PLAN, language="en"))).cells
    assert cells == [
        *("Ticket", "202405120001", "Who", "钱伟", "What", "回滚到上一版本"),
        *("Compensation and exceptions", "补偿 300 CNY (审批 周静, 202405110007)\n免除费用"),
        *("Who", "Point", "Due", "Done"),
        *("吴昊", "回滚", "2024-05-12 12:00", "2024-05-12 12:20"),
        *("钱伟", "回归测试", "2024-05-12 12:00", ""),
    ]


@pytest.mark.parametrize("form", FORMS, ids=["record", "plan", "follow-up", "questionnaire"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_page_and_workbook_say_the_same(form: Form, language: str) -> None:
    form = replace(form, language=language)
    assert set(Page(to_html(form)).cells) - {""} <= set(Book.read(to_xlsx(form)).cells())


@pytest.mark.parametrize(
    ("state", "words"), [("not_sent", "未发送调查"), ("awaited", "已发送,尚未回复"), ("answered", "已回复"), ("expired", "未回复")]
)
def test_without_the_role_the_score_says_only_whether_an_answer_came(state: str, words: str) -> None:
    assert Page(to_html(replace(RECORD, score=SurveyResult(state)))).fields()["满意度评分"] == words


def test_with_the_role_the_score_is_shown() -> None:
    shown = replace(RECORD, score=SurveyResult("answered", SCORES, "202405130001"))
    assert Page(to_html(shown)).fields()["满意度评分"] == "响应速度: 2 (较慢)\n沟通态度: 5 (非常好)"


def test_what_is_not_disclosed_is_named_as_confidential() -> None:
    fields = Page(to_html(replace(FOLLOW_UP, disclosed=None))).fields()
    assert fields["问题"] == fields["客户反馈"] == "保密:仅限有回访权限的人员查看"


def test_a_finish_time_that_was_reached_is_not_called_planned() -> None:
    assert Page(to_html(replace(FOLLOW_UP, finished=True))).fields()["完成时间"] == "2024-05-12 12:00"


def test_open_fields_stay_empty_for_a_pen() -> None:
    fields = Page(to_html(replace(FOLLOW_UP, finished_at=None, verified=""))).fields()
    assert fields["完成时间"] == fields["验证结果"] == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_ever_read(text: str) -> None:
    for form, plain in zip(filled_with(text), FORMS, strict=True):
        page, harmless = Page(to_html(form)), Page(to_html(replace(plain)))
        assert text in page.text
        assert set(page.tags) <= set(harmless.tags)
        assert not any(name.startswith("on") for name, _ in page.attributes)
        book = Book.read(to_xlsx(form))
        assert any(text in cell for cell in book.cells())
        assert not book.has("f")
        assert not book.has("hyperlink")


@settings(max_examples=scaled(400))  # each example writes four workbooks
@given(text=st.text(st.characters(codec=None, exclude_categories=()), max_size=200))
def test_any_text_gives_a_well_formed_page_and_workbook(text: str) -> None:
    for form in filled_with(text):
        Page(to_html(form)).text.encode()
        assert printable(text) in "".join(Book.read(to_xlsx(form)).cells())


def test_marks_that_turn_the_direction_of_text_are_left_out() -> None:
    assert printable("\u202eexe.gpj\u202c\r\nx\x00\ud800") == "exe.gpj\nx\ufffd\ufffd"


@pytest.mark.parametrize("text", ["长" * 40_000, "word " * 9_000, "a\n" * 500, "=" * 33_000], ids=["wide", "words", "lines", "signs"])
def test_a_very_long_text_is_kept_whole_in_rows_that_print(text: str) -> None:
    book = Book.read(to_xlsx(replace(RECORD, description=text)))
    assert text in "".join(book.cells())
    assert max(book.row_heights()) <= 409
    assert max(map(len, book.cells())) <= 32_767
    assert text in Page(to_html(replace(RECORD, description=text))).text


def test_a_long_cell_of_the_table_goes_on_below() -> None:
    long = "步" * 3_000
    book = Book.read(to_xlsx(replace(PLAN, points=(CompletionPoint(long, "吴昊", NOON),))))
    assert sum(cell.count("步") for cell in book.cells()) == 3_000
    assert max(book.row_heights()) <= 409


def test_a_long_short_field_takes_the_full_width() -> None:
    book = Book.read(to_xlsx(replace(RECORD, contact_person="王" * 600)))
    assert sum(cell.count("王") for cell in book.cells()) == 600


def test_the_workbook_prints_on_one_a4_page_in_width() -> None:
    book = Book.read(to_xlsx(RECORD))
    setup = book.sheet.find("{*}pageSetup")
    assert setup is not None
    assert (setup.get("paperSize"), setup.get("orientation"), setup.get("fitToHeight")) == ("9", "portrait", "0")
    assert not any("vba" in name.lower() or "external" in name.lower() for name in book.names)


def test_the_page_prints_on_a4_and_loads_nothing() -> None:
    page = to_html(RECORD)
    assert "@page { size: A4" in page
    assert not {"script", "link", "img", "iframe"} & set(Page(page).tags)
    assert not any(name in ("src", "href") for name, _ in Page(page).attributes)
    assert "url(" not in page


@pytest.mark.parametrize("form", FORMS, ids=["record", "plan", "follow-up", "questionnaire"])
def test_the_same_form_gives_the_same_bytes(form: Form) -> None:
    assert to_xlsx(form) == to_xlsx(form)


def test_a_file_is_written_as_its_suffix_says(tmp_path: Path) -> None:
    write_form(RECORD, tmp_path / "record.HTML")
    write_form(RECORD, tmp_path / "record.xlsx")
    assert (tmp_path / "record.HTML").read_text(encoding="utf-8") == to_html(RECORD)
    assert (tmp_path / "record.xlsx").read_bytes() == to_xlsx(RECORD)


def test_another_suffix_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"record\.pdf: forms are written as \.html or \.xlsx; name the file record\.html"):
        write_form(RECORD, tmp_path / "record.pdf")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_form_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="Form is no printed form"):
        to_html(Form(**FRAME))
