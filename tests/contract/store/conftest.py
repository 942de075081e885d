"""Each test of the contract runs against every home; the local AWS only in the slow suite.

moto emulates AWS in this process. It checks conditions and writes in two steps, so that what needs
real concurrency is left to SQLite and to the local AWS (fixture ``sturdy``).
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.store import Blobs, Queue, Table
from tests.contract.store.homes import AwsHome, Clock, Home, SqliteHome, TableQueueHome, shared_clients
from tests.local_aws import LocalAws, local_aws
from tools.local_aws import REGION

__all__ = ["local_aws"]

Clients = Callable[[str], Any]
AWS = pytest.param("aws", marks=pytest.mark.slow)


@pytest.fixture(scope="session")
def moto_clients() -> Iterator[Clients]:
    session: Any = boto3.session.Session("test", "test", region_name=REGION)
    with shared_clients(session.client) as clients:
        yield clients


@pytest.fixture(scope="session")
def aws_clients(local_aws: LocalAws) -> Iterator[Clients]:
    with shared_clients(partial(local_aws.client, max_pool_connections=50)) as clients:
        yield clients


@pytest.fixture(params=["sqlite", "moto", AWS])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    yield from _home(request, tmp_path)


@pytest.fixture(params=["sqlite", AWS])
def sturdy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    yield from _home(request, tmp_path)


@pytest.fixture(params=["sqlite", "moto", AWS])
def tabled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """Homes whose queue lies in their table."""
    for home in _home(request, tmp_path):
        yield TableQueueHome(home)


@pytest.fixture(params=["moto", AWS])
def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AwsHome]:
    for home in _home(request, tmp_path):
        assert isinstance(home, AwsHome)
        yield home


def _home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    if request.param == "sqlite":
        home = SqliteHome(tmp_path)
        with contextlib.closing(home.database):
            yield home
    elif request.param == "moto":
        clients: Clients = request.getfixturevalue("moto_clients")
        with mock_aws():
            yield AwsHome(clients)
    else:
        yield AwsHome(request.getfixturevalue("aws_clients"))


@pytest.fixture
def table(home: Home) -> Table:
    return home.table


@pytest.fixture
def queue(home: Home) -> Queue:
    return home.queue


@pytest.fixture
def blobs(home: Home) -> Blobs:
    return home.blobs


@pytest.fixture
def clock(home: Home) -> Clock:
    return home.clock
