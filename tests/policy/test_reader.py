"""What reaches the reader as bytes, links and directories; what texts can show stands in bad/."""

import os
from pathlib import Path

import pytest

from engine.policy import compile_files, compile_policy, format_text, load_team
from engine.policy.diagnostics import Problems
from engine.policy.nodes import Node
from engine.policy.reader import MAX_BYTES, read
from engine.policy.scalars import resolve
from tests.policy.support import codes, overlaid, shipped

COMPANY = shipped().files["company.yaml"]


def lay_out(directory: Path, **files: bytes) -> Path:
    for name, text in shipped().files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    for name, data in files.items():
        (directory / name.replace("__", "-").replace("_yaml", ".yaml")).write_bytes(data)
    return directory


def place(directory: Path) -> tuple[str, str, int, int]:
    (found,) = compile_policy(directory).diagnostics
    return found.code, found.file, found.line, found.column


def test_a_file_that_is_not_utf_8_is_refused_at_its_first_wrong_byte(tmp_path: Path) -> None:
    data = "version: 1\n# 电话\n".encode() + b"conditions: \xcb\xdf\n"
    assert place(lay_out(tmp_path, sla__x_yaml=data)) == ("CL102", "sla-x.yaml", 3, 13)


def test_utf_16_is_not_utf_8(tmp_path: Path) -> None:
    assert place(lay_out(tmp_path, sla__x_yaml="version: 1\n".encode("utf-16"))) == ("CL102", "sla-x.yaml", 1, 1)


def test_a_byte_order_mark_is_refused(tmp_path: Path) -> None:
    assert place(lay_out(tmp_path, sla__x_yaml=b"\xef\xbb\xbfversion: 1\n")) == ("CL103", "sla-x.yaml", 1, 1)


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f", "\x9f", "\ufeff", "\uffff"], ids=lambda text: f"U+{ord(text):04X}")
def test_a_control_character_is_refused_where_it_stands(character: str) -> None:
    compilation = compile_files({"sla.yaml": f"version: 1\n# a{character}b\n"})
    assert [(item.code, item.line, item.column) for item in compilation.diagnostics if item.code == "CL104"] == [("CL104", 2, 4)]


def test_a_lone_surrogate_is_refused_like_a_control_character() -> None:
    problems = Problems()
    assert read("sla.yaml", "version: 1 # \ud800\n", problems) is None
    assert [item.code for item in problems.all()] == ["CL104"]


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    data = b"version: 1\n" + b"#" * MAX_BYTES
    assert place(lay_out(tmp_path, sla__x_yaml=data)) == ("CL105", "sla-x.yaml", 1, 1)


def test_a_missing_directory_and_an_empty_one_are_no_policy(tmp_path: Path) -> None:
    assert codes(compile_policy(tmp_path / "gone")) == ["CL118"]
    assert codes(compile_policy(tmp_path)) == ["CL118"]
    assert compile_files({}).policy is None


def test_a_file_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "sla-x.yaml").symlink_to(tmp_path / "gone.yaml")
    assert place(tmp_path)[:2] == ("CL119", "sla-x.yaml")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    lay_out(tmp_path)
    os.mkfifo(tmp_path / "sla-x.yaml")
    assert place(tmp_path)[:2] == ("CL119", "sla-x.yaml")


def test_links_that_lead_in_a_circle_are_reported(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "sla-x.yaml").symlink_to("sla-y.yaml")
    (tmp_path / "sla-y.yaml").symlink_to("sla-x.yaml")
    assert codes(compile_policy(tmp_path)) == ["CL119", "CL119"]


