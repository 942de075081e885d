"""The fixture ``local_aws``: one local AWS for a whole test run. Import it into the conftest that wants it."""

from collections.abc import Iterator

import pytest

from tools.local_aws import LocalAws, LocalAwsUnavailableError, install, running

__all__ = ["LocalAws", "local_aws"]


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    """A running local AWS; skips where it can't be installed from the package index."""
    try:
        install()
    except LocalAwsUnavailableError as error:
        pytest.skip(f"no local AWS here: {error}")
    with running() as aws:
        yield aws
