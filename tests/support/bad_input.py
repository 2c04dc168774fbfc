"""Policies that are damaged or hostile: what each does to a copy of the shipped ones, and which diagnostic must name it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from engine.resources import shipped_policies


class Case(NamedTuple):
    """`damage` changes a copy of the shipped policies; `code` is found in `file`, or nothing is wrong at all when it is empty."""

    name: str
    damage: Callable[[Path], object]
    code: str
    file: str = "sla-x.yaml"
    says: str = ""


def lay_out(case: Case, root: Path) -> Path:
    """Lay out the policies of a case; return their directory."""
    directory = root / "policies"
    shutil.copytree(shipped_policies(), directory)
    case.damage(directory)
    return directory


def _bytes(data: bytes, name: str = "sla-x.yaml") -> Callable[[Path], object]:
    return lambda directory: (directory / name).write_bytes(data)


def _text(text: str, name: str = "sla-x.yaml") -> Callable[[Path], object]:
    return _bytes(text.encode(), name)


def _sparse(size: int) -> Callable[[Path], object]:
    def damage(directory: Path) -> None:
        with (directory / "sla-x.yaml").open("wb") as file:
            file.truncate(size)

    return damage


def _many(directory: Path) -> None:
    for number in range(10_000):
        (directory / f"sla-{number:05}.yaml").write_text(f"version: 1\nconditions:\n  c{number}: {{field: ticket.kid, is: care}}\n")


def _in_circle(directory: Path) -> None:
    (directory / "sla-x.yaml").symlink_to("sla-y.yaml")
    (directory / "sla-y.yaml").symlink_to("sla-x.yaml")


def _folder_in_circle(directory: Path) -> None:
    (directory / "calendars" / "again.yaml").symlink_to(directory)


def _windows(directory: Path) -> None:
    for path in directory.rglob("*.yaml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


_BOMB = "version: 1\na: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
_TIER = "version: 1\ntiers:\n  - {{id: x, label: x, when: {{use: vip}}, budgets: {{response: 5m, plan: {plan}}}, calendar: 24x7}}\n"
_SHIPPED_TEXT = (shipped_policies() / "sla.yaml").read_text("utf-8")

CASES = (
    Case("bomb of aliases", _text(_BOMB), "CL108"),
    Case("merge bomb", _text("version: 1\nconditions: {<<: [{a: 1}, {b: 2}]}\n"), "CL110"),
    Case("tag", _text("version: 1\nconditions: !!python/object/apply:os.system [ls]\n"), "CL109"),
    Case("alias without anchor", _text("version: 1\nconditions: *nothing\n"), "CL108"),
    Case("1 GB, sparse", _sparse(1 << 30), "CL105"),
    Case("1 TB, sparse", _sparse(1 << 40), "CL105"),
    Case("a million spaces", _text(" " * 999_999), "CL116"),
    Case("random bytes", _bytes(bytes(range(256)) * 100), "CL104|CL102"),
    Case("NUL", _bytes(b"version: 1\0\n"), "CL104"),
    Case("only NUL", _bytes(b"\0" * 900_000), "CL104"),
    Case("an image", _bytes(b"\x89PNG\r\n\x1a\n" + bytes(500)), "CL102"),
    Case("BOM of UTF-8", _bytes(b"\xef\xbb\xbfversion: 1\n"), "CL103"),
    Case("BOM of UTF-16", _bytes("\ufeffversion: 1\n".encode("utf-16-le")), "CL102", says="UTF-16"),
    Case("BOM of UTF-16, big endian", _bytes("\ufeffversion: 1\n".encode("utf-16-be")), "CL102", says="UTF-16"),
    Case("BOM of UTF-32", _bytes("\ufeffversion: 1\n".encode("utf-32-le")), "CL102", says="UTF-32"),
    Case("BOM of UTF-32, big endian", _bytes("\ufeffversion: 1\n".encode("utf-32-be")), "CL102", says="UTF-32"),
    Case("UTF-16 without BOM", _bytes("version: 1\n".encode("utf-16-le")), "CL104"),
    Case("GBK", _bytes("version: 1\n# 服务等级\n".encode("gbk")), "CL102"),
    Case("mixed encodings", _bytes("# 等级\n".encode() + "# 等级\nversion: 1\n".encode("gbk")), "CL102"),
    Case("half a character", _bytes(b"version: 1\n# \xe7\xad"), "CL102"),
    Case("surrogates", _bytes(b"version: 1\n# \xed\xa0\x80\n"), "CL102"),
    Case("tabs", _text("version: 1\nconditions:\n\tvip: {field: customer.known, is: true}\n"), "CL114"),
    Case("duplicate key", _text("version: 1\nversion: 1\n"), "CL107"),
    Case("time without quotes", _text("version: 1\nconditions:\n  x: {field: call.queue, is: 9:00}\n"), "CL113"),
    Case("time with a zero, without quotes", _text("version: 1\nconditions:\n  x: {field: call.queue, is: 09:00}\n"), "CL113"),
    Case(
        "time in quotes, one digit",
        _text('version: 1\ncalendars:\n  x: {timezone: UTC, weekly: {mon: ["9:00-10:00"]}}\n', "calendars/x.yaml"),
        "CL205",
        "calendars/x.yaml",
    ),
    Case("no", _text("version: 1\nconditions:\n  x: {field: call.queue, is: no}\n"), "CL113"),
    Case("on", _text("version: 1\nconditions:\n  x: {field: call.queue, is: on}\n"), "CL113"),
    Case("octal", _text("version: 1\nconditions:\n  x: {field: call.queue, is: 0123}\n"), "CL113"),
    Case("no quotes around false", _text("version: 1\nconditions:\n  x: {field: customer.known, is: False}\n"), "CL113"),
    Case("full-width colon", _text("version\uff1a 1\n"), "CL115"),
    Case("full-width comma", _text("version: 1\nconditions:\n  x: {field: ticket.kind, in: [care\uff0c complaint]}\n"), "CL115"),
    Case("full-width digits", _text(_TIER.format(plan="\uff11\uff10h")), "CL115"),
    Case("full-width version", _text("version: \uff11\n"), "CL115"),
    Case("Windows line ends", _windows, ""),
    Case("old Macintosh line ends", _bytes(_SHIPPED_TEXT.encode().replace(b"\n", b"\r"), "sla.yaml"), ""),
    Case("deep nesting, flow", _text("version: 1\nconditions: " + "[" * 100_000), "CL106"),
    Case("deep nesting, block", _text("version: 1\n" + "".join(f"{' ' * depth}a:\n" for depth in range(1, 1000))), "CL101|CL106"),
    Case("deep nesting, keys", _text("version: 1\nconditions: " + "{a: " * 100_000), "CL106"),
    Case("unending brackets", _text("{" * 900_000), "CL111|CL106|CL101"),
    Case("a question mark a line", _text("? " * 400_000), "CL111|CL101|CL106"),
    Case("dashes", _text("- " * 400_000), "CL106|CL101"),
    Case(
        "a line of a million characters", _text("version: 1\nconditions: {x: {field: ticket.kind, is: " + "x" * 990_000 + "}}\n"), "CL204"
    ),
    Case("a key of a million characters", _text("version: 1\n" + "k" * 990_000 + ": 1\n"), "CL101|CL201"),
    Case("a hundred thousand unknown keys", _text("version: 1\n" + "".join(f"k{number}: 1\n" for number in range(90_000))), "CL201"),
    Case(
        "ten thousand faults",
        _text("version: 1\nconditions:\n" + "".join(f"  c{number}: {{field: ticket.kid, is: care}}\n" for number in range(10_000))),
        "CL204",
    ),
    Case("a number of a million digits", _text(f"version: {'1' * 990_000}\n"), "CL113"),
    Case("unclosed quote", _text('version: 1\nconditions: "' + "x\n" * 400_000), "CL101"),
    Case("directives", _text("%YAML 9.9\n---\nversion: 1\n"), "CL101"),
    Case("two documents", _text("version: 1\n---\nversion: 1\n"), "CL112"),
    Case("link in a circle", _in_circle, "CL119"),
    Case("link to itself", lambda directory: (directory / "sla-x.yaml").symlink_to("sla-x.yaml"), "CL119"),
    Case("link to the directory", _folder_in_circle, "CL119", "calendars/again.yaml"),
    Case("link to a device", lambda directory: (directory / "sla-x.yaml").symlink_to("/dev/zero"), "CL120"),
    Case("link to nothing", lambda directory: (directory / "sla-x.yaml").symlink_to("gone.yaml"), "CL119"),
    Case("FIFO", lambda directory: os.mkfifo(directory / "sla-x.yaml"), "CL119"),
    Case("directory with a file's name", lambda directory: (directory / "sla-x.yaml").mkdir(), "CL119"),
    Case("ten thousand files", _many, "CL121", "policies"),
    Case("name of 255 characters", _text("version: 1\n", f"{'x' * 250}.yaml"), "CL117", f"{'x' * 250}.yaml"),
    Case(
        "name that is no text",
        lambda directory: Path(os.fsdecode(os.fsencode(directory) + b"/sla-\xff.yaml")).write_text("version: 1\n"),
        "CL117",
        "sla-?.yaml",
    ),
)
