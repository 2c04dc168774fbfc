"""A real YAML language server completes and flags in shipped policies, by the schemas they name in their first lines."""

import json
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.resources import shipped_policies
from tests.support.parts import find_program

pytestmark = pytest.mark.real("yaml-language-server")
PATIENCE = 60


class LanguageServer:
    """Speaks the Language Server Protocol 3.17 over the server's standard input and output."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._number = 0
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def request(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        number = self._number
        self._write({"id": number, "method": method, "params": parameters})
        return self.until(lambda said: said.get("id") == number and "method" not in said)["result"]

    def end(self) -> None:
        """Wait until all that was said is read."""
        self._reader.join(PATIENCE)

    def tell(self, method: str, **parameters: Any) -> None:
        self._write({"method": method, "params": parameters})

    def until(self, wanted: Any) -> dict[str, Any]:
        """Wait for a message; what the server asks meanwhile is answered with nothing."""
        deadline = time.monotonic() + PATIENCE
        while True:
            said = self._said.get(timeout=max(0.1, deadline - time.monotonic()))
            if "method" in said and "id" in said:
                items = said["params"].get("items", []) if isinstance(said.get("params"), dict) else []
                self._write({"id": said["id"], "result": [None for _ in items] if items else None})
            if wanted(said):
                return said

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        while header := self._process.stdout.readline():
            length = int(header.partition(b":")[2])
            while self._process.stdout.readline().strip():
                pass
            self._said.put(json.loads(self._process.stdout.read(length)))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("editor") / "policies"
    shutil.copytree(shipped_policies(), directory)
    return directory


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[LanguageServer]:
    program = find_program("yaml-language-server")
    assert program is not None
    with subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        server = LanguageServer(process)
        server.request("initialize", processId=None, rootUri=project.as_uri(), capabilities={})
        server.tell("initialized")
        settings = {"yaml": {"validate": True, "completion": True, "schemaStore": {"enable": False}}}
        server.tell("workspace/didChangeConfiguration", settings=settings)
        yield server
        process.kill()
        server.end()


def opened(server: LanguageServer, path: Path, text: str) -> str:
    uri = path.as_uri()
    document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
    server.tell("textDocument/didOpen", textDocument=document)
    return uri


def problems(server: LanguageServer, uri: str) -> list[str]:
    said = server.until(lambda said: said.get("method") == "textDocument/publishDiagnostics" and said["params"]["uri"] == uri)
    return [item["message"] for item in said["params"]["diagnostics"]]


@pytest.mark.parametrize("name", ["sla.yaml", "calendars/cn_office.yaml", "tests/grading.yaml", "team.yaml"])
def test_a_shipped_file_is_sound_to_the_editor_too(server: LanguageServer, project: Path, name: str) -> None:
    assert problems(server, opened(server, project / name, (project / name).read_text(encoding="utf-8"))) == []


def test_a_wrong_key_is_flagged(server: LanguageServer, project: Path) -> None:
    text = (project / "sla.yaml").read_text(encoding="utf-8").replace("on_tier_change: recompute", "on_tier_chage: recompute")
    found = problems(server, opened(server, project / "sla-wrong.yaml", text))
    assert any("on_tier_chage" in message for message in found)


def test_keys_are_completed_where_they_belong(server: LanguageServer, project: Path) -> None:
    head = "# yaml-language-server: $schema=.schemas/sla.json\nversion: 1\ntiers:\n  - id: vip\n    "
    uri = opened(server, project / "sla-new.yaml", head)
    problems(server, uri)
    offered = server.request("textDocument/completion", textDocument={"uri": uri}, position={"line": 4, "character": 4})
    items = offered["items"] if isinstance(offered, dict) else offered
    assert {"label", "when", "default", "budgets", "calendar"} <= {item["label"] for item in items}
