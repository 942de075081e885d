"""The command for after a restore: hear all that is known, settle who got mail since the backup, tell what differs."""

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable

from chalicelib.cli.context import err, escape, house, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.cli.hearing import can_hear, hear_all
from chalicelib.deliver.doubts import Doubts
from chalicelib.deliver.evidence import look_in_folder, look_through_log
from chalicelib.deliver.hearing.listening import Tally
from chalicelib.deliver.holding import stand
from chalicelib.deliver.pausing import Restored, standing
from chalicelib.deliver.reconciling import Difference, Reconciler, note_heard, resume_words
from chalicelib.errors import SendbriefError, UsageError
from chalicelib.runtime import Runtime

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
MARGIN_SECONDS = 3600
"""So much older than the backup a log's last line may be: clocks differ."""
LOOKS = 2
"""So often a place must have nothing new."""
_BOOKS = ("planned", "sent", "failed", "skipped", "pending", "deferred", "in_doubt")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reconcile)


def reconcile(json: Json = False) -> None:
    """After a restore: hear all that is known of mails since the backup, and tell what differs. Sends nothing."""
    with house() as runtime:
        stand(runtime.table, runtime.site.newsletters, runtime.clock())
        restored = standing(runtime.table).restored
        if restored is None:
            raise UsageError(
                "This store was not restored.", "'sendbrief hear --once' hears what came; 'site pause --restored' "
                "says that it is an older one of itself all the same.",
            )  # fmt: skip
        found = _Found(runtime, restored)
        found.hear()
        print_json(found.as_dict()) if json else _show(found)
        if found.troubles:
            raise typer.Exit(1)
        note_heard(runtime.table, restored, runtime.clock())


class _Found:
    """What one call has heard, and what differs then."""

    def __init__(self, runtime: Runtime, restored: Restored) -> None:
        self.runtime, self.restored, self.tally, self.changed = runtime, restored, Tally(), 0
        self.troubles: list[str] = []
        doubts = Doubts(runtime.site, runtime.table, runtime.blobs, runtime.secrets)
        self.reconciler = Reconciler(runtime.site, runtime.table, runtime.blobs, doubts)
        self.folder = runtime.deciphered(runtime.settings.sent_folder, "SENDBRIEF_SENT_FOLDER")

    @property
    def nowhere(self) -> bool:
        """Whether there is no place at all where anything could be heard."""
        return not (can_hear(self.runtime) or self.runtime.settings.mail_log or self.folder)

    def hear(self) -> None:
        """All places that are set up. Trouble with one keeps nothing from the others."""
        now = self.runtime.clock()
        if can_hear(self.runtime):
            self._hear_all()
            self.troubles += self.tally.troubles
            self.changed += self.tally.recorded.changed
        self.reconciler.stop_flights(now)
        self._try(self._log)
        self._try(self._sent)

    def _hear_all(self) -> None:
        """Until nothing comes any more: a queue may look empty that is not (SQS asks some of its servers only)."""
        empty = 0
        while empty < LOOKS:
            round_ = hear_all(self.runtime)
            self.tally += round_
            empty = 0 if round_.read and not round_.troubles else empty + 1

    def _try(self, look: Callable[[], int]) -> None:
        try:
            self.changed += look()
        except SendbriefError as error:
            self.troubles.append(str(error))

    def _log(self) -> int:
        log = self.runtime.settings.mail_log
        if log is None:
            return 0
        made = self.restored.made
        since = datetime.fromisoformat(made).timestamp() - MARGIN_SECONDS if made else 0.0
        return self.reconciler.settle(look_through_log(log, since, self.runtime.secrets), self.runtime.clock())

    def _sent(self) -> int:
        changed = 0
        for edition, places in self.reconciler.open_places() if self.folder else ():
            found = look_in_folder(self.folder, edition, places)
            changed += self.reconciler.settle({edition: found}, self.runtime.clock())
        return changed

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "restored": {"at": self.restored.at, "made": self.restored.made},
            "heard": {"read": self.tally.read, "changed": self.changed, "nowhere": self.nowhere},
            "editions": [one.as_dict() for one in self.reconciler.differences()],
            "lost": self.reconciler.lost(),
            "slots": self.reconciler.slots(self.restored),
            "suppressed": self.reconciler.suppressed(self.restored),
            "unpublished": self.reconciler.unpublished(),
            "troubles": self.troubles,
        }


def _show(found: _Found) -> None:
    told = found.as_dict()
    of = f" of {told['restored']['made'][:16]}Z" if told["restored"]["made"] else ""
    out.print(f"Restored at {told['restored']['at'][:16]}Z{of}. {told['heard']['read']} messages were heard now, "
              f"{told['heard']['changed']} marks changed.")  # fmt: skip
    if told["heard"]["nowhere"]:
        out.print("[yellow]There is nowhere to hear from: who got mail since the backup, nothing here can tell.[/]")
    differences = found.reconciler.differences()
    _show_books(differences)
    for one in differences:
        out.print(escape(f"{one.edition}: {one.do}"))
    for name, count in told["lost"].items():
        out.print(escape(f"{name} is not in this store, and {count} mails of it went out: it is held if it comes up."))
    for name in told["slots"]:
        out.print(escape(f"{name} was due before the restore and is not in this store: it waits for you once made."))
    if told["suppressed"]:
        out.print(f"{told['suppressed']} people are not written to any more, for what was heard of their mails.")
    if told["unpublished"]:
        out.print(f"Published since the backup: {', '.join(told['unpublished'])}. Publish the site again.")
    out.print("Who has subscribed, chosen or left since the backup by a page, nothing can tell: those writes are lost.")
    for words in found.troubles:
        err.print(f"[bold red]Error:[/] {escape(words)}")
    out.print("Mend that, and run this again." if found.troubles else "'sendbrief site resume' lets the site go on.")


def _show_books(differences: list[Difference]) -> None:
    if not differences:
        out.print("No edition waits because of the restore.")
        return
    table = RichTable("edition", "books", *_BOOKS, box=None, header_style="bold", pad_edge=False)
    for one in differences:
        table.add_row(one.edition, "at the backup", *(str(one.then[name]) for name in _BOOKS))
        table.add_row("", "with evidence", *(str(one.now[name]) for name in _BOOKS))
    out.print(table)


def sure(runtime: Runtime, edition: str, *, yes: bool) -> None:
    """Ask before an edition goes on that a restore held: how many would get it. Raises UsageError without --yes."""
    restored = standing(runtime.table).restored
    if restored is None or yes:
        return
    found = runtime.dispatcher.editions.find(edition)
    words = resume_words(runtime.table, found, runtime.dispatcher.count(found), heard=bool(restored.heard))
    if not words:
        return
    if not sys.stdin.isatty():
        raise UsageError(words, "--yes goes on.")
    typer.confirm(f"{words} Go on?", abort=True)


def check_heard(runtime: Runtime, *, yes: bool) -> None:
    """A restored site goes on only once somebody has heard what is known. Raises UsageError."""
    how = standing(runtime.table)
    if how.moved or (how.restored and not how.restored.heard and not yes):
        raise UsageError(
            "The site was restored, and nothing was heard since of who got mail.",
            "Run 'sendbrief reconcile' first; --yes goes on without.",
        )
