"""What the forms are filled with from a real store, and for whom."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.analysis.forms.collect import collect_follow_up, collect_plan, collect_questionnaire, collect_service_record
from engine.analysis.forms.model import ContactDetail, FollowUpForm, PlanForm, Questionnaire, Score, ServiceRecord
from engine.analysis.learned import measures_of, outcome_of, verdicts_on
from engine.core.compiled import Policy
from engine.core.contacts import from_text
from engine.core.improvements import Aim, Evidence, Improvement, Measured, Outcome
from engine.core.signals import StepDraft, TicketRequested
from engine.errors import NotFound, UsageError
from engine.runtime.followups import FollowUpView
from tests.analysis.conftest import ZONE, Centre


def record(centre: Centre, number: str, language: str = "zh", may_see_score: bool = False) -> ServiceRecord:
    with centre.store.read() as reader:
        return collect_service_record(reader, number, centre.policy, centre.team, language, ZONE, may_see_score)


def plan(centre: Centre, number: str) -> PlanForm:
    with centre.store.read() as reader:
        return collect_plan(reader, number, centre.policy, centre.team, "zh", ZONE)


def follow_up(centre: Centre, number: str, view: FollowUpView | None = None) -> FollowUpForm:
    with centre.store.read() as reader:
        return collect_follow_up(reader, number, centre.policy, centre.team, "zh", ZONE, view)


def what_the_role_sees(centre: Centre, number: str) -> FollowUpView:
    with centre.store.read() as reader:
        link = reader.link(number)
        assert link is not None
        answer = next(row for row in reader.answers() if row.id == link.answer)
        contact = from_text(reader.contents([link.contact or ""])[link.contact or ""])
    return FollowUpView(number, link.ticket, link.customer, contact, answer)


@pytest.fixture
def unhappy(centre: Centre) -> str:
    """A ticket whose customer was surveyed and was not content."""
    number = centre.write("空调坏了,要求维修", subject="维修")
    centre.solve(number)
    centre.answer(number, "5 4 2 师傅没带配件")
    return number


def test_a_service_record_says_who_what_and_how_far(centre: Centre) -> None:
    number = centre.write("空调坏了,要求维修", subject="维修")
    got = record(centre, number)
    assert (got.number, got.company, got.customer) == (number, "明远科技", centre.ticket(number).customer)
    assert (got.contact_person, got.contact_details) == ("王建国", (ContactDetail("email", "wang@example.test"),))
    assert (got.kind, got.description, got.urgency) == ("after_sales", "维修\n空调坏了,要求维修", "二级(重要)")
    assert got.handler in {agent.name for agent in centre.team.agents.values()}
    assert (got.state, got.feedback_at, got.score.state) == ("new", None, "not_sent")


def test_the_feedback_time_is_when_the_result_went_out(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.act(number, "contact", "已联系")
    centre.later(minutes=30)
    centre.act(number, "resolve", "已修好")
    assert record(centre, number, "en").feedback_at == centre.now
    assert record(centre, number, "en").urgency == "important"


def test_a_ticket_nobody_holds_has_no_handler(centre: Centre) -> None:
    centre.now += timedelta(hours=12)  # at night nobody of the front desk is there
    got = record(centre, centre.write("请问几点营业"))
    assert got.handler == ""


def test_an_awaited_and_an_expired_survey_are_told_apart(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.solve(number)
    assert record(centre, number).score.state == "not_sent"
    centre.later(hours=25)
    assert record(centre, number).score.state == "awaited"
    centre.later(days=8)
    assert record(centre, number).score.state == "expired"


def test_without_the_role_no_score_is_read(centre: Centre, unhappy: str) -> None:
    got = record(centre, unhappy).score
    assert (got.state, got.scores, got.follow_up) == ("answered", (), None)


def test_with_the_role_the_score_and_the_follow_up_it_came_from_are_named(centre: Centre, unhappy: str) -> None:
    got = record(centre, unhappy, may_see_score=True).score
    assert got.scores == (
        Score("您对本次服务响应速度的评价", 5, "非常快"),
        Score("您对客服人员沟通态度的评价", 4, "较好"),
        Score("您对问题解决效果的评价", 2, "部分解决"),
    )
    assert got.follow_up == centre.follow_up()


def test_a_score_without_a_follow_up_cannot_be_reached_by_anybody(centre: Centre) -> None:
    number = centre.write("空调坏了")
    centre.solve(number)
    centre.answer(number, "5 5 5")
    got = record(centre, number, may_see_score=True).score
    assert (got.state, got.scores, got.follow_up) == ("answered", (), None)


def test_once_the_follow_up_is_over_the_score_is_out_of_reach(centre: Centre, unhappy: str) -> None:
    centre.act(centre.follow_up(), "resolve", "已致歉", actor="li")
    assert record(centre, unhappy, may_see_score=True).score.scores == ()


def questionnaire(centre: Centre, number: str, policy: Policy) -> Questionnaire:
    with centre.store.read() as reader:
        return collect_questionnaire(reader, number, policy, "en", ZONE)


def test_a_questionnaire_asks_what_goes_out_after_closure(centre: Centre) -> None:
    got = questionnaire(centre, centre.write("空调坏了"), centre.policy)
    assert got.intro.startswith("Thank you for your trust.")
    assert got.questions == (
        "How fast was our response?\n□ 1 very slow   □ 2 slow   □ 3 fair   □ 4 fast   □ 5 very fast",
        "How was our attitude?\n□ 1 very bad   □ 2 bad   □ 3 fair   □ 4 good   □ 5 very good",
        "How well was your problem solved?\n"
        "□ 1 not solved   □ 2 partly solved   □ 3 mostly solved   □ 4 well solved   □ 5 completely solved",
        "Any other suggestion?\n",
    )


def test_a_questionnaire_is_that_of_the_survey_that_was_sent(centre: Centre, unhappy: str) -> None:
    after_closure, relationship = centre.policy.surveys
    sent_last = replace(centre.policy, surveys=(replace(after_closure, id="another", intro={"en": "Another"}), after_closure))
    assert questionnaire(centre, unhappy, sent_last).intro.startswith("Thank you for your trust.")
    assert questionnaire(centre, centre.write("空调坏了"), sent_last).intro == "Another"
    with pytest.raises(NotFound, match=r"survey\.yaml has no questionnaire"):
        questionnaire(centre, unhappy, replace(centre.policy, surveys=(relationship,)))


def test_points_are_scores_with_their_labels_or_options_by_letter(centre: Centre) -> None:
    *_, recommend, matters, words = centre.policy.surveys[1].questions
    assert centre.policy.points(recommend, "zh") == tuple((str(score), "") for score in range(11))
    assert centre.policy.points(matters, "zh") == (("A", "响应更快"), ("B", "价格更低"), ("C", "质量更好"))
    assert centre.policy.points(words, "zh") == ()


def test_a_plan_has_its_points_with_names_and_what_was_done(centre: Centre) -> None:
    number = centre.write("空调坏了,要求维修")
    due = centre.now + timedelta(hours=3)
    centre.act(number, "plan", "更换压缩机", steps=(StepDraft("备件", "sun", due), StepDraft("上门", "外包师傅", due)))
    centre.later(minutes=20)
    centre.act(number, "done", target="1")
    got = plan(centre, number)
    assert got.what == "更换压缩机"
    assert got.who == centre.team.agents[centre.ticket(number).assignee or ""].name
    assert [(point.what, point.who, point.due, point.done_at) for point in got.points] == [
        ("备件", "孙莉", due, centre.now),
        ("上门", "外包师傅", due, None),
    ]


def test_a_plan_says_what_was_granted_and_what_waits_for_an_approval(centre: Centre) -> None:
    number = centre.write("我要投诉送货员")
    centre.act(number, "plan", "补偿并致歉")
    assert plan(centre, number).concessions == ""
    centre.act(number, "compensate", "迟到", "wang", amount=Decimal(50))
    centre.act(number, "except", "住院", "wang", target="late_return")
    [approval] = centre.ticket(number).approvals
    assert plan(centre, number).concessions == f"补偿 50 CNY\n超期退货 (待审批, {approval})"
    centre.act(approval, "grant", "", "zhou")
    centre.act(number, "compensate", "又迟到", "wang", amount=Decimal("500.50"))
    [second] = centre.ticket(number).approvals
    centre.act(second, "grant", "", "zhou")
    assert plan(centre, number).concessions == f"补偿 50 CNY\n超期退货 (审批 周静, {approval})\n补偿 500.50 CNY (审批 周静, {second})"


def test_a_ticket_without_a_plan_says_how_to_record_one(centre: Centre) -> None:
    number = centre.write("空调坏了")
    with pytest.raises(NotFound, match=f"ticket {number} has no solution plan yet; record one with `engine ticket plan {number}`"):
        plan(centre, number)


def test_a_ticket_that_is_not_there_is_named(centre: Centre) -> None:
    with pytest.raises(NotFound, match="there is no ticket 202603040099"):
        record(centre, "202603040099")


def test_an_answer_that_was_erased_leaves_no_scores(centre: Centre, unhappy: str) -> None:
    number = centre.follow_up()
    view = replace(what_the_role_sees(centre, number), answer=None)
    disclosed = follow_up(centre, number, view).disclosed
    assert disclosed is not None
    assert (disclosed.scores, disclosed.feedback) == ((), "")


def test_a_question_the_policy_no_longer_has_is_told_by_its_id(centre: Centre, unhappy: str) -> None:
    number = centre.follow_up()
    view = what_the_role_sees(centre, number)
    assert view.answer is not None
    old = replace(view.answer, scores={"price": 1, "speed": 9})
    disclosed = follow_up(centre, number, replace(view, answer=old)).disclosed
    assert disclosed is not None
    assert disclosed.scores == (Score("您对本次服务响应速度的评价", 9, ""), Score("price", 1, ""))


def test_a_follow_up_form_names_nobody_without_the_role(centre: Centre, unhappy: str) -> None:
    number = centre.follow_up()
    centre.act(number, "contact", "客户说配件没带", actor="li")
    got = follow_up(centre, number)
    assert got.disclosed is None
    assert "配件" not in repr(got)
    assert unhappy not in repr(got)


def test_a_follow_up_form_is_whole_for_the_role(centre: Centre, unhappy: str) -> None:
    number = centre.follow_up()
    view = what_the_role_sees(centre, number)
    centre.act(number, "contact", "第二次上门才修好", actor="li")
    centre.act(number, "plan", "补偿一个月服务费", actor="li")
    centre.act(number, "note", "派单前核对配件清单", actor="li")
    centre.act(number, "task", "修订备件手册", actor="li", target="chen", due=centre.now + timedelta(days=2))
    task = centre.ticket(number).tasks[0]
    centre.act(task, "resolve", "手册 3.2 已发布", actor="chen")
    centre.act(number, "resolve", "客户表示满意", actor="li")
    got = follow_up(centre, number, view)
    assert got.disclosed is not None
    assert (got.disclosed.ticket, got.disclosed.contact_person) == (unhappy, "王建国")
    assert got.disclosed.problem == "维修\n空调坏了,要求维修"
    assert got.disclosed.scores[2] == Score("您对问题解决效果的评价", 2, "部分解决")
    assert got.disclosed.feedback == "师傅没带配件\n第二次上门才修好"
    assert (got.plan, got.carried_out_by) == ("补偿一个月服务费", "李强")
    assert got.measure == f"{task} 修订备件手册 (陈涛)\n派单前核对配件清单"
    assert got.verified == "手册 3.2 已发布\n客户表示满意"
    assert (got.finished, got.finished_at) == (True, centre.now)


def test_a_follow_up_that_nobody_holds_was_carried_out_by_whoever_spoke_with_the_customer(centre: Centre) -> None:
    number = centre.write("空调坏了,要求维修")
    centre.later(days=2)
    centre.solve(number)
    centre.answer(number, "5 4 2")  # on a Saturday
    assert centre.ticket(centre.follow_up()).assignee is None
    assert follow_up(centre, centre.follow_up()).carried_out_by == ""
    centre.act(centre.follow_up(), "contact", "已致歉", actor="li")
    assert follow_up(centre, centre.follow_up()).carried_out_by == "李强"


def test_a_follow_up_form_names_what_was_learned_and_whether_it_worked(centre: Centre, unhappy: str) -> None:
    number = centre.follow_up()
    view = what_the_role_sees(centre, number)
    said = Outcome("process", ("没带配件", "派单不写型号"), "免费换件", "这次很快", True)
    centre.act(number, "outcome", actor="li", outcome=said)
    aim = Aim("needs_met", (centre.now - timedelta(days=9), centre.now), (centre.now, centre.now + timedelta(days=9)))
    plan = Improvement("handbook", (number, "weekly-weak-spots"), aim)
    opened = centre.handle(TicketRequested("improvement", "after_sales", "派单写明型号", "email", "zh", assignee="chen", improvement=plan))
    measure = opened.ticket
    assert measure is not None
    got = follow_up(centre, number, view)
    assert got.cause == "流程\n没带配件\n派单不写型号"
    assert got.measure == f"免费换件\n{measure} 派单写明型号 (陈涛)"
    assert got.verified == "客户现已满意"
    assert got.disclosed is not None
    assert got.disclosed.feedback == "师傅没带配件\n这次很快"
    centre.later(days=9)
    centre.act(measure, "verify", actor="zhou", evidence=Evidence(aim, Measured(90, 0.5), Measured(90, 0.8), (0.1, 0.5)))
    assert follow_up(centre, number, view).verified == f"客户现已满意\n{measure} 已见改善"
    with centre.store.read() as reader:
        assert outcome_of(reader, number) == said
        assert [(one.verdict, one.by) for one in verdicts_on(reader, measure)] == [("improved", "zhou")]
        assert measures_of(reader, unhappy) == []


def test_an_open_follow_up_is_due_on_its_clock(centre: Centre, unhappy: str) -> None:
    number = centre.follow_up()
    got = follow_up(centre, number)
    assert (got.finished, got.finished_at) == (False, centre.ticket(number).deadlines["follow_up"].due)


def test_only_follow_ups_have_a_follow_up_form(centre: Centre) -> None:
    number = centre.write("空调坏了")
    with pytest.raises(UsageError, match=f"ticket {number} is of kind after_sales: this form is for tickets of kind follow_up"):
        follow_up(centre, number)
