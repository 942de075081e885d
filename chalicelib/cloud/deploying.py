"""Deploying a stage: upload, change set, look, apply. Each step may be repeated; none is done halfway."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.cloud.aws import Aws, asking, code_of
from chalicelib.cloud.packaging import Package
from chalicelib.cloud.sam import lint, plain
from chalicelib.cloud.stages import Stage, find_stage, parameter_name, refuse_unready, stack_name
from chalicelib.errors import DeploymentError

Tell = Callable[[str], None]
KEPT = ("TableResource", "BucketResource", "IdentityResource")
"""What must never be replaced or taken away by the way: people, editions, the keys of the sending domain."""
NEVER_WAS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
"""How a stack ends that could not be made: CloudFormation changes no such stack, it must go first."""
POLL_SECONDS = 2.0
LONGEST_SECONDS = 3600.0
"""A distribution of CloudFront takes a quarter of an hour and more."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a change set. ``replaced``: '' or CloudFormation's 'True' or 'Conditional'."""

    action: str
    resource: str
    kind: str
    replaced: str = ""

    @property
    def loses(self) -> bool:
        """Whether what must stay would go or be made anew."""
        return self.resource in KEPT and (self.action == "Remove" or self.replaced == "True")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change set that waits to be applied. Without ``identifier`` there is none: all is as it should be.

    One without ``changes`` changes no resource, only what the stack says of itself.
    """

    identifier: str
    stage: str
    is_new: bool
    changes: tuple[Change, ...]


class Deployment:
    """The stack of one stage. ``tell`` hears what is going on, a line at a time; ``sleep`` is the clock's."""

    def __init__(self, aws: Aws, stage: str, tell: Tell = lambda _: None, sleep: Callable[[float], None] = time.sleep):
        self._aws, self._stage, self._tell, self._sleep = aws, stage, tell, sleep
        self._stack = stack_name(stage)

    def secret(self, given: str = "") -> bool:
        """Put the key of links and ids into SSM, encrypted, unless one is there; whether one was put."""
        name = parameter_name(self._stage, "secret")
        with asking(f"The secret {name}"):
            client = self._aws.client("ssm")
            try:
                client.put_parameter(
                    Name=name, Type="SecureString", Value=given or secrets.token_urlsafe(48), Overwrite=False,
                    Description="Keys links and ids of Sendbrief. Without it nobody is recognised: keep a copy.",
                )  # fmt: skip
            except client.exceptions.ClientError as error:
                if code_of(error) != "ParameterAlreadyExists":
                    raise
                return False
        return True

    def upload(self, package: Package, commit: str = "") -> tuple[dict[str, Any], str]:
        """The zip and the plain template into the account's bucket for them; the template and its URL.

        ``commit`` is what the stack says that it was made of.
        """
        bucket = self._bucket()
        code = package.artefact.read_bytes()
        key = f"{self._stage}/{hashlib.sha256(code).hexdigest()}.zip"
        template = plain(package.template, bucket, key)
        if commit:
            template["Outputs"]["Commit"] = {"Value": commit, "Description": "What was deployed."}
        if troubles := lint(template, self._aws.region):
            shown = "\n".join(troubles[:20])
            raise DeploymentError(f"cfn-lint finds fault with the template:\n{shown}", "Mend .chalice/resources.yaml.")
        text = json.dumps(template, indent=1).encode()
        template_key = f"{self._stage}/{hashlib.sha256(text).hexdigest()}.json"
        self._put(bucket, key, code)
        self._put(bucket, template_key, text)
        with asking("The address of the template"):
            url = self._aws.client("s3").meta.endpoint_url
        return template, f"{url}/{bucket}/{template_key}"

    def _bucket(self) -> str:
        """The bucket of what is deployed, made where it is not there. What is there for a year goes."""
        name = f"sendbrief-deployments-{self._aws.account()}-{self._aws.region}"
        client = self._aws.client("s3")
        with asking(f"The bucket {name}"):
            try:
                client.head_bucket(Bucket=name)
            except client.exceptions.ClientError as error:
                if code_of(error) not in {"404", "NoSuchBucket"}:
                    raise
            else:
                return name
            where = {"LocationConstraint": self._aws.region}
            client.create_bucket(Bucket=name, **({} if self._aws.region == "us-east-1" else
                                                 {"CreateBucketConfiguration": where}))  # fmt: skip
            client.put_public_access_block(
                Bucket=name,
                PublicAccessBlockConfiguration=dict.fromkeys(
                    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
                ),
            )
            rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 365}}
            client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
        return name

    def _put(self, bucket: str, key: str, content: bytes) -> None:
        self._tell(f"uploads {key} ({len(content) / 1e6:.1f} MB)")
        with asking(f"The upload of {key}"):
            self._aws.client("s3").put_object(Bucket=bucket, Key=key, Body=content)

    def propose(self, url: str, parameters: Mapping[str, str], known: Mapping[str, Any], now: Stage | None) -> Proposal:
        """A change set. What ``parameters`` does not name stays as it was, or is the template's default.

        Raises DeploymentError, also where the stack is in a state in which nothing can be changed.
        """
        if now is not None:
            refuse_unready(now)
        if now is not None and now.status in NEVER_WAS:
            self._clear(now)
            now = None
        is_new = now is None or now.status == "REVIEW_IN_PROGRESS"
        before = {} if now is None else now.parameters
        kept = [
            {"ParameterKey": name, "UsePreviousValue": True}
            for name in before if name in known and name not in parameters
        ]  # fmt: skip
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        name = f"deploy-{time.time_ns()}"
        with asking("The change set"):
            made = self._aws.client("cloudformation").create_change_set(
                StackName=self._stack, ChangeSetName=name, ChangeSetType="CREATE" if is_new else "UPDATE",
                TemplateURL=url, Parameters=given + kept, Capabilities=["CAPABILITY_IAM"],
                Tags=[{"Key": "sendbrief", "Value": self._stage}],
            )  # fmt: skip
            try:
                return self._looked_at(made["Id"], is_new=is_new)
            except KeyboardInterrupt:
                self.withdraw(Proposal(made["Id"], self._stage, is_new, ()))
                raise

    def _clear(self, now: Stage) -> None:
        """Take away what is left of a stack that was never in use."""
        client = self._aws.client("cloudformation")
        with asking("The stack that could not be made before"):
            client.delete_stack(StackName=self._stack)
            for _ in range(int(LONGEST_SECONDS / POLL_SECONDS)):
                found = find_stage(self._aws, now.name)
                if found is None or found.status == "DELETE_COMPLETE":
                    return
                if found.status == "DELETE_FAILED":
                    break
                self._sleep(POLL_SECONDS)
        raise DeploymentError("What is left of the stack can't be taken away.", "CloudFormation's console says why.")

    def _looked_at(self, identifier: str, *, is_new: bool) -> Proposal:
        client = self._aws.client("cloudformation")
        for _ in range(int(LONGEST_SECONDS / POLL_SECONDS)):
            found = client.describe_change_set(ChangeSetName=identifier)
            if found["Status"] == "FAILED":
                reason = str(found.get("StatusReason", ""))
                if "didn't contain changes" in reason or "No updates are to be performed" in reason:
                    client.delete_change_set(ChangeSetName=identifier)
                    return Proposal("", self._stage, is_new, ())
                raise DeploymentError(
                    f"The change set can't be made: {reason}", "Mend what it names, and deploy again."
                )
            if found["Status"] == "CREATE_COMPLETE":
                return Proposal(identifier, self._stage, is_new, self._changes(identifier))
            self._sleep(POLL_SECONDS)
        raise DeploymentError("The change set is not made after an hour.", "Look at it in CloudFormation's console.")

    def _changes(self, identifier: str) -> tuple[Change, ...]:
        client, found, more = self._aws.client("cloudformation"), list[Change](), dict[str, str]()
        while True:
            page = client.describe_change_set(ChangeSetName=identifier, **more)
            for entry in page.get("Changes", []):
                of = entry["ResourceChange"]
                replaced = str(of.get("Replacement", ""))
                found.append(Change(of["Action"], of["LogicalResourceId"], of["ResourceType"],
                                    "" if replaced == "False" else replaced))  # fmt: skip
            if not page.get("NextToken"):
                return tuple(found)
            more = {"NextToken": page["NextToken"]}

    def withdraw(self, proposal: Proposal) -> None:
        """Throw a change set away; a stack that is nothing but that, too."""
        if not proposal.identifier:
            return
        with asking("The change set"):
            client = self._aws.client("cloudformation")
            client.delete_change_set(ChangeSetName=proposal.identifier)
            if proposal.is_new:
                client.delete_stack(StackName=self._stack)

    def apply(self, proposal: Proposal) -> None:
        """Carry a change set out, to the end. Raises DeploymentError with what failed; AWS then puts all back."""
        with asking("The stack"):
            self._aws.client("cloudformation").execute_change_set(ChangeSetName=proposal.identifier)
            status = self._ended("CREATE" if proposal.is_new else "UPDATE")
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            causes = "; ".join(self._failures()) or "CloudFormation gives no reason"
            before = "What is left of it goes with the next deployment" if proposal.is_new else "It is as before"
            raise DeploymentError(f"The stack ended as {status}: {causes}", f"{before}. Mend what it names.")

    def _ended(self, what: str) -> str:
        client, told, status = self._aws.client("cloudformation"), "", ""
        for _ in range(int(LONGEST_SECONDS / POLL_SECONDS)):
            (stack,) = client.describe_stacks(StackName=self._stack)["Stacks"]
            status = str(stack["StackStatus"])
            if status != told:
                self._tell(f"stack {self._stack}: {status}")
                told = status
            if not status.endswith("_IN_PROGRESS") or status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
                return status.replace("_CLEANUP_IN_PROGRESS", "")
            self._sleep(POLL_SECONDS)
        raise DeploymentError(f"{what} is not over after an hour.", "Look at the stack in CloudFormation's console.")

    def _failures(self) -> list[str]:
        """What failed of its own accord in the last round, in CloudFormation's words."""
        events = self._aws.client("cloudformation").describe_stack_events(StackName=self._stack)["StackEvents"]
        return [
            f"{event['LogicalResourceId']}: {reason}"
            for event in events
            if (reason := event.get("ResourceStatusReason", ""))
            and "cancelled" not in reason
            and event["ResourceStatus"].endswith(("_FAILED", "ROLLBACK_IN_PROGRESS"))
        ][:5]


__all__ = ["KEPT", "Change", "Deployment", "Proposal"]
