"""A command `engine` that starts at once: each call is a process forked from one that has imported the engine already.

The same lines run as in the installed command, but for the import of what they need; what has to begin from nothing (`engine run`, which is
sent signals, and whatever is to see another Python path or another clock) is handed to the installed command.
"""

import json
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.forked import FORKING, be_engine

_CLIENT = """\
#!{python} -IS
import array, json, os, socket, sys
if sys.argv[1:2] == ["run"] or "PYTHONPATH" in os.environ or "LD_PRELOAD" in os.environ:
    os.execv({installed!r}, [{installed!r}, *sys.argv[1:]])
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(line, [len(call).to_bytes(4, "big")], [0, 1, 2])
line.sendall(call)
code = line.recv(1)
sys.exit(code[0] if code else 70)
"""
_PYTHON = '#!/bin/sh\nexec {python} "$@"\n'


@contextmanager
def warm(programs: Path, folder: Path) -> Iterator[Path]:
    """Make the command in `folder`, beside a `python`, for the programs installed in `programs`; it works until the block ends."""
    address, python = folder / "line", programs / "python"
    texts = {"engine": _CLIENT.format(python=python, installed=str(programs / "engine"), address=str(address))}
    texts["python"] = _PYTHON.format(python=python)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o700)
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(address))
        line.listen(64)
        server = FORKING.Process(target=_serve, args=(line,), daemon=True)
        server.start()
        try:
            yield folder / "engine"
        finally:
            server.kill()
            server.join()


def _serve(line: socket.socket) -> None:
    import signal

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    while True:
        caller, _ = line.accept()
        if os.fork() == 0:
            line.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(caller)
        caller.close()


def _answer(caller: socket.socket) -> None:
    """Be the process that was called, and tell the caller how it ended."""
    code: object = 1  # as of a fault that nobody caught
    try:
        size, streams, _, _ = socket.recv_fds(caller, 4, 3)
        called = bytearray()
        while len(called) < int.from_bytes(size, "big"):
            called += caller.recv(65536)
        arguments, directory, environment = json.loads(called)
        be_engine(arguments, Path(directory), environment, streams)
    except SystemExit as ended:
        code = ended.code or 0
    except Exception:  # noqa: BLE001  # whatever it is, the caller hears of it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        caller.send(bytes([code if isinstance(code, int) else 1]))
        os._exit(0)
