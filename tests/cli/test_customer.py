"""`engine customer` and `engine retention`, as whoever answers for personal data uses them."""

import json
import zipfile
from pathlib import Path

import pytest

from engine.cli.init import lay_out
from tests.cli.test_backup import Inside

SUN = "sun@customer.test"


@pytest.fixture
def desk(tmp_path: Path) -> Inside:
    engine = Inside(tmp_path)
    lay_out(engine.root)
    engine.mail("one", "系统宕机了")
    return engine


def test_a_customer_is_shown_kept_handed_out_erased_and_erased_again_after_a_restore(desk: Inside) -> None:
    assert SUN in desk("customer", "show", SUN).stdout
    (number,) = [one["number"] for one in desk.json("customer", "show", "C000001")["tickets"]]
    for subject in (SUN, number):
        assert "needs a reason" in desk("customer", "hold", subject, "--as", "zhou", code=2).stderr
        desk("customer", "hold", subject, "--as", "zhou", "--reason", "a dispute")
        assert "is on hold already" in desk("customer", "hold", subject, "--as", "zhou", "--reason", "again", code=1).stderr
        assert "must be kept" in desk("customer", "erase", SUN, "--as", "zhou", code=1).stderr
        assert "a dispute" in desk("customer", "show", SUN).stdout
        desk("customer", "release", subject, "--as", "zhou")
        assert "is not on hold" in desk("customer", "release", subject, "--as", "zhou", code=1).stderr
    desk("customer", "export", SUN, "sun.zip", "--as", "zhou")
    with zipfile.ZipFile(desk.root / "sun.zip") as packed:
        assert json.loads(packed.read("data.json"))["addresses"] == [["email", SUN]]
    assert [row["what"] for row in desk.json("audit", "--about", SUN, "--limit", "2")] == ["released", "exported"]
    assert desk.json("audit", "--about", SUN, "--who", "li") == desk.json("audit", "--to", "2020-01-01") == []
    assert "a dispute" in desk("audit", "--about", number, "--from", "2020-01-01").stdout
    assert "导出" in desk("audit", "--lang", "zh").stdout
    assert f"ticket {number} is open" in desk("customer", "erase", SUN, "--as", "zhou", code=1).stderr
    desk("backup", "before.tar")
    desk("customer", "erase", SUN, "--as", "zhou", "--force", "--reason", "asked for on the phone")
    assert "was erased at" in desk("customer", "show", "C000001").stdout
    assert "no customer" in desk("customer", "show", SUN, code=2).stderr
    assert "erased again" in desk("restore", "before.tar", "--replace").stdout
    assert "was erased at" in desk("customer", "show", "C000001").stdout
    assert desk.json("check")["ok"]
    assert "宕机" not in desk("explain", number).stdout


def test_retention_says_what_is_due_and_lets_it_go(desk: Inside) -> None:
    assert {one["due"] for one in desk.json("retention", "list")} == {0}
    assert "ticket.texts" in desk("retention", "list").stdout
    assert {line.rpartition(": ")[2] for line in desk("retention", "run").stdout.splitlines()} == {"0"}
