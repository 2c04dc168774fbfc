"""A process of its own that works on a store, for tests that watch, lock out or kill it: `python -m tests.store.child VERB URL`.

`write` commits decisions until it is killed and says each number after its commit; `hold` takes the writer's lock and waits.
"""

import sys

from engine.store import open_store
from tests.store.samples import NOW, message, open_ticket


def write(url: str, limit: int) -> None:
    store = open_store(url)
    for _ in range(limit):
        with store.write() as tx:
            number = open_ticket(tx, due=NOW).number
            for n in range(5):
                tx.keep_content(f"{number}/{n}", number, "message", "宕机了 " * 200)
                tx.queue_message(message(f"{number}/{n}", number, content_id=f"{number}/{n}"))
                tx.start_timer(number, f"remind/{n}", NOW)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
    store.close()


def hold(url: str) -> None:
    store = open_store(url)
    store.lock_for_writing("engine run")
    sys.stdout.write("held\n")
    sys.stdout.flush()
    sys.stdin.read()
    store.close()


if __name__ == "__main__":
    verb, url, *limit = sys.argv[1:]
    if verb == "hold":
        hold(url)
    else:
        write(url, int(limit[0]))
