"""What tests of SES stand on: an environment in which boto3 asks a server of ours."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from chalicelib.transports import Mail, Outcome
from chalicelib.transports.ses import SesTransport


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


def waves(ses: SesTransport, *sent: Sequence[Mail]) -> list[list[Outcome]]:
    """The outcomes of waves, one after the other."""

    async def scene() -> list[list[Outcome]]:
        try:
            return [await ses.send_wave(wave) for wave in sent]
        finally:
            await ses.aclose()

    return asyncio.run(scene())
