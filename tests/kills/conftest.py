"""Grounds that tests share: a small edition, for kills at each call, and a larger one."""

from collections.abc import Iterator

import pytest

from tests.kills.ground import Ground, a_ground


@pytest.fixture(scope="session")
def small() -> Iterator[Ground]:
    """36 readers in four chunks."""
    with a_ground(36) as ground:
        yield ground


@pytest.fixture(scope="session")
def large() -> Iterator[Ground]:
    """300 readers in thirty chunks."""
    with a_ground(300) as ground:
        yield ground
