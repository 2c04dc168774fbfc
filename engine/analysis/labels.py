"""The words on forms and reports, in Chinese and English. What the policy names (tiers, queues, deadlines) has its labels there."""

from collections.abc import Mapping
from types import MappingProxyType

LANGUAGES = ("zh", "en")
"""The languages of this catalogue; the first is also used for its variants (zh-TW), the second for every other."""

_WORDS = """
kind.inquiry            | 咨询 | inquiry
kind.complaint          | 投诉 | complaint
kind.after_sales        | 售后服务 | after-sales service
kind.suggestion         | 建议 | suggestion
kind.care               | 客户关怀 | customer care
kind.incident           | 服务事故 | service incident
kind.call_back          | 回拨 | call back
kind.task               | 协办任务 | task
kind.follow_up          | 低分回访 | follow-up
state.new               | 新建 | new
state.in_progress       | 处理中 | in progress
state.waiting_customer  | 等待客户 | waiting for customer
state.on_hold           | 搁置 | on hold
state.resolved          | 待客户确认 | awaiting confirmation
state.confirmed         | 已解决,客户已确认 | resolved, customer confirmed
state.unconfirmed       | 已关闭(未确认) | closed, unconfirmed
state.closed            | 已关闭 | closed
channel.email           | 电子邮件 | e-mail
channel.sms             | 短信 | SMS
channel.phone           | 电话 | phone
channel.phone_log       | 电话 | phone
channel.chat            | 在线客服 | chat
channel.app             | App | app
channel.web             | 网页表单 | web form
survey.not_sent         | 未发送调查 | no survey was sent
survey.awaited          | 已发送,尚未回复 | sent, no answer yet
survey.answered         | 已回复 | an answer came
survey.expired          | 未回复 | no answer came
form.service_record     | 客户服务记录表 | Service record
form.plan               | 解决方案单 | Solution plan
form.follow_up          | 闭环跟进表 | Closed-loop follow-up
form.form               | 表 | Form
field.number            | 工单号 | Ticket
field.customer          | 客户编号 | Customer id
field.contact_person    | 联系人 | Contact person
field.contact_details   | 联系方式 | Contact details
field.kind              | 需求类型 | Kind
field.description       | 问题描述 | Description
field.urgency           | 紧急程度 | Urgency
field.handler           | 处理人 | Handler
field.state             | 处理状态 | State
field.feedback_at       | 反馈时间 | Feedback time
field.score             | 满意度评分 | Score
field.what              | 方案内容 | What
field.who               | 负责人 | Who
field.points            | 完成节点 | Completion points
field.point             | 节点 | Point
field.due               | 计划完成 | Due
field.done              | 实际完成 | Done
field.problem           | 问题 | Problem
field.plan              | 解决方案 | Solution plan
field.carried_out_by    | 执行人 | Carried out by
field.finished_at       | 完成时间 | Finish time
field.feedback          | 客户反馈 | Customer feedback
field.measure           | 改进措施 | Improvement measure
field.verified          | 验证结果 | Verified result
form.confidential       | 保密:仅限有回访权限的人员查看 | confidential: for the follow-up role only
form.planned            | 计划 | planned
report.title            | 服务日报 | Service summary
report.opened           | 客户需求 | Customers' needs
report.own_work         | 内部工单 | of our own
report.kept             | 承诺兑现率 | Promises kept
report.promises         | 承诺兑现 | Promises
report.of_promises      | 兑现 / 到期 | kept / due
report.response         | 按时首次响应 | First response in time
report.mean_response    | 平均首次响应 | Mean first response
report.real_time        | 自然时间 | real time
report.confirmed        | 客户已确认 | Confirmed
report.unconfirmed      | 未确认关闭 | unconfirmed
report.closed_by_person | 人工关闭 | closed by a person
report.objections       | 客户异议 | Objections
report.reopened         | 重新打开 | reopened
report.surveys          | 满意度调查 | Surveys
report.surveys_of       | 回复 / 发送 | answered / sent
report.follow_ups       | 低分回访 | Follow-ups
report.open             | 未结 | open
report.done             | 已完成 | closed
report.by_channel       | 渠道 | Channels
report.by_kind          | 需求类型 | Kinds
report.by_tier          | 紧急程度 | Tiers
report.by_state         | 状态 | States
report.intake           | 受理情况 | What came in
report.hours            | 各时段受理量 | Hours of the day
report.busiest          | 高峰 | busiest
report.met              | 兑现 | kept
report.breached         | 违约 | broken
report.deadline         | 时限 | Deadline
report.tier             | 紧急程度 | Tier
report.scores           | 评分分布 | Scores
report.scores_of        | 评价所属月份 | Answers of
report.suppressed       | 回答不足 5 份,为保护隐私不显示 | fewer than 5 answers: not shown, to protect who gave them
report.no_answers       | 尚无评价 | no answers yet
report.mean             | 平均 | mean
report.load             | 工作量 | Load
report.queue            | 队列 | Queue
report.agent            | 处理人 | Agent
report.assigned_new     | 新增 | opened
report.ended            | 办结 | ended
report.still_open       | 在办 | open now
report.overdue          | 超时 | overdue
report.breaches         | 违约明细 | Broken promises
report.none_breached    | 本期没有违约 | no promise was broken
report.late_by          | 超时时长 | Late by
report.still_late       | 仍未完成 | still open
report.due              | 应完成 | Due
report.tickets          | 工单明细 | Tickets
report.no_tickets       | 本期没有工单 | no tickets in this period
report.ticket           | 工单 | Ticket
report.opened_at        | 受理时间 | Opened
report.kind             | 类型 | Kind
report.state            | 状态 | State
report.clocks           | 时限 | Clocks
report.more             | 另有未列出 | not listed
report.none             | 无 | none
clock.met               | 兑现 | kept
clock.breached          | 违约 | broken
clock.open              | 计时中 | running
clock.paused            | 暂停 | paused
"""


def _catalogue() -> Mapping[str, Mapping[str, str]]:
    rows = (line.split("|") for line in _WORDS.strip().splitlines())
    return MappingProxyType({key.strip(): {"zh": zh.strip(), "en": en.strip()} for key, zh, en in rows})


CATALOGUE = _catalogue()
"""Key → language → words."""


def base_language(language: str) -> str:
    """Return the catalogue's language that serves `language` best."""
    return LANGUAGES[0] if language.partition("-")[0].lower() == LANGUAGES[0] else LANGUAGES[1]


def label(key: str, language: str) -> str:
    """Return the words for a key; a key that is not in the catalogue (a channel named in engine.yaml) stands for itself."""
    words = CATALOGUE.get(key)
    return words[base_language(language)] if words else key.partition(".")[2] or key
