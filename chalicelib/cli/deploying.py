"""What the commands package, deploy and destroy do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import typer
from rich.table import Table as RichTable

from chalicelib.cli import context
from chalicelib.cli.commits import commit_of
from chalicelib.cli.context import Options, err, escape, house, out, show_error
from chalicelib.cli.doctor_commands import show as show_findings
from chalicelib.cli.publish_commands import publish
from chalicelib.cloud import after, parameters
from chalicelib.cloud.aws import Aws
from chalicelib.cloud.deploying import Deployment, Proposal
from chalicelib.cloud.packaging import ARCHITECTURES, MAX_BYTES, Package, build
from chalicelib.cloud.removing import remove
from chalicelib.cloud.stages import Stage, find_stage, parameter_name, read_stage
from chalicelib.content.load import load_site
from chalicelib.errors import DeploymentError, SendbriefError, UsageError
from chalicelib.runtime import Runtime
from chalicelib.settings import PROJECT_ROOT, load_settings


def package(folder: Path | None, architecture: str) -> None:
    """Make the artefact and say where it is."""
    made = _packaged(_stage("prod"), architecture, folder)
    out.print(f"{escape(str(made.artefact))}: {made.artefact.stat().st_size / 1e6:.1f} MB, {made.architecture}")
    out.print(escape(str(made.template)))


def deploy(settings: Sequence[str], architecture: str, *, yes: bool, dry_run: bool) -> None:
    """Package, upload, show, ask, apply; publish where nothing is; then what is left to do, the doctor's word last."""
    stage, given = _stage(""), parameters.read_given(settings)
    site = load_site(load_settings(site=Options.site, data=Options.data).site).require()
    with _aws() as aws:
        now = find_stage(aws, stage)
        deployment = Deployment(aws, stage, _tell)
        template, url = deployment.upload(_packaged(stage, architecture), _commit())
        known = template["Parameters"]
        proposal = deployment.propose(url, parameters.wanted(aws, site, given, known, now), known, now)
        show(proposal)
        if dry_run or not _agreed(deployment, proposal, yes=yes):
            deployment.withdraw(proposal)
            out.print("Nothing was changed.")
            raise typer.Exit(0 if dry_run else 1)
        _apply(deployment, proposal, stage)
        stands = read_stage(stage, aws)
        left = list(after.steps(aws, stands, site))
    _publish(stage)
    for line in left:
        out.print(escape(line))
    _examine(stands)


def _commit() -> str:
    """What is deployed, for the stack to say: a commit, and whether this checkout differs from it."""
    commit, changed = commit_of(PROJECT_ROOT, ("app.py", "chalicelib", "templates", ".chalice", "requirements.txt"))
    if changed:
        err.print(f"  This checkout differs from commit {commit[:12]}: what lies here is deployed.")
    return f"{commit[:12]}{', changed' if changed else ''}"


def _apply(deployment: Deployment, proposal: Proposal, stage: str) -> None:
    """Raises DeploymentError, KeyboardInterrupt: CloudFormation then goes on by itself, and that is said."""
    if deployment.secret():
        where = f"{parameter_name(stage, 'secret')} in Systems Manager's Parameter Store"
        out.print(f"The secret that keys links and ids is new. Keep a copy of it: {where}.")
    if not proposal.identifier:
        return
    try:
        deployment.apply(proposal)
    except KeyboardInterrupt:
        err.print("CloudFormation goes on without this command, to the end or back to what was before.")
        err.print(f"  'make deploy STAGE={stage}' later shows how it ended, and does what is left.")
        raise


def _publish(stage: str) -> None:
    """The folder's site for a stage that has none; a site with errors stops nothing of what stands."""
    try:
        with house() as runtime:
            current = runtime.shelf.current()
        if current:
            out.print(f"Its site stays {current.hash[:12]}; another: sendbrief --stage {stage} publish")
        else:
            publish()
    except typer.Exit:
        err.print(f"The stage has no site yet. Once it is mended: sendbrief --stage {stage} publish")
    except SendbriefError as error:
        show_error(error)
        err.print(f"The stage stands. Try again: sendbrief --stage {stage} publish")


def _examine(stage: Stage) -> None:
    """What the doctor finds: most of it is left to be done by hand, so that none of it makes the deployment fail."""
    from chalicelib.doctor.examining import Wishes, examine

    runtime = Runtime(replace(context.settings(), content="published"))
    try:
        with err.status("looks whether mails can go out …"):
            found = examine(runtime, Wishes(stage=stage.name, outputs=stage.outputs))
    finally:
        runtime.close()
    out.print(f"\nThe doctor (again at any time: sendbrief --stage {stage.name} doctor):")
    show_findings([finding.as_dict() for finding in found], verbose=False)


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


def show(proposal: Proposal) -> None:
    """What would change. Raises DeploymentError where people, editions or the domain's keys would be lost."""
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


def _agreed(deployment: Deployment, proposal: Proposal, *, yes: bool) -> bool:
    """Whether to go on; Ctrl-C at the question leaves no change set behind."""
    try:
        return yes or not proposal.changes or typer.confirm(f"Apply {len(proposal.changes)} changes?")
    except (typer.Abort, KeyboardInterrupt):
        deployment.withdraw(proposal)
        raise
