"""The first hour of a new user, with nothing but what `engine init` lays out: one mail goes the whole way round over folders."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests.acceptance.desk import Desk
from tests.acceptance.mail import answer, letter, words
from tests.support.waiting import wait_until

CUSTOMER = "wang@customer.example"


class Letters:
    """The mails that lie in var/out/email, each looked at once."""

    def __init__(self, desk: Desk) -> None:
        self._folder = desk.root / "var" / "out" / "email"
        self._seen: set[str] = set()

    def all(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir() if path.suffix == ".eml")

    def next(self, to: str, part: str) -> EmailMessage:
        """The next mail to this address with these words in its subject."""

        def found() -> EmailMessage | None:
            for name in self.all():
                mail = message_from_bytes((self._folder / name).read_bytes(), policy=policy.default)
                if name not in self._seen and mail["To"] == to and part in mail["Subject"]:
                    self._seen.add(name)
                    return mail
            return None

        mail: EmailMessage = wait_until(found, lambda: f"a mail to {to} about {part}; there are {self.all()}")
        return mail


@pytest.fixture
def letters(desk: Desk) -> Letters:
    return Letters(desk)


def reply(desk: Desk, received: EmailMessage, text: str) -> None:
    mail = answer(received, text)
    desk.drop("email", f"{mail['Message-ID'][1:20]}.eml", mail.as_bytes(policy=policy.SMTP))


@pytest.fixture(params=["sqlite", "postgresql"])
def any_desk(request: pytest.FixtureRequest, desk: Desk) -> Desk:
    """The desk, on each kind of database."""
    if request.param == "postgresql":
        desk.keep_on(request.getfixturevalue("database"))
    return desk


def test_a_fresh_project_is_sound_and_says_what_to_do_next(desk: Desk) -> None:
    assert "engine run" in desk.init_said
    assert "sound" in desk.engine("validate")
    assert desk.data("ticket", "list") == []


def test_the_first_mail_goes_the_whole_way_round(any_desk: Desk, letters: Letters) -> None:
    desk = any_desk
    desk.survey_after("1s")
    with desk.running() as daemon:
        mail = letter(f"王小明 <{CUSTOMER}>", "support@example.test", "登录异常", "今天早上登录异常,请帮忙看看。")
        dropped = desk.drop("email", "first.eml", mail.as_bytes(policy=policy.SMTP))
        wait_until(lambda: desk.look(lambda reader: reader.message_counts()), "messages of the new ticket")
        assert not dropped.exists(), "what was taken in is gone from the folder"

        [ticket] = desk.data("ticket", "list")
        number = ticket["number"]
        assert (ticket["tier"], ticket["state"], ticket["queue"]) == ("important", "new", "tech_support")
        held = desk.data("outbox", "list", "--state", "held")
        assert {message["script"] for message in held} == {"promise", "assignment"}
        assert letters.all() == [], "a fresh project mails nobody by accident"
        assert [line["signal"] for line in daemon.decisions(number)] == ["message_arrived"]

    desk.engine("outbox", "release", code=1)
    desk.configure(outbound="live")
    with desk.running():
        desk.engine("outbox", "release")
        promise = letters.next(CUSTOMER, number)
        assert "二级(重要)" in words(promise)

        desk.engine("ticket", "contact", number, "--as", "qian", "--text", "电话确认:浏览器缓存")
        desk.engine("ticket", "resolve", number, "--as", "qian", "--text", "已清除缓存,可以登录了")
        result = letters.next(CUSTOMER, "处理结果")
        assert "已清除缓存,可以登录了" in words(result)

        reply(desk, result, "Y 谢谢")
        letters.next(CUSTOMER, "已关闭")
        invitation = letters.next(CUSTOMER, "评价")
        reply(desk, invitation, "5 5 4 很及时")
        letters.next(CUSTOMER, "感谢您的评价")
        wait_until(lambda: desk.look(lambda reader: reader.answers()), "the answer to be put into storage")

        shown = desk.data("ticket", "show", number)
        assert (shown["state"], shown["survey"]) == ("confirmed", "came")
        assert desk.data("ticket", "list") == [], "nothing is open any more"
    [answered] = desk.look(lambda reader: reader.answers())
    assert (dict(answered.scores), answered.suggestion) == ({"speed": 5, "attitude": 5, "effect": 4}, "很及时")
    desk.sound()
