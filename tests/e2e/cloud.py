"""A stage on the local AWS: the built artefact deployed by our own code, its functions run by their triggers."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalicelib.cloud.aws import Aws
from chalicelib.cloud.deploying import Change, Deployment
from chalicelib.cloud.packaging import Package
from chalicelib.cloud.stages import find_stage
from tests.e2e.artefact import HERE, Artefact
from tests.e2e.witness import Witness
from tests.fake_ses import FakeSes, Taken
from tools.local_aws import CREDENTIALS, LocalAws

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("APIHandler", "Tick", "Chunks", "Notices", "Events")
STAGE = "dev"


@dataclass
class Stage:
    """A deployed stage; ``witnesses`` are by function."""

    local: LocalAws
    ses: FakeSes
    site: Path
    artefact: Artefact
    folder: Path
    aws: Aws
    witnesses: dict[str, Witness]
    outputs: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)

    def deploy(self, version: str = "first") -> list[Change]:
        """Bring the artefact there. Another ``version`` has other code and other settings, for all functions."""
        code = self.folder / f"{version}.zip"
        shutil.copy(self.artefact.artefact, code)
        with zipfile.ZipFile(code, "a") as archive:
            archive.writestr("VERSION", version)
        package = Package(code, self._for_here({"VERSION": version}), STAGE, HERE)
        deployment = Deployment(self.aws, STAGE, sleep=lambda _: time.sleep(0.2))
        known, url = deployment.upload(package)
        deployment.secret("e2e" * 16)
        proposal = deployment.propose(
            url, {"SenderDomain": "example.org"}, known["Parameters"], find_stage(self.aws, STAGE)
        )
        deployment.apply(proposal)
        found = find_stage(self.aws, STAGE)
        assert found is not None
        self.outputs = found.outputs
        listed = self.aws.client("cloudformation").list_stack_resources(StackName=f"sendbrief-{STAGE}")
        names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed["StackResourceSummaries"]}
        self.functions = {name: names[name] for name in FUNCTIONS}
        return list(proposal.changes)

    def _for_here(self, more: dict[str, str]) -> Path:
        """The package's own template, with what this machine is short of: SES, the world's feeds, and an hour's time.

        A chunk that fails twice is a dead letter, and ticks come each minute. All else is as it ships.
        """
        template = json.loads(self.artefact.sam.read_text())
        resources = template["Resources"]
        for name in FUNCTIONS:
            variables = resources[name]["Properties"]["Environment"]["Variables"]
            variables |= {**self.witnesses[name].environment, "AWS_ENDPOINT_URL_SESV2": self.ses.url, **more}
        resources["Tick"]["Properties"]["Environment"]["Variables"]["SENDBRIEF_FETCH_ALLOW"] = "127.0.0.1"
        resources["Tick"]["Properties"]["Events"]["TickEvent"]["Properties"]["Schedule"] = "rate(1 minute)"
        resources["ChunkQueueResource"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] = 1
        path = self.folder / "sam.json"
        path.write_text(json.dumps(template))
        return path

    def command(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """The command on this stage, as an editor runs it; what it says. It must end with one of ``codes``."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SENDBRIEF_", "AWS_"))}
        there = {**CREDENTIALS, "AWS_ENDPOINT_URL": self.local.endpoint, "AWS_ENDPOINT_URL_SESV2": self.ses.url}
        done = subprocess.run(
            [sys.executable, "-m", "chalicelib.cli.main", "--site", str(self.site), "--stage", STAGE, *arguments],
            env={**kept, **there}, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode in codes, done.stdout + done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        """What `sendbrief status --json` says; it ends with 1 where something waits for a person."""
        found: dict[str, Any] = json.loads(self.command("status", "--json", codes=(0, 1)))
        return found

    def tick(self) -> None:
        """What the rule's schedule sends, at once."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        event = {"version": "0", "id": "e2e", "source": "aws.events", "detail-type": "Scheduled Event", "account": "0",
                 "region": "eu-central-1", "time": now, "resources": [], "detail": {}}  # fmt: skip
        answer = self.aws.client("lambda").invoke(FunctionName=self.functions["Tick"], Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()

    def ask(self, url: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        """A request to the public pages, whose address in mails leads to API Gateway."""
        api = urlsplit(self.outputs["EndpointURL"]).netloc.partition(".")[0]
        place = f"{self.local.endpoint}/restapis/{api}/{STAGE}/_user_request_{urlsplit(url).path}"
        request = urllib.request.Request(place, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def logs(self) -> str:
        """The ends of all functions' logs."""
        client, found = self.aws.client("logs"), []
        for group in client.describe_log_groups()["logGroups"]:
            events = client.filter_log_events(logGroupName=group["logGroupName"]).get("events", [])
            found += [group["logGroupName"], *(event["message"].rstrip()[-1000:] for event in events[-40:])]
        return "\n".join(found)

    def mails(self, newsletter: str, about: str = "") -> list[Taken]:
        """What SES took of editions of a newsletter, those with this in their name."""
        editions = [(mail, mail.tags.get("edition", "")) for mail in list(self.ses.taken)]
        return [mail for mail, name in editions if name.startswith(f"{newsletter}_") and about in name]

    def tell(self, kind: str, mail: Taken, **about: Any) -> None:
        """What SES publishes of a mail, to the topic of the configuration set."""
        event = {
            "eventType": kind, "mail": {"messageId": mail.message_id, "tags": {k: [v] for k, v in mail.tags.items()}},
            kind.lower(): {"timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}", **about},
        }  # fmt: skip
        self.aws.client("sns").publish(TopicArn=self.outputs["EventTopicArn"], Message=json.dumps(event))


@contextmanager
def stage(local: LocalAws, artefact: Artefact, site: Path, folder: Path, monkeypatch: Any) -> Iterator[Stage]:
    """Everything but the deployment. Our own clients find the local AWS by the environment, as an operator's would."""
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": local.endpoint}.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        ses = stack.enter_context(FakeSes(max_rate=14.0))
        witnesses = {name: stack.enter_context(Witness(local.endpoint)) for name in FUNCTIONS}
        aws = stack.enter_context(closing(Aws()))
        made = Stage(local, ses, site, artefact, folder, aws, witnesses)
        try:
            yield made
        except AssertionError:
            sys.stderr.write(made.logs())
            raise


def until(what: Callable[[], Any], seconds: float, why: str) -> Any:
    """What ``what`` gives once it is true. Raises AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.3)
    raise AssertionError(f"after {seconds} s: {why}")
