"""Articles as files: front matter and text, files beside them, and what is said of one that is not as it should be."""

from base64 import b64decode
from pathlib import Path

import pytest

from engine.policy import compile_files, compile_policy
from engine.policy.diff import compare
from tests.policy.support import diagnose, overlaid, shipped, shipped_policy

FRONT = "---\nversion: 1\nid: tea\ntitle: {zh: 茶, en: Tea}\nkeywords: [茶, tea]\n---\n"
WHOLE = FRONT + "<!-- zh -->\n泡茶\n\n<!-- en -->\nMake tea\n"
NAME = "knowledge/tea.md"


def found(text: str) -> list[tuple[int, int, str, str]]:
    return [(one.line, one.column, one.code, one.message) for one in diagnose(NAME, text)]


def test_an_article_is_its_front_matter_and_its_text_by_language() -> None:
    policy = overlaid({NAME: WHOLE}).policy
    assert policy is not None
    tea = policy.knowledge.articles["tea"]
    assert (tea.title, tea.text) == ({"zh": "茶", "en": "Tea"}, {"zh": "泡茶", "en": "Make tea"})
    assert (tea.kinds, tea.keywords, str(tea.source)) == ((), ("茶", "tea"), "knowledge/tea.md:2")


def test_a_text_without_languages_is_in_the_default_language() -> None:
    policy = overlaid({NAME: FRONT.replace("{zh: 茶, en: Tea}", "茶") + "\n泡茶\n"}).policy
    assert policy is not None
    tea = policy.knowledge.articles["tea"]
    assert (tea.title, tea.text) == ({"zh": "茶"}, {"zh": "泡茶"})


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("泡茶\n", [(1, 1, "CL116", "the article has no front matter")]),
        ("---\nid: tea\n泡茶\n", [(1, 1, "CL116", "the article has no front matter")]),
        ("---\n---\n泡茶\n", [(1, 1, "CL116", "the file is empty")]),
        (WHOLE.replace("id: tea", "id: [tea"), [(4, 6, "CL101", "")]),
        (WHOLE.replace("\n泡茶", "\n\x07泡茶"), [(8, 1, "CL104", "control character U+0007")]),
        (FRONT, [(7, 1, "CL207", "")]),
        (WHOLE.replace("version: 1\n", ""), [(2, 1, "CL202", "the key `version` is missing")]),
        (WHOLE.replace("id: tea\n", ""), [(3, 1, "CL202", "the key `id` is missing")]),
        (WHOLE.replace("keywords", "keyword"), [(5, 1, "CL201", "unknown key `keyword` here")]),
        (WHOLE.replace("title: {zh: 茶, en: Tea}", "title: {zh: 茶, fr: Thé}"), [(4, 8, "CL405", ""), (4, 16, "CL315", "")]),
        (FRONT + "茶\n<!-- zh -->\n泡茶\n<!-- en -->\nTea", [(7, 1, "CL116", "these words stand before the first language")]),
        (WHOLE + "<!-- en -->\nTea", [(12, 1, "CL107", "the key `en` is written twice")]),
        (WHOLE.replace("<!-- en -->\nMake tea\n", ""), [(7, 1, "CL405", "`tea` has a title, and no text in `en`")]),
        (WHOLE.replace("zh: 茶, ", ""), [(4, 8, "CL405", "`tea` has a text, and no title in `zh`")]),
        (WHOLE.replace("id: tea", "id: invoice"), []),
        (WHOLE.replace("id: tea", "id: tea\nkind: task"), [(4, 7, "CL204", "")]),
        (
            WHOLE.replace("id: tea", "id: tea\nattachments: [return-from.txt]"),
            [(4, 15, "CL395", "there is no file `return-from.txt` in `knowledge/`")],
        ),
    ],
)
def test_what_is_wrong_with_an_article_is_said_at_its_place(text: str, problems: list[tuple[int, int, str, str]]) -> None:
    if "id: invoice" in text:  # said of the second of the two by their names
        (one,) = diagnose(NAME, text)
        assert (one.code, one.file, one.line) == ("CL301", NAME, 3)
        return
    told = found(text)
    assert [one[:3] for one in told] == sorted(one[:3] for one in problems)
    assert all(any(said in one[3] for one in told) for *_, said in problems)


def test_a_file_beside_articles_is_part_of_the_policy() -> None:
    name = "knowledge/return-form.txt"
    assert b64decode(shipped().files[name]).decode().startswith("退换货申请单")
    assert shipped_policy().knowledge.files == {"return-form.txt": shipped().files[name]}
    changed = compile_files({**shipped().files, name: "eA=="}).policy
    assert changed is not None
    assert changed.digest != shipped_policy().digest


def test_a_policy_needs_no_knowledge_base() -> None:
    policy = compile_files({name: text for name, text in shipped().files.items() if not name.startswith("knowledge/")}).policy
    assert policy is not None
    assert policy.knowledge.articles == {}


def directory(tmp_path: Path, **files: bytes) -> Path:
    for name, text in shipped().files.items():
        if not name.startswith("knowledge/"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "knowledge").mkdir()
    for name, data in files.items():
        (tmp_path / "knowledge" / name).write_bytes(data)
    return tmp_path


def test_articles_are_read_from_their_folder_and_any_other_file_in_it_is_one_that_they_give(tmp_path: Path) -> None:
    text = WHOLE.replace("id: tea", "id: tea\nattachments: [a.bin]").encode()
    compilation = compile_policy(directory(tmp_path, **{"tea.md": text, "a.bin": b"\xff\x00", ".hidden": b"x"}))
    assert compilation.policy is not None, compilation.diagnostics
    assert b64decode(compilation.policy.knowledge.files["a.bin"]) == b"\xff\x00"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("tea.yaml", b"a: 1", "CL117"),
        ("tea.yml", b"a: 1", "CL117"),
        ("big.bin", b"\x00" * 1_000_001, "CL105"),
        ("tea.md", b"\xff", "CL102"),
    ],
)
def test_what_cannot_be_taken_in_is_said(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    compilation = compile_policy(directory(tmp_path, **{name: data}))
    assert [(one.code, one.file) for one in compilation.diagnostics if one.severity == "error"] == [(code, f"knowledge/{name}")]


def test_a_changed_article_is_told_by_its_id_and_language() -> None:
    text = shipped().files["knowledge/invoice.md"]
    changes = compare(shipped().files, {**shipped().files, "knowledge/invoice.md": text.replace("24 小时", "48 小时")})
    assert [(one.what, one.section, one.id, one.path) for one in changes] == [("changed", "articles", "invoice", "text.zh")]


def test_a_form_names_a_queue_and_each_item_once() -> None:
    text = shipped().files["quality.yaml"]
    twice = diagnose("quality.yaml", text.replace("id: calming", "id: greeting"))
    assert [(one.code, one.message) for one in twice] == [("CL301", "the id `greeting` is used twice")]
    assert [one.code for one in diagnose("quality.yaml", text.replace("queue: supervisors", "queue: nobody"))] == ["CL304"]
    assert [one.code for one in diagnose("quality-x.yaml", text)] == ["CL301"]
    without = compile_files({name: kept for name, kept in shipped().files.items() if name != "quality.yaml"}).policy
    assert without is not None
    assert without.quality is None
