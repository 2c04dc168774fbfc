"""The knowledge base: how an article is found, when one is offered, how a customer gets it."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.channels import Outbound, Sent
from engine.core import events as e
from engine.core.conditions import Source
from engine.core.knowledge import MOST_OFFERED, Article, Knowledge
from engine.runtime.carriers import Circuit
from engine.runtime.outbox import Postman
from engine.runtime.retries import Retries
from tests.core.worlds import House, changed, shipped

HERE = Source("knowledge/a.md", 1)


def article(id: str, title: str, text: str, *keywords: str, kinds: tuple[str, ...] = ()) -> Article:
    return Article(id, {"zh": title}, {"zh": text}, kinds, keywords, (), HERE)


def base(*articles: Article) -> Knowledge:
    return Knowledge({one.id: one for one in articles}, {})


def ids(found: list[tuple[Article, float]]) -> list[str]:
    return [one.id for one, _ in found]


def test_a_chinese_word_of_two_characters_is_found() -> None:
    """A trigram index would not find it."""
    assert ids(shipped().knowledge.search("退款"))[0] == "refund-arrival"


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("退款申请了一周还没到账", "refund-arrival"),
        ("ＲＥＦＵＮＤ", "refund-arrival"),
        ("the parcels", "delivery"),
        ("修", "repair-warranty"),
        ("發票 发票 invoice", "invoice"),
    ],
)
def test_words_are_found_whatever_their_width_case_or_number(asked: str, wanted: str) -> None:
    assert ids(shipped().knowledge.search(asked))[0] == wanted


def test_a_word_that_few_articles_have_counts_more_and_a_long_text_is_marked_down() -> None:
    known = base(article("a", "退款", "订单 退款"), article("b", "订单", "订单 订单"), article("c", "订单", "订单 发票 " + "物流 " * 50))
    assert ids(known.search("订单的退款"))[0] == "a"
    assert ids(known.search("订单"))[-1] == "c"
    assert ids(base(article("y", "同", "同"), article("x", "同", "同")).search("同")) == ["x", "y"], "of equals the first by its id"


def test_what_shares_no_word_is_not_found() -> None:
    assert base(article("a", "退款", "退款")).search("发票 ... !") == []
    assert base().search("退款") == []


@given(st.text(max_size=60))
def test_any_text_may_be_asked(text: str) -> None:
    found = shipped().knowledge.search(text)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert len(shipped().knowledge.offers(text, "inquiry")) <= MOST_OFFERED


def test_an_answer_is_offered_only_for_its_kinds_and_where_one_of_its_keywords_is_said() -> None:
    known = base(
        article("a", "退款多久", "款", "退款", kinds=("inquiry",)),
        article("b", "退款难", "款", "投诉"),
        article("c", "退款单", "款", "退款"),
    )
    assert {one.id for one in known.offers("没有收到退款", "inquiry")} == {"a", "c"}, "a denied keyword is said all the same"
    assert [one.id for one in known.offers("没有收到退款", "complaint")] == ["c"]
    many = base(*(article(f"a{number}", "退款", "退款", "退款") for number in range(9)))
    assert len(many.offers("退款", "inquiry")) == MOST_OFFERED


def test_an_article_goes_to_the_customer_in_their_language_and_counts_as_a_contact() -> None:
    house = House()
    number = house.mail("My refund has not arrived")
    house.done(number, "article", target="refund-arrival")
    used, contacted = [event for event in house.log(number) if isinstance(event, e.ArticleUsed | e.CustomerContacted)]
    row = house.messages(number, "customer")[-1]
    assert used == e.ArticleUsed("refund-arrival", "zhao", row.id)
    assert contacted == e.CustomerContacted("zhao", "email")
    assert house.words(row).startswith("When a refund arrives\n\nOnce the goods are back")


def test_an_article_that_was_told_is_only_noted() -> None:
    house = House()
    number = house.mail("退款多久到账")
    before = len(house.messages(number))
    house.done(number, "article", target="refund-arrival", channel="phone")
    events = [event for event in house.log(number) if isinstance(event, e.ArticleUsed | e.CustomerContacted)]
    assert events == [e.ArticleUsed("refund-arrival", "zhao"), e.CustomerContacted("zhao", "phone")]
    assert len(house.messages(number)) == before


def test_what_cannot_be_sent_is_refused() -> None:
    house = House()
    number = house.mail("退款多久到账")
    assert "there is no article 'refunds'" in str(house.act(number, "article", target="refunds").refused)
    assert "there is no article None" in str(house.act(number, "article").refused)
    silent = House(senders=())
    assert "--told" in str(silent.act(silent.mail("退款"), "article", target="invoice").refused)
    house.done(number, "task", target="finance", text="核对")
    (task,) = house.ticket(number).tasks
    assert "for ticket" in str(house.act(task, "article", target="invoice").refused)


class Carrier:
    """A channel that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[Outbound] = []

    def send(self, message: Outbound) -> Sent:
        self.sent.append(message)
        return Sent("p1")


