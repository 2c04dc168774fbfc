"""Reads the project's Markdown: fenced blocks with the comment before them, links, headings, commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.repository import ROOT, tracked_files, where

_FENCE = re.compile(r"^( *)(`{3,}|~{3,})\s*([\w-]*)")
_COMMENT = re.compile(r"^\s*<!--\s*(.*?)\s*-->\s*$")
_INLINE_CODE = re.compile(r"(`+)(.+?)\1")
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
_COMMAND = re.compile(r"(?<![\w./-])engine(?= |$)[^;&|>)]*(?:\|[a-z][^;&|>) ]*[^;&|>)]*)*")
SHELLS = ("sh", "bash", "console")


@dataclass(frozen=True)
class Block:
    """A fenced block: `comment` is the HTML comment on the line before it, `line` where its first line stands."""

    path: Path
    line: int
    language: str
    comment: str
    text: str

    def __str__(self) -> str:
        return where(self.path, self.line)

    @property
    def script(self) -> str:
        """What a shell is given: all of it, or the lines after `$ ` of a console."""
        if self.language != "console":
            return self.text
        return "\n".join(line[2:] for line in self.text.splitlines() if line.startswith("$ "))


def documents() -> list[Path]:
    return tracked_files("*.md")


def blocks(path: Path) -> list[Block]:
    found: list[Block] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        if fence is None:
            number += 1
            continue
        before = _COMMENT.match(lines[number - 1]) if number else None
        end = next(at for at in range(number + 1, len(lines)) if lines[at].strip().startswith(fence[2]))
        text = "".join(f"{line.removeprefix(fence[1])}\n" for line in lines[number + 1 : end])
        found.append(Block(path, number + 2, fence[3], before[1] if before else "", text))
        number = end + 1
    return found


def all_blocks(*languages: str) -> list[Block]:
    return [block for path in documents() for block in blocks(path) if block.language in languages]


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines that stand outside fenced blocks."""
    inside = {number for block in blocks(path) for number in range(block.line - 1, block.line + block.text.count("\n") + 1)}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if number not in inside:
            yield number, line


def links(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in prose(path):
        for target in _LINK.findall(_INLINE_CODE.sub("``", line)):
            yield number, target


def anchors(path: Path) -> set[str]:
    """The names that headings are linked by: lower case, words joined by hyphens, punctuation dropped."""
    headings = [line.lstrip("#").strip() for _, line in prose(path) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Every `engine …` in inline code and in blocks for a shell, split into words, with its line."""
    for number, line in prose(path):
        for _, code in _INLINE_CODE.findall(line):
            if code.startswith("engine "):
                yield from _words(number, code.replace("\\|", "|"))
    for block in blocks(path):
        if block.language not in (*SHELLS, "ini"):
            continue
        for number, line in enumerate(block.text.splitlines(), start=block.line):
            if block.language != "console" or line.startswith("$ "):
                for command in _COMMAND.findall(line.partition(" #")[0].removeprefix("$ ")):
                    yield from _words(number, command)


def _words(number: int, command: str) -> Iterator[tuple[int, list[str]]]:
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation that goes on in the next line
        words = command.split()
    yield number, words[1:]


def of(name: str) -> Path:
    return ROOT / name
