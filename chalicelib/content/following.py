"""Following what is published: the site of the current bundle, and of the next once that is known to be good."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from chalicelib.content.load import LoadedSite, load_site
from chalicelib.content.published import Shelf
from chalicelib.errors import BundleError, SendbriefError
from chalicelib.logs import logger

LOG = logger(__name__)


class Follower:
    """The published site, as one process has it. ``loaded`` is the last one that could be used, None before the first.

    Whoever plans or composes looks strictly: what is published now, or an error. Pages and whoever sends what is
    planned already go on with what they have.
    """

    def __init__(self, shelf: Callable[[], Shelf], below: Path, seconds: Callable[[], float] = time.monotonic) -> None:
        self._shelf, self._below, self._seconds = shelf, below, seconds
        self._lock = Lock()
        self._hash = ""
        self._looked: float | None = None
        self._failure: SendbriefError | None = None
        self.loaded: LoadedSite | None = None

    def look(self, *, within: float = 0.0) -> LoadedSite:
        """What is published now, or ``within`` seconds was.

        Raises BundleError where nothing is, or not what was uploaded, ConfigurationError where its site is
        broken, StoreUnavailableError.
        """
        with self._lock:
            if self._looked is None or self._seconds() - self._looked >= within:
                self._look()
            if self._failure is not None:
                raise self._failure.with_traceback(None)
            assert self.loaded is not None  # noqa: S101 (a look that did not fail has loaded one)
            return self.loaded

    def keep(self, *, within: float = 0.0) -> LoadedSite:
        """The same, but the last one that could be used where what is published can't be; the log tells."""
        had = self.loaded
        if had and self._looked is not None and self._seconds() - self._looked < within:
            return had  # without waiting for another thread's look
        try:
            return self.look(within=within)
        except SendbriefError as error:
            if self.loaded is None:
                raise
            LOG.error("The site as it was published before stays in use. %s", error)
            return self.loaded

    def _look(self) -> None:
        self._looked = self._seconds()
        try:
            self._take_up()
        except SendbriefError as error:
            self._failure = error
        else:
            self._failure = None

    def _take_up(self) -> None:
        shelf = self._shelf()
        current = shelf.current()
        if current is None:
            raise BundleError(
                "Nothing is published yet, and SENDBRIEF_CONTENT is 'published'.",
                "Run 'sendbrief publish' where the site lies.",
            )
        if current.hash == self._hash:
            return
        from chalicelib.content.unpacking import sweep, unpacked

        folder = unpacked(shelf.manifest(current.hash), lambda: shelf.archive(current.hash), self._below)
        loaded = load_site(folder)
        loaded.require()
        self.loaded, self._hash = loaded, current.hash
        sweep(self._below)
