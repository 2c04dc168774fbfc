"""`engine knowledge` and `engine ticket article`: an answer is found, offered, and sent."""

from tests.cli.conftest import Command


def test_an_article_is_found_shown_offered_and_sent(engine: Command) -> None:
    assert engine.json("knowledge", "search", "退款")[0]["id"] == "refund-arrival"
    assert len(engine.json("knowledge", "search", "退款 发票", "--limit", "1")) == 1
    assert "知识库" not in engine("knowledge", "search", "zyzzyva").stdout
    assert engine("knowledge", "search", "zyzzyva").stdout == "There is nothing to show.\n"
    assert "How to get an invoice" in engine("knowledge", "search", "invoice").stdout
    shown = engine("knowledge", "show", "return-exchange", "--lang", "zh").stdout
    assert shown.startswith("如何退货、换货\n\n签收后 7 天内")
    assert "附件: return-form.txt" in shown
    assert engine.json("knowledge", "show", "invoice")["kinds"] == ["inquiry"]
    assert "did you mean `invoice`?" in engine("knowledge", "show", "invoices", code=1).stderr
    number = engine.mail("k1", "请问发票怎么开")
    assert "参考答案: 如何开具发票 (invoice)" in engine("ticket", "show", number, "--lang", "zh").stdout
    assert engine.json("ticket", "show", number)["knowledge"] == [{"id": "invoice", "title": "How to get an invoice"}]
    assert "article_used" in engine.json("ticket", "article", number, "invoice", "--as", "lin")["events"]
    assert "used an answer of the knowledge base: invoice" in engine("ticket", "show", number).stdout
    engine("ticket", "article", number, "contact-hours", "--told", "phone", "--as", "lin")
    assert "there is no article 'tea'" in engine("ticket", "article", number, "tea", "--as", "lin", code=1).stderr
    engine("ticket", "close", number, "--text", "x", "--as", "lin")
    assert engine.json("ticket", "show", number)["knowledge"] == []


def test_a_project_is_laid_out_with_its_articles(engine: Command) -> None:
    assert (engine.root / "policies" / "knowledge" / "return-form.txt").is_file()
    assert "knowledge/invoice.md" in engine("validate", "--format", "junit").stdout
