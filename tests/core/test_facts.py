"""What a decision looks at of the agents, and nothing beside it."""

from msgspec.structs import replace

from engine.core.facts import AgentFacts, Agents
from tests.core.worlds import facts

QUEUES = {"zhao": ("front_desk",), "wang": ("front_desk", "after_sales"), "zhou": ()}
KNOWN = facts().agents


def agents() -> Agents:
    made: list[str] = []

    def make(id: str) -> AgentFacts:
        assert id not in made, "each is made once"
        made.append(id)
        return KNOWN[id]

    return Agents(QUEUES, make)


def test_an_agent_is_made_when_they_are_first_looked_at() -> None:
    few = agents()
    assert (list(few), len(few), few.looked_at) == (["zhao", "wang", "zhou"], 3, {})
    assert few["wang"] is few["wang"] is few.get("wang")
    assert few.looked_at == {"wang": KNOWN["wang"]}


def test_nobody_is_made_of_a_name_that_is_not_of_the_team() -> None:
    few = agents()
    assert (few.get("li"), "li" in few, few.looked_at) == (None, False, {})


def test_a_queues_agents_are_found_in_the_order_of_the_team_and_are_looked_at() -> None:
    few = agents()
    seen = replace(facts(), agents=few)
    assert [one.id for one in seen.of_queue("front_desk")] == ["zhao", "wang"]
    assert [one.id for one in seen.of_queue("after_sales")] == ["wang"]
    assert seen.of_queue("finance") == seen.of_queue(None) == []
    assert list(few.looked_at) == ["zhao", "wang"]
    plain = replace(facts(), agents={id: KNOWN[id] for id in QUEUES})
    assert [one.id for one in plain.of_queue("front_desk")] == ["zhao", "wang"]
