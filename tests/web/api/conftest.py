from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.runtime import Runtime
from chalicelib.web import house
from tests.web.api.house import Clock, Program, runtime_of
from tests.web.site import write_site


@pytest.fixture(scope="module")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(tmp_path_factory.mktemp("api") / "site")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runtime(site_folder: Path, tmp_path: Path, clock: Clock) -> Iterator[Runtime]:
    made = runtime_of(site_folder, tmp_path / "data", clock)
    house.use(made)
    yield made
    house.use(None)
    made.close()


@pytest.fixture
def program(runtime: Runtime) -> Program:
    return Program.of(runtime)
