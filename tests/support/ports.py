"""Ports for servers of the tests."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below 32768, where Linux takes the ports of outgoing connections from: one that is free stays free until the server listens.
_FIRST, _LAST = 15_000, 32_000
_CHANCE = random.SystemRandom()


def free_port() -> int:
    """Return a port that nobody listens on and that no connection is given by itself."""
    while True:
        port = _CHANCE.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        return port
