"""What is new in a reply: quotations, attribution lines and signatures of the usual mail programs taken away, line by line.

Own rules instead of a library: the ones that exist match expressions that backtrack over whole messages, which a hostile mail can use
to stop the channel, and know Chinese mail programs poorly. These look at one line, or at a few short ones, at a time.
"""

import re
from collections.abc import Iterator
from itertools import islice

# "-----Original Message-----", "------------------ 原始邮件 ------------------", "---- 回复的原邮件 ----"
_SEPARATOR = re.compile(
    r"\s*[-_—=]{2,}\s*(original message|original appointment|forwarded message|原始邮件|原邮件|回复的原邮件|回复的邮件|转发的邮件"
    r"|转发邮件信息|原始郵件|mail original|ursprüngliche nachricht)\s*[-_—=]{2,}\s*",
    re.IGNORECASE,
)
_ATTRIBUTION_START = re.compile(r"\s*(on\s|在|于|am\s|le\s|el\s|at\s|[^\s<>:：,，]{1,40}\s{0,3}于|.{0,60}<[^<>\s]{3,100}>)", re.IGNORECASE)
_ATTRIBUTION_END = re.compile(r"(wrote|写道|寫道|schrieb.{0,80}|a écrit|escribió)\s{0,3}[:：]\s*", re.IGNORECASE)
_HEADER_START = re.compile(r"[\s*]{0,8}(from|发件人|寄件者|寄件人|von|de|发自)[*\s]{0,4}[:：]", re.IGNORECASE)
_HEADER_NEXT = re.compile(
    r"[\s*]{0,8}(sent|date|to|cc|subject|发送时间|发送日期|日期|时间|收件人|抄送|主题|收件者|主旨|寄件日期|gesendet|an|betreff)[*\s]{0,4}[:：]",
    re.IGNORECASE,
)
_RULE = re.compile(r"\s*[_-]{10,}\s*")
_APP_SIGNATURE = re.compile(
    r"\s*(sent from (my|mail|outlook|yahoo)\b.{0,60}|get outlook for .{0,40}|发自我的.{0,40}|来自我的.{0,40}|从我的.{0,40}发送"
    r"|發自我的.{0,40}|发送自.{0,40}|从 ?windows.{0,20}版邮件发送)\s*",
    re.IGNORECASE,
)
_ATTRIBUTION_LINES = 3
_HEADER_LINES = 4
_SIGNATURE_LINES = 15
_LONGEST = 300
_TEXT_LIMIT = 100_000


def new_text(text: str) -> str:
    """Return the part of `text` the sender wrote now; it may be empty. Only the first 100,000 characters are looked at."""
    lines = text[:_TEXT_LIMIT].replace("&nbsp;", " ").replace("\xa0", " ").split("\n")  # QQ writes &nbsp; into plain text
    kept: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        length = _attribution_at(lines, index)
        if _ends_new_part(lines, index) or (length and not _quote_follows(lines, index + length)):
            break
        if length:
            index += length
            continue
        if not _quoted(line):
            kept.append(line)
        index += 1
    return "\n".join(_without_app_signature(kept)).strip()


def _ends_new_part(lines: list[str], index: int) -> bool:
    line = lines[index]
    if len(line) > _LONGEST:
        return False
    if line == "-- ":
        return True
    if line == "--":
        following = (later for later in _from(lines, index + 1) if later.strip() and not _quoted(later))
        return sum(1 for _ in islice(following, _SIGNATURE_LINES + 1)) <= _SIGNATURE_LINES
    return _SEPARATOR.fullmatch(line) is not None or _header_block_at(lines, index)


def _header_block_at(lines: list[str], index: int) -> bool:
    """Outlook quotes by repeating the header: From or 发件人, and soon after it at least one of Sent, To and Subject."""
    if _RULE.fullmatch(lines[index]):
        index = next((later for later in range(index + 1, min(index + 3, len(lines))) if lines[later].strip()), index)
    if not _HEADER_START.match(lines[index][:_LONGEST]):
        return False
    return any(_HEADER_NEXT.match(later[:_LONGEST]) for later in lines[index + 1 : index + 1 + _HEADER_LINES])


def _attribution_at(lines: list[str], index: int) -> int:
    """Return how many lines an attribution ("On … wrote:", broken over up to three lines) takes here; 0 when none begins."""
    first = lines[index]
    if len(first) > _LONGEST or not _ATTRIBUTION_START.match(first):
        return 0
    for length in range(1, _ATTRIBUTION_LINES + 1):
        last = lines[index + length - 1 : index + length]
        if not last or not last[0].strip() or _quoted(last[0]) or len(last[0]) > _LONGEST:
            return 0
        end = _ATTRIBUTION_END.search(last[0])
        if end and end.end() == len(last[0]):
            return length
    return 0


def _quote_follows(lines: list[str], index: int) -> bool:
    return _quoted(next((line for line in _from(lines, index) if line.strip()), ""))


def _from(lines: list[str], index: int) -> Iterator[str]:
    return (lines[later] for later in range(index, len(lines)))


def _quoted(line: str) -> bool:
    return line.startswith((">", " >", "＞"))


def _without_app_signature(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    if end and len(lines[end - 1]) <= _LONGEST and _APP_SIGNATURE.fullmatch(lines[end - 1]):
        return lines[: end - 1]
    return lines
