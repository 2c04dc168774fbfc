"""What the tests of the phone log share: the samples of a real Asterisk, and rows made to measure."""

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine_phone_log.settings import Reading

DATA = Path(__file__).parent / "data"


@pytest.fixture
def master_csv() -> bytes:
    """Master.csv as Asterisk 22 wrote it, in UTC, all optional columns on."""
    return (DATA / "asterisk-22-Master.csv").read_bytes()


@pytest.fixture
def queue_log() -> bytes:
    """The queue_log of the same calls."""
    return (DATA / "asterisk-22-queue_log").read_bytes()


@pytest.fixture
def freeswitch_csv() -> bytes:
    """Rows in the columns of FreeSWITCH's default cdr_csv template."""
    return (DATA / "freeswitch-cdr.csv").read_bytes()


@pytest.fixture
def reading() -> Reading:
    """How the samples are read."""
    return Reading(ZoneInfo("UTC"), frozenset({"inbound"}), frozenset({"outbound"}), menu_in_userfield=True)


@pytest.fixture
def row() -> Callable[..., bytes]:
    """Make one row of Master.csv; an answered call of three seconds unless told otherwise."""

    def make(
        call_id: str = "1795320465.0",
        *,
        leg_id: str = "",
        source: str = "13800138000",
        destination: str = "1000",
        context: str = "inbound",
        caller: str = '"Zhang San" <13800138000>',
        partner: str = "PJSIP/agent1-00000001",
        application: str = "Dial",
        data: str = "PJSIP/agent1,10",
        start: str = "2026-11-22 04:07:45",
        answer: str = "2026-11-22 04:07:45",
        end: str = "2026-11-22 04:07:48",
        billed: int = 3,
        disposition: str = "ANSWERED",
        userfield: str = "",
        sequence: int = 0,
    ) -> bytes:
        texts = ["", source, destination, context, caller, "PJSIP/caller-00000000", partner, application, data, start]
        quoted = ['"' + text.replace('"', '""') + '"' for text in texts]
        quoted += [f'"{answer}"' if answer else "", f'"{end}"', "3", str(billed), f'"{disposition}"', '"DOCUMENTATION"']
        quoted += [f'"{leg_id or call_id}"', f'"{userfield}"', '""', f'"{call_id}"', str(sequence)]
        return (",".join(quoted) + "\n").encode()

    return make