def dispatched(house: House, channel: str) -> list[Outbound]:
    carrier = Carrier()
    postman = Postman(house.store, house.tokens, channel, Retries(), lambda address: address, circuit=Circuit())
    postman.dispatch(carrier, house.world, lambda: house.now)  # type: ignore[arg-type]  # of a channel only `send` is needed here
    return carrier.sent


def test_the_files_of_an_article_go_with_its_mail_as_the_policy_had_them() -> None:
    house = House()
    with house.store.write() as tx:
        files = {"knowledge/return-form.txt": b64encode("退换货申请单".encode()).decode()}
        tx.save_policy(shipped().digest, files, house.now)
    number = house.mail("我要退货")
    house.done(number, "article", target="return-exchange")
    *others, letter = dispatched(house, "email")
    (file,) = letter.attachments
    assert (file.name, file.media_type, file.content.decode()) == ("return-form.txt", "text/plain", "退换货申请单")
    assert all(not other.attachments for other in others)


def test_a_text_message_takes_no_files() -> None:
    house = House()
    number = house.sms("我要退货")
    assert number is not None
    house.done(number, "article", target="return-exchange")
    assert [letter.attachments for letter in dispatched(house, "sms")][-1] == ()


def test_a_script_may_say_the_best_answer_and_that_counts_as_its_use() -> None:
    script = {"audience": "customer", "zh": "已收到。{% if knowledge %}\n{{ knowledge }}{% endif %}", "en": "Got it. {{ knowledge }}"}
    rule = {"id": "answers", "on": ["ticket_opened"], "do": [{"run_script": "answering"}]}
    files = (
        ("scripts-answers.yaml", "", json.dumps({"version": 1, "scripts": {"answering": script}}, ensure_ascii=False)),
        ("rules-answers.yaml", "", json.dumps({"version": 1, "rules": [rule]})),
    )
    house = House(changed(*files))
    for text, said in (("退款多久到账", "已收到。\n退款多久到账\n\n收到退回"), ("你好", "已收到。")):
        number = house.mail(text)
        (row,) = house.messages(number, "customer", "answering")
        assert house.words(row).startswith(said)
        used = [event for event in house.log(number) if isinstance(event, e.ArticleUsed)]
        assert used == ([e.ArticleUsed("refund-arrival", "system", row.id)] if "退款" in text else [])


def test_the_mail_that_acknowledges_an_inquiry_holds_the_best_answer_and_only_what_was_said_counts_as_its_use() -> None:
    house = House()

    def used(number: str | None) -> list[str]:
        return [event.article for event in house.log(number or "") if isinstance(event, e.ArticleUsed)]

    asked, complained = house.mail("请问营业时间"), house.mail("投诉:营业时间没有人", sender="angry@example.test")
    (row,) = house.messages(asked, "customer", "promise")
    assert "服务时间与联系方式" in house.words(row)
    assert used(asked) == ["contact-hours"]
    assert (used(complained), used(house.sms("请问营业时间"))) == ([], [])


def test_a_knowledge_base_without_articles_offers_nothing() -> None:
    house = House(replace(shipped(), knowledge=base()))
    assert "no article" in str(house.act(house.mail("退款"), "article", target="refund-arrival").refused)
