"""The web as `engine run` serves it, in a process of its own."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from engine.cli.init import lay_out
from engine.runtime import accounts
from engine.runtime.clock import SystemClock
from engine.store import open_store
from tests.support.ports import free_port
from tests.support.website import wait_for

ENGINE = str(Path(sys.prefix) / "bin" / "engine")


def test_the_daemon_serves_the_web_and_lets_go_of_it_in_time_whoever_listens(tmp_path: Path) -> None:
    root, port = tmp_path / "project", free_port()
    lay_out(root)
    settings = (root / "engine.yaml").read_text("utf-8").replace("\nchannels:\n", "\nchannels:\n  web: {}\n  web_phone: {}\n")
    (root / "engine.yaml").write_text(f"{settings}\nservices: {{web: {{listen: '127.0.0.1:{port}'}}}}\n", "utf-8")
    auth = {"authorization": f"Bearer {token_of('zhou', root)}"}
    with subprocess.Popen([ENGINE, "run"], cwd=root, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=auth, trust_env=False, timeout=20) as client:
                wait_for(client, lambda: daemon.poll() is None)
                need = {"from": "lan@customer.test", "text": "软件异常,无法登录"}
                opened = client.post("/tickets", json=need, headers={"idempotency-key": "1"})
                assert opened.status_code == 201, opened.text
                with client.stream("GET", "/events?after=0", headers={"accept": "text/event-stream"}) as stream:
                    heard = next(line for line in stream.iter_lines() if line.startswith("data: "))
                    assert opened.json()["ticket"] in heard
                    began = time.monotonic()
                    daemon.send_signal(signal.SIGTERM)
                    _, log = daemon.communicate(timeout=20)
            assert time.monotonic() - began < 9
        finally:
            daemon.kill()
    assert daemon.returncode == 0, log
    assert '"unfinished": []' in log


def token_of(agent: str, root: Path) -> str:
    (root / "var").mkdir(exist_ok=True)
    store = open_store("sqlite:///var/engine.db", root)
    with store.write() as tx:
        token = accounts.let_in(tx, random.SystemRandom(), "token", agent, "test", SystemClock().now(), None)
    store.close()
    return token
