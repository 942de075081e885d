"""The secret of a data folder: read, or made once."""

import os
import secrets
from pathlib import Path

from chalicelib.errors import StoreUnavailableError


def kept_secret(path: Path) -> str:
    """The secret of a data folder, made once; two processes that make it at once end with the same."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                path.hardlink_to(fresh)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StoreUnavailableError(
            f"The secret {path} can't be read or made: {words}.", "Make the data folder writable, or name another one."
        ) from None
