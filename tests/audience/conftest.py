from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audience.house import People


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    made = People(tmp_path)
    yield made
    made.database.close()
