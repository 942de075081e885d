"""What probes are told, and that all else stays with the pages."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import ConfigurationError, StoreUnavailableError
from chalicelib.runtime import Runtime
from chalicelib.web.health import Health
from tests.web.site import runtime_at, write_site


def pages(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"a page"]


def ask(runtime: Runtime, path: str, method: str = "GET") -> tuple[str, bytes]:
    said = list[str]()
    body = b"".join(
        Health(runtime, pages)(
            {"PATH_INFO": path, "REQUEST_METHOD": method}, lambda status, _headers: said.append(status)
        )
    )
    return said[0], body


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    found = runtime_at(write_site(tmp_path / "site"), tmp_path / "data")
    yield found
    found.close()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_house_in_order(runtime: Runtime, path: str) -> None:
    assert ask(runtime, path) == ("200 OK", b"ok\n")
    assert ask(runtime, path, "HEAD") == ("200 OK", b"")


@pytest.mark.parametrize(
    ("path", "method"), [("/", "GET"), ("/healthz/", "GET"), ("/healthz", "POST"), ("/READYZ", "GET")]
)
def test_all_else_is_a_page(runtime: Runtime, path: str, method: str) -> None:
    assert ask(runtime, path, method) == ("200 OK", b"a page")


class Away:
    """A table that does not answer."""

    def get(self, _key: object) -> None:
        raise StoreUnavailableError("The table secret-name failed.")


def test_without_its_store_it_is_alive_and_not_ready(runtime: Runtime) -> None:
    runtime.__dict__["table"] = Away()
    assert ask(runtime, "/healthz")[0] == "200 OK"
    status, body = ask(runtime, "/readyz")
    assert status == "503 Service Unavailable"
    assert body == b"not ready\n", "nothing of the store is told to anybody who asks"


def test_with_a_broken_site_it_is_alive_and_not_ready(runtime: Runtime) -> None:
    (runtime.settings.site / "content" / "site.yaml").write_text("name: [")
    runtime.reload()
    with pytest.raises(ConfigurationError):
        _ = runtime.site
    assert ask(runtime, "/healthz")[0] == "200 OK"
    assert ask(runtime, "/readyz")[0] == "503 Service Unavailable"
