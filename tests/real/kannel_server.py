"""A real Kannel gateway (bearerbox and smsbox) for tests, on loopback, free ports and a temporary directory."""

import os
import re
import subprocess
import urllib.request
from pathlib import Path

from tests.real.sms_servers import PATIENCE, SmsCentre
from tests.support.parts import find_program
from tests.support.ports import LOOPBACK, free_port
from tests.support.waiting import wait_until

KANNEL_CONFIGURATION = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = administrator
admin-allow-ip = "127.0.0.1"
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
log-file = "{directory}/bearerbox.log"
log-level = 0
dlr-storage = internal
store-type = spool
store-location = "{directory}/store"
sms-resend-freq = 2

group = smsc
smsc = smpp
smsc-id = centre
host = 127.0.0.1
port = {centre}
transceiver-mode = 1
smsc-username = kannel
smsc-password = password
system-type = ""
enquire-link-interval = 10
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {smsbox}
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = "{directory}/smsbox.log"
log-level = 0
sendsms-chars = "0123456789 +-"
http-request-retry = 20
http-queue-delay = 1

group = sendsms-user
username = {username}
password = {password}
user-allow-ip = "127.0.0.1"

group = sms-service
keyword = default
catch-all = true
max-messages = 0
concatenation = true
assume-plain-text = true
get-url = "{callback}/inbound?from=%p&to=%P&text=%b&coding=%c&charset=%C&id=%I"
"""


class Kannel:
    """A real bearerbox and smsbox between an SMS centre and us. `callback` is our listener's URL with the secret."""

    username = "closedloop"
    password = "password"

    def __init__(self, directory: Path, centre: SmsCentre, callback: str) -> None:
        self.directory = directory
        self.centre = centre
        centre.receipts_after = 1.0  # Kannel forgets one that overtakes the answer to its message
        self.callback = callback
        self.sendsms_port = free_port()
        self._smsbox_port = free_port()
        self._admin_port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def sendsms_url(self) -> str:
        """Where messages are handed over."""
        return f"http://{LOOPBACK}:{self.sendsms_port}/cgi-bin/sendsms"

    def start(self) -> "Kannel":
        """Start both programs; returns when Kannel is bound to the centre and takes messages."""
        (self.directory / "store").mkdir(parents=True, exist_ok=True)
        configuration = self.directory / "kannel.conf"
        configuration.write_text(
            KANNEL_CONFIGURATION.format(
                admin=self._admin_port,
                smsbox=self._smsbox_port,
                sendsms=self.sendsms_port,
                centre=self.centre.port,
                directory=self.directory,
                username=self.username,
                password=self.password,
                callback=self.callback,
            ),
            encoding="utf-8",
        )
        try:
            self._start_programs(configuration)
        except AssertionError:
            self.stop()
            raise
        return self

    def _start_programs(self, configuration: Path) -> None:
        self._launch("bearerbox", configuration)
        wait_until(lambda: self.centre.bound, "Kannel binds to the SMS centre")
        # Never by connecting: bearerbox takes a half-open connection for a box and sends inbound messages there.
        wait_until(lambda: _listening(self._smsbox_port), "bearerbox listens for smsbox")
        self._launch("smsbox", configuration)
        wait_until(lambda: _listening(self.sendsms_port), "smsbox listens")
        wait_until(lambda: "Connected to bearerbox" in self.log("smsbox"), "smsbox is connected to bearerbox")

    def stop(self) -> None:
        """Stop both programs by their process ids."""
        for process in reversed(self._processes):
            process.kill()  # asked politely, each takes seconds to drain queues that nobody reads any more
            process.wait()
        self._processes.clear()

    def __enter__(self) -> "Kannel":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def settle(self) -> None:
        """Wait until no message is on its way to the centre."""
        url = f"http://{LOOPBACK}:{self._admin_port}/status.txt?password=administrator"

        def idle() -> bool:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                status = answer.read().decode()
            counts = re.search(r"sent: sms (\d+) .*failed (\d+), queued", status)
            assert counts, status
            # Not by its queues: a message that waits for the centre's answer is in none of them.
            return int(counts[1]) + int(counts[2]) == self.log("smsbox").count("sendsms sender:")

        wait_until(idle, "Kannel has passed everything on")

    def log(self, program: str) -> str:
        """What `bearerbox` or `smsbox` logged so far."""
        path = self.directory / f"{program}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _launch(self, program: str, configuration: Path) -> None:
        path = find_program(program)
        assert path is not None, f"{program} is not installed"
        # A pipe would hang whoever waits for its end; the programs write their own logs.
        process = subprocess.Popen(
            [path, "-v", "4", str(configuration)],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ),
        )
        self._processes.append(process)


def _listening(port: int) -> bool:
    """Whether somebody listens on a loopback port, told from the kernel's table without connecting."""
    listening = "0A"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
    return any(row[1].endswith(f":{port:04X}") and row[3] == listening for row in rows)
