"""Free ports for the servers of tests."""

import contextlib
import random
import socket

# Below those that connections get by themselves (from 32768 on Linux and 49152 elsewhere): a
# connection of another test could take such a port before the server listens to it.
_CANDIDATES = iter(random.sample(range(10_000, 32_768), 22_768))


def free_port() -> int:
    """Return a free port of loopback, and never the same again."""
    for port in _CANDIDATES:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")
