"""Clients of AWS for whoever runs: botocore's, which boto3's are.

boto3 itself loads half as much again, such as what moves large files in parts, for nothing that is done here; a
function that starts waits for that.
"""

from functools import cache
from threading import Lock
from typing import Any

import botocore.session
from botocore.config import Config

_lock = Lock()


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


def client(service: str, *, region: str | None = None, config: Config | None = None) -> Any:
    """A client of a service; region, credentials and endpoint are the environment's.

    Clients are safe for threads, their making is not, hence the lock. Raises BotoCoreError, such as NoRegionError.
    """
    with _lock:
        return _session().create_client(service, region_name=region, config=config)