def test_a_link_that_leaves_the_directory_is_refused_and_one_inside_is_not(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    inside = lay_out(tmp_path / "policies")
    (tmp_path / "secret").write_text("version: 1\n")
    (inside / "sla-x.yaml").symlink_to(tmp_path / "secret")
    assert place(inside)[:2] == ("CL120", "sla-x.yaml")
    (inside / "sla-x.yaml").unlink()
    (inside / "calendars" / "extra").write_text("version: 1\n")
    (inside / "sla-x.yaml").symlink_to(inside / "calendars" / "extra")
    assert compile_policy(inside).diagnostics == ()


def test_an_unreadable_file_hides_no_other_fault_and_invents_none(tmp_path: Path) -> None:
    lay_out(tmp_path, sla__x_yaml=b"\xff", routing__x_yaml=b"version: 1\nqueue: {}\n")
    (tmp_path / "routing.yaml").write_bytes(b"\xff")
    assert sorted(codes(compile_policy(tmp_path))) == ["CL102", "CL102", "CL201"]


def test_hidden_files_and_files_of_other_kinds_are_left_alone(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / ".sla.yaml").write_text("x")
    (tmp_path / "sla.yaml~").write_text("x")
    (tmp_path / "README.md").write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config.yaml").write_text("x")
    (tmp_path / "calendars" / ".old.yaml").write_text("x")
    assert compile_policy(tmp_path).diagnostics == ()


def test_a_team_file_beside_the_policies_is_data_and_not_read_with_them(tmp_path: Path) -> None:
    lay_out(tmp_path, team_yaml=b"nonsense")
    compilation = compile_policy(tmp_path)
    assert compilation.policy is not None
    assert "team.yaml" not in compilation.files


def test_a_team_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    assert codes(load_team(tmp_path / "team.yaml")) == ["CL118"]
    (tmp_path / "team.yaml").write_bytes(b"\xff")
    assert codes(load_team(tmp_path / "team.yaml")) == ["CL102"]


def test_windows_line_ends_are_read_and_shown_without_their_mark(tmp_path: Path) -> None:
    lay_out(tmp_path, sla__x_yaml=b"version: 1\r\nowner: li\r\n")
    (found,) = compile_policy(tmp_path).diagnostics
    assert found.excerpt == "owner: li"


def test_a_list_at_the_top_is_reported_once_and_its_kind_is_not_missed() -> None:
    files = {**shipped().files, "sla.yaml": "- version: 1\n"}
    assert codes(compile_files(files)) == ["CL203"]


def test_the_same_section_in_two_files_is_reported() -> None:
    files = {**shipped().files, "sla-x.yaml": "version: 1\non_tier_change: keep\nconditions:\n  vip: {use: core_business_down}\n"}
    assert codes(compile_files(files)) == ["CL301", "CL301"]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-12", -12),
        ("1.50", 1.5),
        ("10m", "10m"),
        ("1-5", "1-5"),
        ("y", "y"),
        ("24x7", "24x7"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_plain_words_are_what_they_seem(word: str, value: object) -> None:
    found = resolve(word)
    assert (found, type(found)) == (value, type(value))


def test_places_count_characters_and_not_bytes() -> None:
    root = read("sla.yaml", "名字: {甲: 乙, 丙: 丁}\n", Problems())
    assert root is not None
    span = root["名字"]["丙"].span
    assert (span.line, span.column, span.end_line, span.end_column) == (1, 15, 1, 16)
    assert root["名字"]["丙"].path == "名字.丙"


def test_a_block_text_knows_that_it_begins_one_line_lower() -> None:
    root = read("sla.yaml", "a: |\n  text\nb: text\n", Problems())
    assert isinstance(root, Node)
    assert (root["a"].block, root["b"].block) == (True, False)


def test_the_text_form_marks_the_place_under_wide_characters() -> None:
    compilation = compile_files({**shipped().files, "sla-x.yaml": "version: 1\n所有者: 李强\n"})
    assert format_text(compilation.diagnostics) == (
        "sla-x.yaml:2:1: error CL201: unknown key `所有者` here\n"
        "  所有者: 李强\n"
        "  ^^^^^^\n"
        "  hint: known: conditions, deadlines, escalations, on_calendar_change, on_customer_change, on_later_promise, on_queue_change, "
        "on_tier_change, tiers"
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_mark_of_another_encoding_is_called_by_its_name(tmp_path: Path, encoding: str) -> None:
    directory = lay_out(tmp_path, sla__x_yaml="\ufeffversion: 1\n".encode(encoding))
    (found,) = compile_policy(directory).diagnostics
    assert (found.code, found.message) == ("CL102", f"the file is encoded in {encoding[:6].upper()}, not in UTF-8")


def test_the_bound_of_the_parser_on_depth_is_the_bound_on_depth() -> None:
    problems = Problems()
    assert read("sla.yaml", "version: 1\nconditions: " + "[" * 5000, problems) is None
    assert [(item.code, item.line) for item in problems.all()] == [("CL106", 2)]


def test_a_directory_named_like_a_file_is_reported(tmp_path: Path) -> None:
    (lay_out(tmp_path) / "sla-x.yaml").mkdir()
    assert place(tmp_path)[:2] == ("CL119", "sla-x.yaml")


def test_a_name_that_is_no_text_is_reported_so_that_it_can_be_printed(tmp_path: Path) -> None:
    directory = lay_out(tmp_path)
    Path(os.fsdecode(os.fsencode(directory) + b"/sla-\xff.yaml")).write_text("version: 1\n")
    assert place(directory)[:2] == ("CL117", "sla-?.yaml")


def test_of_too_many_files_none_is_read(tmp_path: Path) -> None:
    for number in range(1001):
        (tmp_path / f"sla-{number}.yaml").write_text("version: 9\n")
    compilation = compile_policy(tmp_path)
    assert [(item.code, item.message) for item in compilation.diagnostics] == [("CL121", "there are 1,001 files here, more than 1,000")]
    (tmp_path / "sla-1000.yaml").unlink()
    assert "CL121" not in codes(compile_policy(tmp_path))


def test_of_very_many_faults_the_first_are_told_and_nothing_is_said_of_the_rest_of_the_file() -> None:
    conditions = "".join(f"  c{number}: {{field: ticket.kid, is: care}}\n" for number in range(150))
    found = compile_files({**shipped().files, "sla-x.yaml": f"version: 1\nconditions:\n{conditions}"}).diagnostics
    assert sorted({item.code for item in found}) == ["CL204", "CL212"]
    assert len(found) == 101


def test_of_a_long_line_what_stands_around_the_place_is_shown() -> None:
    def shown(text: str) -> tuple[str, str]:
        problems = Problems()
        problems.know_text("sla.yaml", text)
        problems.file("CL101", "sla.yaml", "message", column=text.index("!") + 1)
        _, excerpt, caret = format_text(problems.all()).split("\n")
        return excerpt, excerpt[caret.index("^")]

    assert shown("a" * 300 + "!" + "b" * 300) == (f"  …{'a' * 80}!{'b' * 159}…", "!")
    assert shown("!" + "b" * 300) == (f"  !{'b' * 239}…", "!")
    assert shown("a" * 300 + "!") == (f"  …{'a' * 80}!", "!")
    assert shown("a" * 239 + "!") == (f"  {'a' * 239}!", "!")


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        (
            "zh: 宕机😀,瘫痪",
            "the comma ends the text, and `瘫痪` has no value",
            '"宕机😀,瘫痪"; several values stand in brackets: [宕机😀,瘫痪]',
        ),
        ("zh: a, b,5", "the comma ends the text, and `b` has no value", '"a, b,5"; several values stand in brackets: [a, b,5]'),
        ("zh: a,\n  b", "the comma ends the text, and `b` has no value", '"a, b"; several values stand in brackets: [a, b]'),
        ('zh: 说"好",b', "the comma ends the text, and `b` has no value", '\'说"好",b\'; several values stand in brackets: [说"好",b]'),
        ("zh: a,b, en: c", "the comma ends the text, and `b` has no value", '"a,b"; several values stand in brackets: [a,b]'),
    ],
)
def test_a_text_that_its_commas_tear_apart_is_reported_once_with_the_quotes_it_needs(written: str, message: str, hint: str) -> None:
    [item] = overlaid({"company.yaml": COMPANY.replace("{zh: 明远科技, en: Mingyuan Technology}", f"{{{written}}}")}).diagnostics
    assert (item.code, item.message, item.hint) == ("CL116", message, f"put the whole text in quotes: {hint}")


@pytest.mark.parametrize("written", ['zh: "a", b', "zh: a, en: ", "zh: , en: b"])
def test_a_key_without_a_value_is_no_part_of_a_text(written: str) -> None:
    found = overlaid({"company.yaml": COMPANY.replace("{zh: 明远科技, en: Mingyuan Technology}", f"{{{written}}}")}).diagnostics
    assert {(item.code, item.message) for item in found} == {("CL116", "a value is missing here")}


def test_a_text_of_very_many_commas_takes_no_more_time_than_its_length() -> None:
    torn = "zh: " + ",".join("a" * 200_000)
    [item] = overlaid({"company.yaml": COMPANY.replace("{zh: 明远科技, en: Mingyuan Technology}", f"{{{torn}}}")}).diagnostics
    assert len(item.hint) < 300
