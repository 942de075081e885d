"""Beside `run` and `serve` webhooks are told without a tick; what goes wrong is said and tried again."""

import threading
from pathlib import Path

import pytest

from chalicelib.audience.happenings import happening
from chalicelib.cli.telling import telling
from chalicelib.content.webhooks import Happening
from chalicelib.deliver.hook_states import HookStates
from tests.collect.servers import answer, serving
from tests.web.api.house import Clock, runtime_of
from tests.web.site import SITE, write_site

HANG = 30.0


def test_webhooks_are_told_beside_the_ticks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    came, clock = threading.Event(), Clock()

    def reply(_path: str) -> bytes:
        came.set()
        return answer(b"", "204 No Content")

    with serving(reply) as server:
        url = f"http://127.0.0.1:{server.port}/hook"
        root = write_site(tmp_path / "site")
        (root / "content" / "site.yaml").write_text(f"{SITE}webhooks: [{{url: '{url}'}}]\n", "utf-8")
        runtime = runtime_of(root, tmp_path / "data", clock)
        runtime.webhooks.deliver()
        runtime.table.transact([happening(Happening.ERASED, clock.now, sid="0" * 24)])
        clock.passes(minutes=1)
        with telling(runtime, threading.Event(), pause=0.02):
            assert came.wait(HANG)
        state = HookStates(runtime.table).get(url)
        runtime.close()
    assert state is not None
    assert (state.told, state.failures, state.busy) == (1, 0, "")


def test_a_broken_site_ends_nothing(tmp_path: Path) -> None:
    root, clock = write_site(tmp_path / "site"), Clock()
    runtime = runtime_of(root, tmp_path / "data", clock)
    (root / "content" / "site.yaml").write_text("name: [", "utf-8")
    looked = threading.Event()

    class Looking(type(runtime)):  # type: ignore[misc]
        @property
        def webhooks(self):  # type: ignore[no-untyped-def]
            if broken.is_set():
                looked.set()
            broken.set()
            return super().webhooks

    broken = threading.Event()
    runtime.__class__ = Looking
    with telling(runtime, threading.Event(), pause=0.01):
        assert looked.wait(HANG)
    runtime.close()
