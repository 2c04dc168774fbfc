"""The words on forms and reports, in Chinese and English. What the policy names (tiers, queues, deadlines) has its labels there."""

import json
from collections.abc import Mapping
from importlib import resources

LANGUAGES = ("zh", "en")
"""The languages of this catalogue; the first is also used for its variants (zh-TW), the second for every other."""

CATALOGUE: Mapping[str, Mapping[str, str]] = json.loads(resources.files("engine.analysis").joinpath("labels.json").read_text("utf-8"))
"""Key → language → words."""


def base_language(language: str) -> str:
    """Return the catalogue's language that serves `language` best."""
    return LANGUAGES[0] if language.partition("-")[0].lower() == LANGUAGES[0] else LANGUAGES[1]


def label(key: str, language: str) -> str:
    """Return the words for a key; a key that is not in the catalogue (a channel named in engine.yaml) stands for itself."""
    words = CATALOGUE.get(key)
    return words[base_language(language)] if words else key.partition(".")[2] or key
