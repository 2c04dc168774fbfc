"""The new part of a reply: what the customer wrote now, and nothing of what they answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_email.quotes import new_text

QUOTED = {
    "quote marks": "> Is it solved?\n> Yes or no",
    "gmail": "On Wed, Mar 4, 2026 at 5:00 PM Support <support@example.test> wrote:\n\n> Is it solved?",
    "gmail without marks": "On Wed, Mar 4, 2026 at 5:00 PM Support <support@example.test> wrote:\nIs it solved?",
    "gmail over three lines": "On Wed, Mar 4, 2026\nat 5:00 PM Support\n<support@example.test> wrote:\n> Is it solved?",
    "gmail Chinese": "客服 <support@example.test> 于2026年3月4日周三 17:00写道：\n\n> 解决了吗?",
    "foxmail and Apple Chinese": "在 2026年3月4日，17:00，客服 <support@example.test> 写道：\n\n解决了吗?",
    "Apple Chinese": "客服 <support@example.test> 于 2026年3月4日 17:00 写道：\n> 解决了吗?",
    "traditional": "在 2026年3月4日 客服 寫道:\n> 解決了嗎",
    "outlook": "-----Original Message-----\nFrom: Support\nSent: today\n\nIs it solved?",
    "outlook Chinese": "-----邮件原件-----\n发件人: 客服\n发送时间: 今天\n收件人: 我\n\n解决了吗?".replace("邮件原件", "原始邮件"),
    "outlook rule": "________________________________\nFrom: Support <support@example.test>\nSent: Wednesday\nTo: me\n\nIs it solved?",
    "outlook bold": "*From:* Support\n*Sent:* Wednesday\n*To:* me\n\nIs it solved?",
    "outlook header Chinese": "发件人：客服 <support@example.test>\n发送时间：2026年3月4日 17:00\n收件人：我\n主题：结果\n\n解决了吗?",
    "qq": "------------------ 原始邮件 ------------------\n发件人: 客服\n解决了吗?",
    "qq with entities": "------------------&nbsp;原始邮件&nbsp;------------------\n发件人:&nbsp;客服",
    "netease master": "---- 回复的原邮件 ----\n| 发件人 | 客服 |",
    "german": "Am 04.03.2026 um 17:00 schrieb Support:\n> gelöst?",
    "french": "Le 4 mars 2026 à 17:00, Support a écrit :\n> résolu ?",
    "signature": "-- \nWang Xiaoming\nExample Ltd.",
    "signature without its space": "--\nWang Xiaoming\nExample Ltd.",
    "iPhone": "Sent from my iPhone",
    "iPhone Chinese": "发自我的iPhone",
    "Huawei": "来自我的华为手机",
    "Outlook app": "Get Outlook for iOS",
}


@pytest.mark.parametrize("quoted", QUOTED)
def test_what_is_quoted_goes(quoted):
    assert new_text(f"已解决,谢谢!\nAll fine.\n\n{QUOTED[quoted]}") == "已解决,谢谢!\nAll fine."


@pytest.mark.parametrize("quoted", QUOTED)
def test_nothing_new_is_nothing(quoted):
    assert new_text(QUOTED[quoted]) == ""


def test_answers_between_quoted_lines_stay():
    text = "On Wed, Mar 4, 2026 Support wrote:\n> 1. Speed?\n5\n> 2. Attitude?\n4\n> 3. Effect?\n3"
    assert new_text(text) == "5\n4\n3"


@pytest.mark.parametrize(
    "text",
    [
        "On Monday the pump leaked.\nI wrote you about it: nothing happened.",
        "我在上海,\n昨天写道歉信也没用。",
        "From: Shanghai\nI travelled and the bag was lost.",
        "The error is:\n-- unknown --\nplease help",
        "价格 > 100 元的退货\n请处理",
        "a\n\nb\n\nc",
        "--\n" + "\n".join(f"line {number}" for number in range(30)),
    ],
)
def test_words_of_the_customer_that_look_a_little_like_quotation_stay(text):
    assert new_text(text) == text


@given(st.text(max_size=500))
def test_the_new_part_is_made_of_lines_of_the_text(text):
    lines = {line.strip() for line in text.replace("\xa0", " ").replace("&nbsp;", " ").split("\n")}
    assert {line.strip() for line in new_text(text).split("\n")} <= lines | {""}
