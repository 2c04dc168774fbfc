"""The words of the commands' output in Chinese and English: one small catalogue, and the policy's own labels."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.analysis.labels import CATALOGUE, label
from engine.core.compiled import Policy
from engine.core.events import Escalated, Event
from engine.core.model import CUSTOMER, SYSTEM
from engine.core.team import Team

_NAMES: Mapping[str, tuple[str, str]] = {
    # calls and impacts
    "inbound": ("来电", "inbound"), "outbound": ("去电", "outbound"), "answered": ("已接通", "answered"),
    "abandoned": ("已放弃", "abandoned"), "no_answer": ("未接", "no answer"), "busy": ("忙", "busy"), "failed": ("失败", "failed"),
    "none": ("无", "none"), "degraded": ("部分受影响", "degraded"), "outage": ("中断", "outage"), "safety": ("人身安全", "safety"),
    # why nothing was sent
    "opted_out": ("已退订", "opted out"), "capped": ("超出自动消息上限", "cap on automatic messages"),
    "unreachable": ("无法联系", "unreachable"), "no_text": ("无文本", "no text"), "not_sampled": ("未抽中", "not sampled"),
    "too_soon": ("间隔不足", "too soon"),
    # messages
    "queued": ("待发", "queued"), "held": ("暂扣", "held"), "sending": ("发送中", "sending"), "sent": ("已发", "sent"),
    "delivered": ("已送达", "delivered"), "dead": ("已搁置", "set aside"), "pending": ("待处理", "pending"), "done": ("已处理", "handled"),
    # headings
    "number": ("编号", "number"), "kind": ("类型", "kind"), "tier": ("等级", "tier"), "state": ("状态", "state"),
    "queue": ("队列", "queue"), "assignee": ("处理人", "assignee"), "due": ("到期", "due"), "left": ("剩余", "left"),
    "subject": ("主题", "subject"), "customer": ("客户", "customer"), "contact": ("联系人", "contact"), "channel": ("渠道", "channel"),
    "opened": ("开单", "opened"), "text": ("描述", "description"), "impact": ("影响", "impact"), "wish": ("诉求", "wish"),
    "expected_by": ("期望时间", "expected by"), "result": ("处理结果", "result"), "parent": ("主工单", "parent"),
    "clocks": ("时限", "Clocks"), "clock": ("时限", "clock"), "used": ("已用", "used"), "plan": ("解决方案", "Plan"),
    "step": ("步骤", "step"), "who": ("执行人", "who"), "tasks": ("协办任务", "Tasks"), "timeline": ("经过", "Timeline"),
    "time": ("时间", "time"), "what": ("事项", "what"), "survey": ("满意度调查", "survey"), "follow-up": ("低分回访", "Follow-up"),
    "about": ("关于工单", "about"), "scores": ("评分", "scores"), "suggestion_text": ("建议", "suggestion"),
    "item": ("条目", "item"), "message": ("消息", "message"), "to": ("收件人", "to"), "script": ("话术", "script"),
    "attempts": ("次数", "attempts"), "error": ("原因", "reason"), "id": ("编号", "id"), "name": ("名称", "name"),
    "segment": ("分类", "segment"), "language": ("语言", "language"), "addresses": ("联系方式", "addresses"), "type": ("种类", "type"),
    "sends": ("可发送", "sends"), "file": ("文件", "file"), "count": ("数量", "count"),
    # states of clocks
    "met": ("已按时完成", "met"), "late": ("超时完成", "met late"), "paused": ("暂停", "paused"), "overdue": ("已超时", "overdue"),
    "running": ("进行中", "running"), "nobody": ("未指派", "nobody"), "system": ("系统", "the system"),
    "left_over": ("还剩{0}", "{0} left"), "over": ("已超{0}", "{0} over"), "awaited": ("等待评价", "answer awaited"),
    "came": ("已收到评价", "an answer came"), "none_came": ("无评价", "no answer"), "scheduled": ("已安排", "scheduled"),
    "confidential": (
        "保密回访:只有具备 follow_up 角色的人员(--as)可以查看。",
        "Confidential: only an agent with the role follow_up (--as) sees whom it is about.",
    ),
    "severed": ("回访已结束,客户信息已断开。", "The follow-up is over; whom it was about has been forgotten."),
    "nothing": ("没有符合的内容。", "There is nothing to show."),
}  # fmt: skip

_EVENTS: Mapping[str, tuple[str, str]] = {
    "ticket_opened": ("开单:{kind},渠道 {channel},{by}", "opened: {kind} over {channel}, by {by}"),
    "tier_assigned": ("{by}定级为{tier}", "graded {tier} by {by}"),
    "routed": ("转入{queue}", "put into {queue}"),
    "assigned": ("由{agent}处理", "assigned to {agent}"),
    "customer_contacted": ("{by}联系了客户({channel})", "{by} contacted the customer ({channel})"),
    "plan_recorded": ("{by}记录解决方案", "{by} recorded a plan"),
    "plan_step_done": ("{by}完成方案第{step}步", "{by} finished step {step} of the plan"),
    "progress_reported": ("{by}告知客户进展", "{by} told the customer how far it is"),
    "task_added": ("{by}发起协办任务 {task}", "{by} asked for task {task}"),
    "task_finished": ("协办任务 {task} 已完成", "task {task} is finished"),
    "noted": ("{by}备注", "{by} noted"),
    "put_on_hold": ("{by}置为:{state}", "{by} put it to: {state}"),
    "resumed": ("{by}继续处理", "{by} resumed"),
    "result_reported": ("{by}告知客户处理结果", "{by} reported the result"),
    "customer_confirmed": ("客户确认已解决({by})", "the customer confirmed ({by})"),
    "customer_objected": ("客户有异议({by})", "the customer objected ({by})"),
    "ticket_closed": ("关闭:{outcome}({by})", "ended: {outcome} ({by})"),
    "ticket_reopened": ("{by}重新打开", "reopened by {by}"),
    "deadline_started": ("{id}开始计时,{due}到期", "{id} runs, due {due}"),
    "deadline_paused": ("{id}暂停计时", "{id} paused"),
    "deadline_resumed": ("{id}恢复计时,{due}到期", "{id} runs again, due {due}"),
    "deadline_moved": ("{id}改为{due}到期", "{id} moved, due {due}"),
    "deadline_stopped": ("{id}停止计时", "{id} stopped"),
    "deadline_dropped": ("{id}取消", "{id} dropped"),
    "deadline_warned": ("{id}预警:已用{share:.0%}", "{id}: warned at {share:.0%}"),
    "deadline_reminded": ("{id}:已提醒客户", "{id}: the customer was reminded"),
    "deadline_breached": ("{id}超时", "{id} was missed"),
    "escalated": ("{id}升级第{number}步", "{id} escalated, step {number}"),
    "acknowledged": ("{by}已知悉超时", "{by} took it up"),
    "promise_told": ("已向客户承诺时限", "the customer was told the promise"),
    "message_received": ("{by}来信({channel})", "{by} wrote ({channel})"),
    "call_noted": ("通话:{direction},{outcome}", "call: {direction}, {outcome}"),
    "message_queued": ("发给{party}({channel}):{script}", "to {party} ({channel}): {script}"),
    "message_suppressed": ("未发给{party}({script}):{reason}", "not sent to {party} ({script}): {reason}"),
    "message_sent": ("已发出 {message}", "sent {message}"),
    "message_delivered": ("已送达 {message}", "delivered {message}"),
    "message_failed": ("未能送达 {message}", "could not be delivered: {message}"),
    "survey_scheduled": ("调查定于{send_at}发送", "survey goes out {send_at}"),
    "survey_skipped": ("不发送调查:{reason}", "no survey: {reason}"),
    "survey_sent": ("调查已发送", "survey sent"),
    "survey_reminded": ("调查已提醒", "reminded of the survey"),
    "survey_answered": ("收到评价({by})", "the survey was answered ({by})"),
    "survey_expired": ("调查已过期", "the survey expired"),
    "opted_out": ("客户退订 {channel}", "the customer opted out of {channel}"),
    "opted_in": ("客户恢复订阅 {channel}", "the customer opted in to {channel} again"),
}


class Words:
    """What is shown in one language; ids the catalogue does not know are shown as they are."""

    def __init__(self, language: str, policy: Policy | None = None, team: Team | None = None) -> None:
        self.language = language
        self._column = 0 if language == "zh" else 1
        self._policy = policy
        self._team = team
        self.timezone = policy.company.timezone if policy else "UTC"

    def name(self, key: str, *values: str) -> str:
        """Return the word for a state or a kind (as on forms and reports), or for a heading of the commands' own."""
        words = _NAMES.get(key)
        if words is not None:
            return words[self._column].format(*values)
        listed = (f"{domain}.{key}" for domain in ("state", "kind"))
        return next((label(name, self.language) for name in listed if name in CATALOGUE), key)

    def tier(self, id: str | None) -> str:
        """Return the label of a tier."""
        found = next((tier for tier in self._policy.tiers if tier.id == id), None) if self._policy else None
        return self._policy.text(found.label, self.language) if self._policy and found else id or ""

    def queue(self, id: str | None) -> str:
        """Return the label of a queue."""
        found = self._policy.queues.get(id or "") if self._policy else None
        return self._policy.text(found.label, self.language) if self._policy and found else id or ""

    def deadline(self, id: str) -> str:
        """Return the label of a clock; one of several of its kind keeps its key."""
        kind, _, key = id.partition(":")
        found = self._policy.deadlines.get(kind) if self._policy else None
        label = self._policy.text(found.label, self.language) if self._policy and found else kind
        return f"{label} {key}" if key else label

    def script(self, id: str | None) -> str:
        """Return the label of a script; None is what a person wrote."""
        found = self._policy.scripts.get(id or "") if self._policy else None
        return (self._policy.text(found.label, self.language) if self._policy and found else "") or id or "✎"

    def party(self, id: str | None) -> str:
        """Return who that is: an agent's name, the customer, the system, nobody."""
        if id in (CUSTOMER, SYSTEM, None):
            return self.name(id or "nobody")
        agent = self._team.agents.get(str(id)) if self._team else None
        return agent.name if agent else str(id)

    def clock(self, at: datetime | None, seconds: bool = False) -> str:
        """Return an instant in the company's zone, empty for None."""
        form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
        return at.astimezone(ZoneInfo(self.timezone)).strftime(form) if at else ""

    def event(self, event: Event) -> str:
        """Return an event in people's words."""
        words = _EVENTS.get(event.type)
        if words is None:
            return event.type
        fields = {field.name: self._field(field.name, getattr(event, field.name)) for field in dataclasses.fields(event)}
        if isinstance(event, Escalated):
            fields["number"] = event.step + 1
        return words[self._column].format(**fields)

    def _field(self, name: str, value: Any) -> Any:
        if isinstance(value, datetime):
            return self.clock(value)
        match name:
            case "by" | "party" | "agent":
                return self.party(value)
            case "tier":
                return self.tier(value)
            case "queue":
                return self.queue(value)
            case "script":
                return self.script(value)
            case "id":
                return self.deadline(value)
            case "kind" | "state" | "outcome" | "reason" | "direction":
                return self.name(str(value))
        return value
