"""A deployed stage: its stack, what the stack says of itself, and the settings with which the command works on it."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.cloud.aws import Aws, asking, code_of, said_by
from chalicelib.cloud.packaging import STAGES
from chalicelib.errors import DeploymentError, UsageError

FROM_OUTPUTS = {
    "SENDBRIEF_TABLE": "TableName",
    "SENDBRIEF_BUCKET": "BucketName",
    "SENDBRIEF_QUEUE_URL": "ChunkQueueUrl",
    "SENDBRIEF_NOTICE_QUEUE_URL": "NoticeQueueUrl",
    "SENDBRIEF_EVENT_QUEUE_URL": "EventQueueUrl",
    "SENDBRIEF_DEAD_LETTER_URL": "ChunkDeadLetterUrl",
    "SENDBRIEF_SES_CONFIGURATION_SET": "ConfigurationSetName",
    "SENDBRIEF_TRANSPORT": "Transport",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A stack as it is: ``status`` as CloudFormation names it, its ``outputs`` and ``parameters``."""

    name: str
    status: str
    outputs: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The settings that its functions have, for the command to work on the same."""
        found = {name: self.outputs[output] for name, output in FROM_OUTPUTS.items() if output in self.outputs}
        parameter = f"ssm:{parameter_name(self.name, 'secret')}"
        return {"SENDBRIEF_STORE": "aws", "SENDBRIEF_STAGE": self.name, "SENDBRIEF_SECRET": parameter, **found}


def stack_name(stage: str) -> str:
    """The stack of a stage. Raises UsageError where there is no such stage."""
    if stage not in STAGES:
        raise UsageError(f"There is no stage '{stage}'.", f"Stages are: {', '.join(STAGES)}.")
    return f"sendbrief-{stage}"


def parameter_name(stage: str, what: str) -> str:
    """Where SSM keeps a secret of a stage."""
    return f"/sendbrief/{stage}/{what}"


def find_stage(aws: Aws, name: str) -> Stage | None:
    """The stage as it is, None where it was never made. Raises DeploymentError."""
    with asking(f"The stack of {name}"):
        try:
            (stack,) = aws.client("cloudformation").describe_stacks(StackName=stack_name(name))["Stacks"]
        except aws.client("cloudformation").exceptions.ClientError as error:
            if code_of(error) == "ValidationError" and "does not exist" in said_by(error):
                return None
            raise
    if stack["StackStatus"] == "REVIEW_IN_PROGRESS":  # a change set was made and never applied: nothing is there
        return Stage(name, stack["StackStatus"])
    return Stage(
        name,
        stack["StackStatus"],
        _pairs(stack.get("Outputs", []), "OutputKey", "OutputValue"),
        _pairs(stack.get("Parameters", []), "ParameterKey", "ParameterValue"),
    )


def read_stage(name: str, aws: Aws | None = None) -> Stage:
    """The stage, which must be there. Raises DeploymentError otherwise."""
    asked = aws or Aws()
    try:
        found = find_stage(asked, name)
    finally:
        if aws is None:
            asked.close()
    if found is None or not found.outputs:
        raise DeploymentError(f"The stage {name} is not deployed here.", f"'make deploy STAGE={name}' makes it.")
    return found


def refuse_unready(stage: Stage) -> None:
    """Raises DeploymentError where CloudFormation changes nothing of a stack, because of the state that it is in."""
    name, status = stack_name(stage.name), stage.status
    if status == "UPDATE_ROLLBACK_FAILED":
        raise DeploymentError(
            f"The last change of {name} failed, and so did putting it back ({status}).",
            "Choose 'Continue update rollback' for the stack in CloudFormation's console, then deploy again.",
        )
    if status == "DELETE_FAILED":
        raise DeploymentError(
            f"{name} was to be taken away, and a part of it could not be ({status}).",
            f"CloudFormation's console says which. Mend that, run 'make destroy STAGE={stage.name}', then deploy.",
        )
    if status.endswith("_IN_PROGRESS") and status not in {"REVIEW_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}:
        raise DeploymentError(
            f"{name} is being changed right now ({status}), by another deployment or what is left of one.",
            "Nothing was changed by this one. Wait until that is over, then deploy again.",
        )


def _pairs(found: list[dict[str, Any]], key: str, value: str) -> dict[str, str]:
    return {entry[key]: str(entry.get(value, "")) for entry in found}


__all__ = ["FROM_OUTPUTS", "Stage", "find_stage", "parameter_name", "read_stage", "refuse_unready", "stack_name"]
