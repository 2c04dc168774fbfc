"""Which cron expressions a policy or a deployment may have; tests/runtime/test_cron.py has their slots."""

import pytest

from engine.policy.cron import check_cron, refusal
from engine.policy.diagnostics import Problems
from engine.policy.reader import read
from engine.policy.said import translated

UNDERSTOOD = ["0 3 * * *", "*/15 9-17 * * mon-fri", "@daily", "0 3 */2 * *", "0 3 * * */2", "0 3 1 * mon", "0 9 * * mon#1", "0 0 29 2 *"]


@pytest.mark.parametrize("expression", UNDERSTOOD)
def test_expressions_of_five_fields_and_the_usual_words_are_understood(expression: str) -> None:
    assert refusal(expression) is None


@pytest.mark.parametrize(
    ("expression", "code", "message"),
    [
        ("often", "CL341", "`often` is no cron expression"),
        ("0 3 * * * 30", "CL341", "`0 3 * * * 30` is no cron expression"),
        ("R R * * *", "CL341", "`R R * * *` is no cron expression"),
        ("0 3 30 2 *", "CL341", "`0 3 30 2 *` never comes"),
        ("0 3 */2 * */3", "CL340", "`0 3 */2 * */3` asks for steps of both the day of the month and the weekday"),
    ],
)
def test_others_are_refused_with_a_hint(expression: str, code: str, message: str) -> None:
    odd = refusal(expression)
    assert odd is not None
    assert (odd.code, odd.message) == (code, message)
    assert odd.hint
    assert translated(odd.message, "zh") != odd.message
    assert translated(odd.hint, "zh") != odd.hint


def test_a_refusal_is_told_where_the_expression_stands() -> None:
    problems = Problems()
    root = read("engine.yaml", 'a: "0 3 * * *"\nb: "0 3 */2 * */2"\n', problems)
    assert root is not None
    for node in root.children():
        check_cron(node, problems)
    assert [(item.code, item.line, item.column, item.path) for item in problems.all()] == [("CL340", 2, 4, "b")]
