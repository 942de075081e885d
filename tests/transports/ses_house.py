"""What tests of SES stand on: an environment in which boto3 asks a server of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def ses_environment(url: str) -> Iterator[None]:
    """SES is at ``url``; what the environment says of repeating is there to be overruled."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_SESV2": url,
            "AWS_MAX_ATTEMPTS": "5",
            "AWS_RETRY_MODE": "adaptive",
        }.items():
            patch.setenv(name, value)
        yield
