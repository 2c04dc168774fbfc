"""What one process does not finish on a shared database must not keep the others from their work, nor make them do it twice."""

from datetime import timedelta

import pytest

from engine.runtime import outbox
from engine.runtime.claims import TURNS
from engine.runtime.engine import Engine
from engine.runtime.handle import handle
from engine.store import Conflict
from tests.runtime.test_sharing import NOW, Slow, postman, queue
from tests.runtime.test_sharing import engines as engines  # a fixture
from tests.store.samples import message, the


def test_a_message_that_somebody_is_just_booking_holds_no_other_back(engines: list[Engine]) -> None:
    left, right = engines
    late = NOW + timedelta(hours=1)
    with left.store.write() as tx:
        for id in ("a", "b"):
            tx.queue_message(message(id, created_at=NOW))
        tx.claim_messages("email", NOW, 2)
    with left.store.write() as tx:
        assert tx.message_sent("a", None, NOW)
        with right.store.write(timedelta(milliseconds=100)) as other:
            assert other.recover_sending(late, late) == 1
    with right.store.read() as reader:
        assert {row.id: row.state for row in reader.messages()} == {"a": "sent", "b": "queued"}


@pytest.mark.parametrize("conflicts", [2, 3])
def test_what_a_carrier_took_is_kept_though_somebody_is_at_its_ticket(
    engines: list[Engine], monkeypatch: pytest.MonkeyPatch, conflicts: int
) -> None:
    left, _ = engines
    number, carrier = queue(left), Slow(lambda: None)
    failures = iter([Conflict("somebody was there first")] * conflicts)

    def second(*arguments: object, **named: object) -> object:
        if (failure := next(failures, None)) is not None:
            raise failure
        return handle(*arguments, **named)  # type: ignore[arg-type]  # whatever they are

    monkeypatch.setattr(outbox, "handle", second)
    if conflicts == TURNS:
        with pytest.raises(Conflict):
            postman(left).dispatch(carrier, left.world, lambda: NOW)  # type: ignore[arg-type]  # a carrier is what a channel does with one
    else:
        assert len(postman(left).dispatch(carrier, left.world, lambda: NOW)) == 1  # type: ignore[arg-type]  # likewise
    with left.store.read() as reader:
        assert the(reader.message("m")).state == ("sending" if conflicts == TURNS else "sent")
        assert [entry.event.name for entry in reader.events(number)].count("message_sent") == (conflicts < TURNS)
    assert carrier.sent == ["m"]
