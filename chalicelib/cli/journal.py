"""What `run` and `serve` tell of themselves: words for people, or lines of JSON where the log is that."""

from enum import StrEnum

from chalicelib.cli.context import err, escape, out
from chalicelib.cli.showing import show_tick
from chalicelib.deliver.ticking import TickReport, log_report
from chalicelib.json_logs import is_json, log_as_json
from chalicelib.logs import about, logger
from chalicelib.runtime import Runtime

LOG = logger("sendbrief")


class LogForm(StrEnum):
    """How the log is written."""

    TEXT = "text"
    JSON = "json"


def start_journal(runtime: Runtime, asked: LogForm | None) -> None:
    """The option wins over SENDBRIEF_LOG."""
    settings = runtime.settings
    if (asked or settings.log) == LogForm.JSON:
        log_as_json(stage=settings.stage)


def say(words: str) -> None:
    """Something that is well."""
    if is_json():
        LOG.info("%s", words)
    else:
        out.print(escape(words))


def complain(what: str, words: str) -> None:
    """Something that is not: ``what`` it is, and more of it."""
    if is_json():
        LOG.error("%s: %s", what, words)
    else:
        err.print(f"[bold red]{what}:[/] {escape(words)}")


def tell_tick(report: TickReport, runtime: Runtime) -> None:
    """What a tick did, if anything."""
    if is_json():
        _log_tick(report, runtime)
    elif report.editions or report.troubles:
        show_tick(report, runtime)


def _log_tick(report: TickReport, runtime: Runtime) -> None:
    """One line for each edition, with its books, and what ``log_report`` says."""
    for edition in report.editions.values():
        books = runtime.dispatcher.count(edition)
        with about(edition=edition.id, state=str(edition.state), **books.as_dict()):
            LOG.info("An edition as it stands")
    log_report(report)
