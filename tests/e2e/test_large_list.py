"""A large list goes in, out and in again in memory that does not grow with it."""

from pathlib import Path

import pytest

from bench.importing import play

ALLOWED_MB = 20
"""What may differ between two runs for other reasons than the list's length."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thirty_thousand_rows_need_no_more_memory_than_a_thousand(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "large").mkdir()
    small = {step.what: step.megabytes for step in play(tmp_path / "small", 1_000)}
    large = {step.what: step.megabytes for step in play(tmp_path / "large", 30_000)}
    assert len(large) == 6
    assert {what: megabytes for what, megabytes in large.items() if megabytes > small[what] + ALLOWED_MB} == {}
