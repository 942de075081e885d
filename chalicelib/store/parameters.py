"""Secrets that AWS Systems Manager keeps (parameters of the kind SecureString), instead of a function's settings."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.errors import ConfigurationError
from chalicelib.store.aws_errors import code_of, reaching

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PREFIX = "ssm:"
"""How a setting says that its value is the name of a parameter."""


def read_parameter(client: "SSMClient", setting: str, variable: str) -> str:
    """The value behind ``ssm:/name``, deciphered. Raises ConfigurationError, StoreUnavailableError."""
    name = setting.removeprefix(PREFIX)
    with reaching(f"The parameter {name}"):
        try:
            return client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except ClientError as error:
            if code_of(error) == "ParameterNotFound":
                raise ConfigurationError(
                    f"{variable} names the parameter {name}, which is not there.",
                    "'make deploy' makes the secret; others: aws ssm put-parameter --type SecureString --name NAME.",
                ) from None
            raise
