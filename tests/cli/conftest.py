from pathlib import Path

import pytest

from tests.cli.house import Command, small_site


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, monkeypatch)


@pytest.fixture
def command(bare: Command) -> Command:
    return small_site(bare)
