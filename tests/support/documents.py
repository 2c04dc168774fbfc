"""A document with one of everything, and with words that mean harm."""

from engine.documents import Cell, Chart, Document, Highlight, Section, Series, Table

HOSTILE = '=HYPERLINK("http://evil.test")<script>alert(1)</script>'
MONTHS = tuple(f"2026-{month:02}" for month in range(1, 10))


def share(value: float, tone: str = "") -> Cell:
    return Cell(f"{value:.1%}", value, "share", tone)


def charts() -> tuple[Chart, ...]:
    values = (0.8, 0.82, None, 0.85, 0.86, 0.9, 0.91, 0.6, 0.93)
    low, high = (tuple(None if value is None else value + way * 0.05 for value in values) for way in (-1, 1))
    rate = Series("按时率", values, low, high)
    limits = Series("按时率", values, (None, *(0.7,) * 8), (None, *(0.98,) * 8))
    scores = tuple(Series(str(score), (float(score), float(6 - score))) for score in range(1, 6))
    counted = Series("次数", (5.0, 3.0, 2.0)), Series("累计占比", (0.5, 0.8, 1.0), unit="share")
    return (
        Chart("trend", "按时率走势", "share", MONTHS, (rate,), (0.95,) * 9, "目标", note="阴影为区间"),
        Chart("control", "控制图", "share", MONTHS, (limits,), note="第8周超出"),
        Chart("bars", "各等级", "duration", ("紧急", "一般", "Important customers of the house"), (Series("x", (3600.0, None, 7200.0)),)),
        Chart(
            "bars", "Tiers", "share", ("a", "b"), (Series("x", (0.9, 0.4), (0.8, 0.3), (0.95, 0.5)),), (0.95, None), "目标", ("good", "bad")
        ),
        Chart("shares", "评分", "count", ("速度", "态度"), scores),
        Chart("pareto", "原因", "count", ("流程", "人员", "技术"), counted),
    )


def sample() -> Document:
    table = Table(
        "各项指标",
        ("指标", "本期", "本期", ""),
        (
            (Cell("达成率"), share(0.931, "good"), Cell("▲ +2.0 个百分点", 0.02, "share", "good"), Cell(HOSTILE)),
            (Cell("时长"), Cell("1小时30分钟", 5400.0, "duration", "bad"), Cell("-10分钟", -600.0, "duration"), Cell("–", tone="quiet")),
        ),
        "注",
    )
    return Document(
        name="month-2026-09",
        language="zh",
        company="示例公司 & Co",
        title="客户服务改进月报",
        period="2026年9月",
        summary=("本期受理客户需求 214 项。", HOSTILE),
        highlights=(Highlight("达成率", share(0.931, "good"), "目标 95%"),),
        sections=(Section("指标完成情况", (table, "一句话。")), Section("走势", charts()), Section("走势", ())),
    )
