"""Processes of their own that cost little to start: forked from one that has imported everything already."""

import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_AS, setrlimit
from subprocess import CompletedProcess, TimeoutExpired
from tempfile import TemporaryDirectory
from typing import NoReturn

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["tests.support.preloaded"])


def become(root: Path, environment: Mapping[str, str]) -> None:
    """Be a process that was started in `root` with this environment and no other."""
    os.setsid()
    os.chdir(root)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()


def run(
    arguments: Sequence[str], root: Path, environment: Mapping[str, str], stdin: str = "", memory: int = RLIM_INFINITY
) -> CompletedProcess[str]:
    """Run the command `engine` within so many bytes of memory; return what it printed and its exit code.

    Raises TimeoutExpired after two minutes.
    """
    with TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        streams[0].write_text(stdin, encoding="utf-8")
        process = FORKING.Process(target=_engine, args=(tuple(arguments), root, dict(environment), streams, memory), daemon=True)
        process.start()
        process.join(120)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutExpired(["engine", *arguments], 120)
        out, err = (path.read_text(encoding="utf-8") for path in streams[1:])
        return CompletedProcess(["engine", *arguments], process.exitcode, out, err)


def _engine(arguments: tuple[str, ...], root: Path, environment: dict[str, str], streams: list[Path], memory: int) -> None:
    setrlimit(RLIMIT_AS, (memory, memory))
    ways = (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT] * 2)
    be_engine(arguments, root, environment, [os.open(path, way) for path, way in zip(streams, ways, strict=True)])


def be_engine(arguments: Sequence[str], root: Path, environment: Mapping[str, str], streams: Sequence[int]) -> NoReturn:
    """Be the command `engine`, called in `root` with this environment; `streams` are its standard input, output and error."""
    from engine.cli import main

    become(root, environment)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, way, encoding="utf-8") for number, way in enumerate("rww"))
    sys.argv = ["engine", *arguments]
    main(arguments)
