"""What stands in the audit is said in both languages."""

import re
from pathlib import Path

import pytest

from engine.analysis.words import Words

ROOT = Path(__file__).parents[2]
CALLED = re.compile(r"(?:\b_?looked_at|\.audit)\((?:[^()]|\([^()]*\))*")
DEEDS = sorted(
    {
        deed
        for path in (*ROOT.glob("engine/**/*.py"), *ROOT.glob("plugins/*/engine_*/**/*.py"))
        for call in CALLED.findall(path.read_text(encoding="utf-8"))
        for deed in re.findall(r'"([a-z]+ ?[a-z ]*)"', call)
    }
)


def test_the_sources_say_what_is_kept() -> None:
    assert {"looked at", "looked at an attachment", "was refused", "exported", "signed in"} <= set(DEEDS)


@pytest.mark.parametrize("deed", [*DEEDS, "put on hold", "released", "delete: 3", "archive: 3"])
def test_each_deed_has_words_in_chinese(deed: str) -> None:
    assert re.search("[\u4e00-\u9fff]", Words("zh", None, None).deed(deed))
