"""Patterns that make a backtracking engine run for ever, or a careless one fill its memory, and the texts that hurt them most."""

from itertools import product
from random import Random

LENGTH = 100_000

_NESTED = [f"({inner}{first}){second}{end}" for inner, first, second, end in product(["a", "[a-z]", "a|aa", "."], "+*", "+*", ["$", "b"])]
_ALTERNATIONS = [
    "(a|a)*b",
    "(a|aa)+$",
    "(a|a|a|a|a|a|a|a)*b",
    "(a|ab|abc|abcd)*e",
    "(.*a|.*b|.*c)*d",
    "(x|y|z|a)*(x|y|z|a)*(x|y|z|a)*b",
    "(?:a|b|ab|ba)*c",
    "((a|b)*c|(a|b)*d)*e",
    "|".join(f"a{{{count}}}b" for count in range(1, 31)),
    "(" + "|".join(["a"] * 200) + ")*b",
    "(" + "|".join(f"a{'a' * count}" for count in range(60)) + ")*b",
    "(?:" + "|".join(f"{letter}*" for letter in "abcdefgh") + ")*z",
]
_REPEATED = [
    *(f"a{{0,{count}}}b" for count in (10, 100, 500, 1000)),
    *(f"(a?){{{count}}}a{{{count}}}b" for count in (10, 30, 100, 300)),
    *(f"(a{{0,{count}}}){{0,{count}}}b" for count in (5, 10, 30)),
    *(".*" * count + "b" for count in (2, 5, 20, 50)),
    *(f"(.*a){{{count}}}b" for count in (5, 20, 100)),
    *(f"[^b]{{{count}}}b" for count in (10, 100, 1000)),
    "(((((a*)*)*)*)*)*b",
    "((a{1,9}){1,9}){1,9}b",
    "(a*)*(a*)*(a*)*(a*)*b",
]
_MAIL_LIKE = [
    r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(\w+\s?)*$\d",
    r"(\d+)*[^\d]\d$",
    r"^(\w+)*@(\w+)*\.(\w+)*$",
    r"(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+cn",
    r"^(?:(?:https?://)?(?:www\.)?[a-z]+)+\d$",
    r"(?i)(a+)+B",
    r"(?s).*(.*)*.*\z.",
    r"(?:\s*\w+\s*)*:",
    r"\b(\w+\b)*\b!",
    r"(?:a+)+(?:a+)+(?:a+)+!",
]
_UNICODE = [
    r"(\p{L}+)+\d",
    r"(\p{Han}|\p{L})*\d$",
    r"[\p{L}\p{N}]{500}!",
    r"(\p{Lu}?\p{Ll}*)*\d",
    r"([^\x00-\x{10FFFF}]|a)*b",
    r"(宕机|宕|机)*系统",
    r"(.{1,50}宕机){1,10}",
    r"[一-龥]{1,500}坏",
    r"(?:[^,。]*,)*。",
    r"\PN+\pN",
]
_TOO_MUCH = [
    "((a{1,100}){1,100}){1,100}",
    "(((a{30}){30}){30}){30}",
    "a{1001}",
    "a{1000}{1000}",
    "(" * 2000 + "a" + ")" * 2000,
    r"(a)\1",
    "(?=a+)a",
    "(?<!a)b",
    "(?>a+)b",
    r"[\p{L}\p{M}\p{N}]{1000}{9}",
    r"[\p{L}\p{N}]{200}!",
    "(.{1,100}宕机.{1,100}){1,9}",
    "(a|b)*a(a|b){20}c",
    "x*(a|b)*a[a-d]{14}[^a-d]",
    "(",
    "[z-a]",
    "*a",
]
EVIL = tuple(dict.fromkeys([*_NESTED, *_ALTERNATIONS, *_REPEATED, *_MAIL_LIKE, *_UNICODE, *_TOO_MUCH]))


def texts() -> tuple[str, ...]:
    """The texts of `LENGTH` characters to try each on: what repeats its parts and never ends as it wants, and mixtures of those."""
    units = ("a", "ab", "a ", "abcd", "宕机", "系统坏了,")
    chance = Random(7)
    mixed = ("".join(chance.choices(letters, k=LENGTH)) for letters in ("ab", "abcd宕机系统, "))
    return (*((unit * LENGTH)[:LENGTH] for unit in units), *mixed)
