"""What the commands package, deploy and destroy do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.table import Table as RichTable

from chalicelib.cli.context import Options, err, escape, out
from chalicelib.cloud import after, parameters
from chalicelib.cloud.aws import Aws
from chalicelib.cloud.deploying import Deployment, Proposal
from chalicelib.cloud.packaging import ARCHITECTURES, MAX_BYTES, Package, build
from chalicelib.cloud.removing import remove
from chalicelib.cloud.stages import find_stage, read_stage
from chalicelib.content.load import load_site
from chalicelib.errors import DeploymentError, UsageError
from chalicelib.settings import PROJECT_ROOT, load_settings


def package(folder: Path | None, architecture: str) -> None:
    """Make the artefact and say where it is."""
    made = _packaged(_stage("prod"), architecture, folder)
    out.print(f"{escape(str(made.artefact))}: {made.artefact.stat().st_size / 1e6:.1f} MB, {made.architecture}")
    out.print(escape(str(made.template)))


def deploy(settings: Sequence[str], architecture: str, *, yes: bool, dry_run: bool) -> None:
    """Package, upload, show, ask, apply; then what is left to do."""
    stage, given = _stage(""), parameters.read_given(settings)
    site = load_site(load_settings(site=Options.site, data=Options.data).site).require()
    with _aws() as aws:
        now = find_stage(aws, stage)
        deployment = Deployment(aws, stage, _tell)
        template, url = deployment.upload(_packaged(stage, architecture))
        known = template["Parameters"]
        proposal = deployment.propose(url, parameters.wanted(aws, site, given, known, now), known, now)
        _show(proposal)
        if dry_run or not _agreed(proposal, yes=yes):
            if proposal.changes:
                deployment.withdraw(proposal)
            out.print("Nothing was changed.")
            raise typer.Exit(0 if dry_run else 1)
        if deployment.secret():
            show = f"aws ssm get-parameter --with-decryption --name /sendbrief/{stage}/secret"
            out.print(f"The secret that keys links and ids is new. Keep a copy: {show}")
        if proposal.changes:
            deployment.apply(proposal)
        for line in after.steps(aws, read_stage(stage, aws), site):
            out.print(escape(line))


def destroy(*, yes: bool, with_data: bool) -> None:
    """Take a stage away; what stays is said."""
    stage = _stage("")
    with _aws() as aws:
        found = find_stage(aws, stage)
        if found is None:
            raise DeploymentError(f"The stage {stage} is not deployed here.", "Nothing was changed.")
        if not yes:
            _ask(stage, with_data=with_data)
        for line in remove(aws, found, with_data=with_data, tell=_tell):
            out.print(escape(line))


def _ask(stage: str, *, with_data: bool) -> None:
    if with_data:
        out.print("All subscribers, their consent, all editions and the secret will be gone.")
        if typer.prompt(f"Type the stage's name ({stage}) to go on").strip() != stage:
            raise UsageError("That is another name.", "Nothing was changed.")
    elif not typer.confirm(f"Take away the functions, queues and alarms of {stage}?"):
        raise typer.Exit(1)


def _tell(line: str) -> None:
    err.print(f"  {escape(line)}")


@contextmanager
def _aws() -> Iterator[Aws]:
    aws = Aws()
    try:
        yield aws
    finally:
        aws.close()


def _stage(default: str) -> str:
    stage = Options.stage or default
    if not stage:
        raise UsageError("Which stage?", "Add --stage prod, or --stage dev.")
    return stage


def _packaged(stage: str, architecture: str, folder: Path | None = None) -> Package:
    if architecture not in ARCHITECTURES:
        raise UsageError(f"There is no architecture '{architecture}'.", f"Known are: {', '.join(ARCHITECTURES)}.")
    with err.status("packages …"):
        made = build(folder or PROJECT_ROOT / "build" / "package", stage, architecture)
    if made.artefact.stat().st_size > MAX_BYTES:
        err.print("The artefact is larger than it should be: cold starts will take longer.")
    return made


def _show(proposal: Proposal) -> None:
    if not proposal.changes:
        out.print("The stack is as it should be: nothing changes.")
        return
    table = RichTable("", "what", "kind", "made anew", box=None)
    for change in proposal.changes:
        colour = "red" if change.loses else {"Add": "green", "Remove": "yellow"}.get(change.action, "")
        cells = (change.action, change.resource, change.kind, {"True": "yes"}.get(change.replaced, change.replaced))
        table.add_row(*(escape(cell) for cell in cells), style=colour)
    out.print(table)
    if lost := [change.resource for change in proposal.changes if change.loses]:
        raise DeploymentError(
            f"This would take away or make anew what must stay: {', '.join(lost)}.",
            "Look at what changed in .chalice/resources.yaml; the change set waits in CloudFormation's console.",
        )


def _agreed(proposal: Proposal, *, yes: bool) -> bool:
    return yes or not proposal.changes or typer.confirm(f"Apply {len(proposal.changes)} changes?")
