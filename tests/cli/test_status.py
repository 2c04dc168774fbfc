"""`engine status` says what the calendars count by."""

from tests.cli.conftest import Command


def test_the_holidays_are_named_with_their_sources_and_those_that_are_not_announced_stand_out(engine: Command) -> None:
    years = {one["year"]: one for one in engine.json("status")["holidays"]}
    assert years[2026]["source"].startswith("国务院办公厅")
    assert [year for year, one in years.items() if one["provisional"]] == [2027]
    assert "holidays of 2027 are provisional: cn_office (not yet published)\n" in engine("status").stdout
