"""Fonts for charts: those of the machine. None is bundled, because Chinese fonts are large and every system has its own."""

import re
from functools import cache

from matplotlib import font_manager

from engine.errors import EngineError

CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Droid Sans Fallback",
)
"""Sans-serif families with Simplified Chinese, the best first."""

LATIN = "DejaVu Sans"
"""Comes with matplotlib."""

_IDEOGRAPHS = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


def families(texts: str, language: str) -> list[str]:
    """Return the families that the texts of a chart are set in. Raises EngineError where they are Chinese and no font here has that."""
    chinese = _chinese()
    if chinese is None:
        if _IDEOGRAPHS.search(texts):
            raise EngineError(
                "no font with Chinese characters is installed, which the charts need: apt-get install fonts-noto-cjk, or fonts-wqy-microhei"
            )
        return [LATIN]
    return [chinese, LATIN] if language.partition("-")[0] == "zh" else [LATIN, chinese]


@cache
def _chinese() -> str | None:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in CHINESE if name in installed), None)
