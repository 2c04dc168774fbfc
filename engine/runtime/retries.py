"""How what fails is tried again: so often, with pauses that grow."""

import random
from datetime import timedelta

from msgspec import Struct


class Retries(Struct, frozen=True):
    """How hard to try: `attempts` in all, the pause doubling from `backoff`, never over `longest`, a quarter of it by chance."""

    attempts: int = 8
    backoff: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(hours=1)

    def pause(self, attempts: int, chance: random.Random) -> timedelta:
        """Return how long to wait after so many attempts."""
        return doubled(self.backoff, attempts, self.longest) * (1 + chance.random() / 4)


def doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    """Return the pause after so many failures."""
    pause: timedelta = first * 2 ** min(max(times - 1, 0), 20)
    return min(pause, longest)
