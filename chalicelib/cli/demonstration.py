"""The demo: the whole job on the example site, on this machine, with nothing leaving it."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.table import Table as RichTable

from chalicelib.audience.importing import ImportJob, import_people
from chalicelib.audience.subscriber import Basis
from chalicelib.cli.context import out
from chalicelib.cli.sending import tick_once
from chalicelib.cli.showing import edition_rows, editions_table, show_troubles, subscriber_rows
from chalicelib.clock import clock_starting_at
from chalicelib.compose.schedule import latest_slot
from chalicelib.errors import UsageError
from chalicelib.runtime import Runtime

SUBSCRIBERS = "content/sample-subscribers.csv"
FAR = datetime(2200, 1, 1, tzinfo=UTC)


def play(runtime: Runtime, stop: threading.Event) -> None:
    """Import the sample subscribers, then tick at the example's moments, and show what happened."""
    if runtime.settings.transport != "maildir":
        raise UsageError("The demo only writes files.", "Unset SENDBRIEF_TRANSPORT.")
    _import(runtime, runtime.settings.site / SUBSCRIBERS)
    before = _mails(runtime)
    for moment in moments(runtime):
        runtime.clock = clock_starting_at(moment)
        report = tick_once(runtime, stop)
        show_troubles(report.troubles)
    _show(runtime, before)


def moments(runtime: Runtime) -> list[datetime]:
    """Two days before the latest slot of each scheduled newsletter, and the slot itself: draft, then send.

    A schedule that ends is played at its last slot, whatever the day: that is where its content lies.
    """
    site, found = runtime.site, set[datetime]()
    for newsletter in site.newsletters.values():
        if newsletter.schedule is None:
            continue
        ends = "UNTIL=" in newsletter.schedule.rule
        slot = latest_slot(newsletter.schedule, site.time_zone, FAR if ends else datetime.now(UTC))
        if slot:
            found |= {slot.at - newsletter.draft_before + timedelta(minutes=1), slot.at}
    return sorted(found)


def _import(runtime: Runtime, file: Path) -> None:
    for newsletter in runtime.site.newsletters.values():
        job = ImportJob(file, runtime.site, newsletter, Basis.CONSENT, runtime.secrets, datetime.now(UTC))
        report = import_people(job, runtime.table)
        out.print(
            f"{newsletter.name}: {report.new} of {report.read} sample subscribers imported, {report.same} known already"
        )


def _mails(runtime: Runtime) -> int:
    folder = runtime.settings.maildir / "new"
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def _show(runtime: Runtime, before: int) -> None:
    rows = edition_rows(runtime)
    out.print()
    out.print(editions_table(rows))
    table = RichTable(box=None, show_header=False)
    for name, counts in subscriber_rows(runtime).items():
        table.add_row(name, ", ".join(f"{count} {state}" for state, count in counts.items()))
    out.print(table)
    written = _mails(runtime) - before
    out.print()
    if written:
        out.print(f"{written} mails were delivered into {runtime.settings.maildir}, and the books balance.")
    else:
        out.print("Nothing was sent: everybody has these editions already. The books balance.")
