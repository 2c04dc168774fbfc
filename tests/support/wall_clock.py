"""The wall clock that processes of a test see, by Debian's libfaketime: only what asks for the time of day sees another one, the clock that
nobody can set runs on as it does. A test that uses it is marked `real("faketime")`.
"""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Wall:
    """A wall clock for whoever is started with `environment`; `set` moves it, also for those that run."""

    def __init__(self, root: Path) -> None:
        self._file = root / "wall-clock"
        self.set(0)
        found = subprocess.run(["faketime", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True)
        self.environment = {
            "LD_PRELOAD": found.stdout.strip().replace("libfaketime.so", "libfaketimeMT.so"),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # a mend for an old C library: with it each wait of a thread for another ends at once
            "NO_FAKE_STAT": "1",
        }

    def set(self, seconds: float) -> None:
        """Let it be so far ahead of the true one from now on."""
        self.ahead = timedelta(seconds=round(seconds))
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{round(seconds):+d}\n")
        fresh.replace(self._file)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead
