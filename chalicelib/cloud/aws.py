"""Clients of AWS for whoever operates Sendbrief, and its errors in words for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, PartialCredentialsError

from chalicelib.errors import DeploymentError

CREDENTIALS = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or log in with 'aws sso login'."


class Aws:
    """One account in one region. Clients are made when first asked for, and closed together."""

    def __init__(self) -> None:
        self._session = boto3.session.Session()
        self._clients: dict[str, Any] = {}

    @property
    def region(self) -> str:
        """The region that everything is asked of. Raises DeploymentError where none is set."""
        region = self._session.region_name
        if not region:
            raise DeploymentError("No region is set.", "Set AWS_REGION, such as eu-central-1.")
        return str(region)

    def client(self, service: str) -> Any:
        """The client of a service. A bucket's name stands in the path, which a local AWS understands as well."""
        if service not in self._clients:
            config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "total_max_attempts": 5})
            self._clients[service] = self._session.client(  # type: ignore[call-overload]
                service, region_name=self.region, config=config
            )
        return self._clients[service]

    def account(self) -> str:
        """The account's number. Raises DeploymentError where nobody is logged in."""
        with asking("Who is logged in"):
            return str(self.client("sts").get_caller_identity()["Account"])

    def close(self) -> None:
        """Give the connections back."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()


def code_of(error: Exception) -> str:
    """AWS's name for an error, '' for one that isn't its."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def said_by(error: Exception) -> str:
    """AWS's words for an error."""
    return str(error.response.get("Error", {}).get("Message", "")) if isinstance(error, ClientError) else str(error)


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Errors of AWS as DeploymentError: what was asked, and what to do."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError):
        raise DeploymentError(f"{what}: there are no credentials for AWS.", CREDENTIALS) from None
    except NoRegionError:
        raise DeploymentError(f"{what}: no region is set.", "Set AWS_REGION, such as eu-central-1.") from None
    except ClientError as error:
        raise DeploymentError(f"{what}: {code_of(error)}, {said_by(error)}", _hint(code_of(error))) from None
    except BotoCoreError as error:
        raise DeploymentError(f"{what}: {error}", "Look at the network, the region and the credentials.") from None


def _hint(code: str) -> str:
    if code in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}:
        return "Whoever deploys needs this permission; docs/deploy.md lists all of them."
    if code in {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}:
        return CREDENTIALS
    return "Mend what it names and run it again: nothing is done twice."


__all__ = ["Aws", "asking", "code_of", "said_by"]
