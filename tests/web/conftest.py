"""One populated site for reading, and a fresh one for what changes anything; each behind Chalice's test client."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.runtime import Runtime
from chalicelib.web import house
from chalicelib.web.public import application
from tests.web.client import Client
from tests.web.site import populated, write_site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # chalice's own imports
    import chalice.test


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A site with one edition sent; tests must not change it."""
    root = tmp_path_factory.mktemp("web")
    runtime = populated(root / "site", root / "data")
    yield runtime
    runtime.close()


@pytest.fixture
def reading(filled: Runtime) -> Iterator[Client]:
    """A client of the filled site."""
    house.use(filled)
    yield Client(chalice.test.Client(application()).http)
    house.use(None)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Runtime]:
    """A site of its own, nothing sent yet."""
    from tests.web.site import runtime_at

    runtime = runtime_at(write_site(tmp_path / "site"), tmp_path / "data")
    house.use(runtime)
    yield runtime
    house.use(None)
    runtime.close()


@pytest.fixture
def client(fresh: Runtime) -> Client:
    """A client of the fresh site."""
    return Client(chalice.test.Client(application()).http)
