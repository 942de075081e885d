"""What goes on beside `run` and `serve`, each in a thread of its own: what stalls there delays no mail and no page."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from chalicelib.cli.journal import complain
from chalicelib.errors import SendbriefError

Over = Callable[[], bool]
Look = Callable[[Over], Iterable[str]]
"""One look; what a person should know of it. It ends early where its argument says so."""


@contextmanager
def beside(
    what: str,
    look: Look,
    stop: threading.Event,
    pause: float,
    *,
    first: bool = True,
    after_trouble: float | None = None,
) -> Iterator[None]:
    """``look`` again and again while this lasts, ``pause`` seconds apart; whatever goes wrong with it is said.

    ``first``: at once, not only after a pause. ``after_trouble``: another pause then.
    """
    ended = threading.Event()

    def over() -> bool:
        return ended.is_set() or stop.is_set()

    def keep_looking() -> None:
        wait = 0.0 if first else pause
        while not ended.wait(wait) and not stop.is_set():
            wait = pause if _well(what, look, over) or after_trouble is None else after_trouble

    thread = threading.Thread(target=keep_looking, name=what, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _well(what: str, look: Look, over: Over) -> bool:
    """One look; whether nothing stopped it."""
    try:
        for words in look(over):
            complain(what, words)
    except SendbriefError as error:
        complain(what, str(error))
    except Exception as error:  # noqa: BLE001 (a fault over one mail or message must not end the work on others)
        complain(f"Fault in {what.lower()}", f"{type(error).__name__}. The next look tries again.")
    else:
        return True
    return False
