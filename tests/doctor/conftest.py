"""The command's small site, for the doctor to look at."""

from tests.cli.conftest import bare, command

__all__ = ["bare", "command"]
