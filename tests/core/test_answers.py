import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.answers import Confirmation, ReplyWords, is_opt_in, is_opt_out, read_confirmation

WORDS = ReplyWords(
    confirm=("Y", "yes", "ok", "是", "是的", "满意", "很满意", "已解决", "解决了", "没问题", "solved", "👍"),
    object=("N", "no", "否", "不满意", "没解决", "没有解决", "还是不行", "打不开", "not solved", "still broken"),
    opt_out=("退订", "T", "TD", "R", "stop"),
    opt_in=("订阅", "start"),
    doubt=(
        *("不", "没", "未", "吗", "么", "嘛", "吧", "否", "才怪", "但", "可是", "仍", "还是", "如果", "not", "no", "never", "but"),
        *("still", "if", "isn't", "wasn't", "doesn't", "didn't", "don't", "hasn't", "can't"),
    ),
)

any_text = st.text(st.characters(codec=None), max_size=100)
reply_text = st.lists(
    st.sampled_from([*WORDS.confirm, *WORDS.object, *WORDS.doubt, " ", "。", ",", "?", "\n", "了", "谢谢", "the", "'", "/", "Ｙ"]),
    max_size=8,
).map("".join)


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("Y", ""),
        ("y", ""),
        ("Ｙ", ""),
        (" y \n", ""),
        ("“Y”", ""),
        ("[Y]", ""),
        ("Y.", ""),
        ("y。谢谢", "谢谢"),
        ("Y谢谢", "谢谢"),
        ("Y 谢谢,再见", "谢谢,再见"),
        ("Y\n\n王敏\n138 0013 8000", "王敏\n138 0013 8000"),
        ("yes, thanks", "thanks"),
        ("YES!", ""),
        ("Yes.Thanks", "Thanks"),
        ("ok: Thank You", "Thank You"),
        ("solved - thank you", "thank you"),
        ("是", ""),
        ("是。", ""),
        ("是,谢谢", "谢谢"),
        ("是的", ""),
        ("是的谢谢", "谢谢"),
        ("满意", ""),
        ("满意谢谢", "谢谢"),
        ("满意!非常感谢", "非常感谢"),
        ("很满意,下次还来", "下次还来"),
        ("已解决了", ""),
        ("已解决了,谢谢", "谢谢"),
        ("解决了", ""),
        ("没问题", ""),
        ("Y 没问题", "没问题"),
        ("满意,不过希望快一点", "不过希望快一点"),
        ("Y。什么时候发货?", "什么时候发货?"),
        ("👍", ""),
        ("👍👍", "👍"),
    ],
)
def test_a_plain_yes_confirms(text: str, remark: str) -> None:
    assert read_confirmation(text, WORDS) == Confirmation(agrees=True, remark=remark)


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("N", ""),
        ("Ｎ", ""),
        ("N 还是打不开", "还是打不开"),
        ("N还是打不开 iPhone", "还是打不开 iPhone"),
        ("n - still broken", "still broken"),
        ("No, it is not", "it is not"),
        ("不满意", ""),
        ("不满意!态度差", "态度差"),
        ("没有解决", ""),
        ("没解决,还是那样", "还是那样"),
        ("没有解决登录问题", "登录问题"),
        ("否", ""),
        ("否,没有", "没有"),
        ("not solved at all", "at all"),
        ("N。已经三天了,不满意", "已经三天了,不满意"),
    ],
)
def test_a_plain_no_objects(text: str, remark: str) -> None:
    assert read_confirmation(text, WORDS) == Confirmation(agrees=False, remark=remark)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "谢谢",
        "请问什么时候能好",
        "是不是还要等",
        "是否解决",
        "是谁处理的",
        "不是",
        "不是不满意",
        "满意?",
        "满意?!",
        "满意吗",
        "满意度调查是什么意思?",
        "已解决了吗",
        "已解决了吧",
        "满意才怪",
        "满意但是太慢",
        "Y?",
        "N?",
        "yes but it is slow",
        "yes, no",
        "Y/N",
        "y/n",
        "Y N",
        "N Y",
        "N,Y",
        "yes or no",
        "N/A",
        "n.a.",
        "yes-man",
        "no-one called",
        "Y2K",
        "year",
        "nobody called",
        "Y 还是打不开",
        "Y。没有解决",
        "满意,还是不行",
        "Y\n\nstill broken",
        "已解决一部分,还是不行",
        "我很满意",
        "Dear team, yes",
    ],
)
def test_what_is_not_plain_is_neither(text: str) -> None:
    assert read_confirmation(text, WORDS) is None


def test_a_word_in_both_lists_says_nothing() -> None:
    assert read_confirmation("1", ReplyWords(("1",), ("１",), (), ())) is None


def test_a_number_can_be_a_word() -> None:
    words = ReplyWords(("1",), ("2",), (), ())
    assert read_confirmation("1、谢谢", words) == Confirmation(agrees=True, remark="谢谢")
    assert read_confirmation("10", words) is None
    assert read_confirmation("2。慢", words) == Confirmation(agrees=False, remark="慢")


def test_the_words_of_doubt_come_from_the_policy() -> None:
    words = ReplyWords(("满意",), ("不满意",), (), (), doubt=("",))
    assert read_confirmation("满意吗", words) == Confirmation(agrees=True, remark="吗")
    assert read_confirmation("满意吗", ReplyWords(("满意",), (), (), (), doubt=("吗",))) is None


@pytest.mark.parametrize("text", ["退订", "T", "t", "Ｔ", "td", "ＴＤ。", "R", " r ", "退订!", "【退订】", "退订\n", "Stop."])
def test_an_opt_out_word_alone_opts_out(text: str) -> None:
    assert is_opt_out(text, WORDS)
    assert not is_opt_in(text, WORDS)


@pytest.mark.parametrize("text", ["", "。", "我要退订", "T恤", "TT", "退订 请", "return", "不退订", "R2"])
def test_a_longer_message_does_not_opt_out(text: str) -> None:
    assert not is_opt_out(text, WORDS)


def test_an_opt_in_word_alone_opts_in() -> None:
    assert is_opt_in("ＳＴＡＲＴ", WORDS)
    assert not is_opt_out("start", WORDS)
    assert not is_opt_in("", ReplyWords((), (), (), ("。",)))


@given(any_text | reply_text)
def test_any_reply_is_read(text: str) -> None:
    read_confirmation(text, WORDS)
    is_opt_out(text, WORDS)


@given(reply_text)
def test_a_reply_that_confirms_holds_no_objection_and_begins_with_a_yes(text: str) -> None:
    read = read_confirmation(text, WORDS)
    if read is not None and read.agrees:
        assert not any(word in read.remark for word in ("不满意", "没解决", "没有解决", "打不开"))
        assert not text.lstrip().startswith(("不", "否", "N", "n"))


@given(word=st.sampled_from(WORDS.confirm), mark=st.sampled_from(["。", ",", "!", "\n"]), remark=st.text("谢再见好ths", max_size=10))
def test_a_yes_and_a_remark_are_told_apart(word: str, mark: str, remark: str) -> None:
    assert read_confirmation(word + mark + remark, WORDS) == Confirmation(agrees=True, remark=remark)
