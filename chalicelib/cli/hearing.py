"""Hearing back beside `run` and `serve`, in a thread of its own: a mailbox that is slow delays no mail and no page."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from chalicelib.cli.context import err, escape
from chalicelib.deliver.hearing.listening import Tally
from chalicelib.errors import SendbriefError
from chalicelib.runtime import Runtime

PAUSE_SECONDS = 60.0


def can_hear(runtime: Runtime) -> bool:
    """Whether there is anything to listen to."""
    return bool(runtime.settings.bounces or runtime.settings.event_queue_url)


def hear_all(runtime: Runtime, stop: Callable[[], bool] = lambda: False) -> Tally:
    """The mailbox and the queue of events, as far as there are any, heard now. Raises SendbriefError."""
    from chalicelib.deliver.hearing.inboxes import open_inbox

    listener, tally = runtime.listener, Tally()
    if runtime.settings.bounces:
        with closing(open_inbox(runtime.settings.bounces)) as inbox:
            tally = listener.inbox(inbox, runtime.clock(), stop=stop)
    if runtime.settings.event_queue_url:
        tally = tally + listener.queue(runtime.event_queue, runtime.clock, stop=stop)
    return tally


def hear_before(runtime: Runtime, stop: Callable[[], bool]) -> list[str]:
    """What came back since the last tick, heard before the next mails go out; what a person should know of that."""
    try:
        return hear_all(runtime, stop).troubles if can_hear(runtime) else []
    except SendbriefError as error:
        return [str(error)]


@contextmanager
def hearing(runtime: Runtime, stop: threading.Event, pause: float = PAUSE_SECONDS) -> Iterator[None]:
    """What comes back is heard while this lasts, at once and then every minute; nothing where nothing is set up."""
    ended = threading.Event()
    if not can_hear(runtime):
        yield
        return
    for name in ("table", "blobs", "secrets", "suppressions"):
        getattr(runtime, name)  # what threads share is built before there are some
    thread = threading.Thread(target=_keep_hearing, args=(runtime, stop, ended, pause), name="hearing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _keep_hearing(runtime: Runtime, stop: threading.Event, ended: threading.Event, pause: float) -> None:
    def over() -> bool:
        return ended.is_set() or stop.is_set()

    while not over():
        try:
            for words in hear_all(runtime, over).troubles:
                err.print(f"[bold red]Hearing back:[/] {escape(words)}")
        except SendbriefError as error:
            err.print(f"[bold red]Hearing back:[/] {escape(str(error))}")
        except Exception as error:  # noqa: BLE001 (a fault over one mail must not end the hearing of others)
            err.print(f"[bold red]Fault in hearing back:[/] {type(error).__name__}. The next look tries again.")
        ended.wait(pause)
