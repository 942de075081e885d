"""Taking a stage away: its stack, and only if asked to what it kept."""

import time
from collections.abc import Callable

from chalicelib.cloud.aws import Aws, asking, code_of
from chalicelib.cloud.stages import Stage, find_stage, parameter_name, stack_name
from chalicelib.errors import DeploymentError

POLL_SECONDS = 2.0
LONGEST_SECONDS = 3600.0


def remove(
    aws: Aws, stage: Stage, *, with_data: bool, tell: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:  # fmt: skip
    """Delete a stack; what a person should know then. Raises DeploymentError."""
    with asking("The stack"):
        aws.client("cloudformation").delete_stack(StackName=stack_name(stage.name))
    for _ in range(int(LONGEST_SECONDS / POLL_SECONDS)):
        found = find_stage(aws, stage.name)
        if found is None or found.status == "DELETE_COMPLETE":
            break
        if found.status == "DELETE_FAILED":
            raise DeploymentError("The stack could not be taken away.", "CloudFormation's console says what stays.")
        sleep(POLL_SECONDS)
    else:
        raise DeploymentError("The stack is not gone after an hour.", "Look at it in CloudFormation's console.")
    tell(f"stack {stack_name(stage.name)}: gone")
    table, bucket = stage.outputs.get("TableName", ""), stage.outputs.get("BucketName", "")
    secret = parameter_name(stage.name, "secret")
    if not with_data:
        return _kept(table, bucket, secret)
    _delete_table(aws, table)
    _delete_bucket(aws, bucket)
    _delete_secret(aws, secret)
    return ["Subscribers, editions and the secret are deleted. The domain stays verified in SES."]


def _kept(table: str, bucket: str, secret: str) -> list[str]:
    return [
        f"Kept: the table {table}, the bucket {bucket}, the secret {secret}, the domain in SES.",
        f"To look into them: SENDBRIEF_STORE=aws SENDBRIEF_TABLE={table} SENDBRIEF_BUCKET={bucket} "
        f"SENDBRIEF_SECRET=ssm:{secret} sendbrief backup FILE",
        "A new deployment makes a new table and bucket; 'sendbrief restore' brings what was kept into them.",
    ]


def _delete_table(aws: Aws, name: str) -> None:
    client = aws.client("dynamodb")
    with asking(f"The table {name}"):
        try:
            client.update_table(TableName=name, DeletionProtectionEnabled=False)
            client.delete_table(TableName=name)
        except client.exceptions.ResourceNotFoundException:
            return


def _delete_bucket(aws: Aws, name: str) -> None:
    """All versions of all files, then the bucket."""
    client = aws.client("s3")
    with asking(f"The bucket {name}"):
        try:
            for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
                if objects:
                    client.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
            client.delete_bucket(Bucket=name)
        except client.exceptions.ClientError as error:
            if code_of(error) != "NoSuchBucket":
                raise


def _delete_secret(aws: Aws, name: str) -> None:
    client = aws.client("ssm")
    with asking(f"The secret {name}"):
        try:
            client.delete_parameter(Name=name)
        except client.exceptions.ParameterNotFound:
            return


__all__ = ["remove"]
