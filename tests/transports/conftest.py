"""A server of SES and a client of it, for the tests of each module."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from chalicelib.transports.ses import make_client
from tests.fake_ses import FakeSes
from tests.transports.ses_house import ses_environment

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[FakeSes, "SESV2Client"]]:
    """One of each for all tests of a module: making a client takes 0.3 s."""
    with FakeSes() as fake, ses_environment(fake.url):
        client = make_client()
        yield fake, client
        client.close()


@pytest.fixture
def fake(server: tuple[FakeSes, "SESV2Client"]) -> FakeSes:
    server[0].reset()
    return server[0]


@pytest.fixture
def client(server: tuple[FakeSes, "SESV2Client"]) -> "SESV2Client":
    return server[1]
