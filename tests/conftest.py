"""For all tests: sockets stay closed, but for loopback where a room talks over the network."""

import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("hunt", derandomize=False, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
"""The same code gives the same result: a red test means a change made it red. `make hunt` draws anew each time."""

NETWORKED = {"contract", "transports", "web", "e2e", "collect", "store", "cli", "kills", "doctor", "cloud"}
"""Folders whose tests may reach servers of their own on this machine."""
_connect, _connect_ex = socket.socket.connect, socket.socket.connect_ex


def _room(item: pytest.Item) -> str:
    return Path(item.path).relative_to(Path(__file__).parent).parts[0]


def _loopback(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # AF_UNIX
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return address[0] == "localhost"


@pytest.fixture(autouse=True)
def closed_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches beyond this machine, and most reach no socket at all."""
    networked = _room(request.node) in NETWORKED

    def guard(self: socket.socket, address: Any) -> None:
        if not (networked and _loopback(address)):
            raise OSError(f"this test may not connect to {address!r}")
        _connect(self, address)

    def guard_ex(self: socket.socket, address: Any) -> int:
        if not (networked and _loopback(address)):
            raise OSError(f"this test may not connect to {address!r}")
        return _connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", guard)
    monkeypatch.setattr(socket.socket, "connect_ex", guard_ex)
