"""What the threads of one wave to SES know together, and what its refusals say of the account."""

import threading

from chalicelib.errors import ConfigurationError, ProviderStoppedError, TransportUnavailableError
from chalicelib.transports import Fate, Outcome
from chalicelib.transports.ses_errors import Meaning

UNREACHABLE_ENOUGH = 3
"""Failures to connect, with no mail handed over, after which a wave stops trying."""

_FATES = {Meaning.FAILED: Fate.FAILED, Meaning.IN_DOUBT: Fate.IN_DOUBT}
_TAKEN = (Fate.SENT, Fate.IN_DOUBT)
_ENDS_THE_WAVE = (Meaning.CONFIGURATION, Meaning.QUOTA, Meaning.STOPPED)
_MEND = "Check the account, the verified sender, the configuration set and the permissions."


class Standing:
    """How the account stands with SES, as its last answers say; shared by all waves of a transport."""

    def __init__(self) -> None:
        self.stopped = ""
        self.quota_used = False
        self.lock = threading.Lock()
        """Of all waves: their threads write here."""
        self._seen = 0

    def now(self) -> int:
        """A mark of what is known when a request begins, for ``took``."""
        return self._seen

    def refused(self, reason: str, meaning: Meaning) -> None:
        """SES stopped the account, or its day's quota is used up; anything else says nothing of it."""
        if meaning is Meaning.STOPPED:
            self._seen += 1
            self.stopped = reason
        elif meaning is Meaning.QUOTA:
            self._seen += 1
            self.quota_used = True

    def took(self, mark: int) -> None:
        """A mail was taken: it is over, unless the request began before what is known."""
        if mark == self._seen:
            self.stopped, self.quota_used = "", False


class Wave:
    """One wave: when to begin no further mail, and what to raise at its end."""

    def __init__(self, standing: Standing) -> None:
        self.stopped = ""
        """Why no further mail is begun; '' while they are."""
        self._standing = standing
        self._lock = standing.lock
        self._trouble: ConfigurationError | TransportUnavailableError | None = None
        self._unreachable = 0
        self._answered = False

    def begin(self) -> int:
        """The mark to hand to ``took``."""
        with self._lock:
            return self._standing.now()

    def took(self, mark: int, provider_id: str) -> Outcome:
        """A mail was taken. SES answers: a failure to connect is no reason to stop any more."""
        with self._lock:
            self._answered = True
            self._standing.took(mark)
        return Outcome(Fate.SENT, "", provider_id)

    def refused(self, said: str, meaning: Meaning, *, answered: bool) -> Outcome:
        """The outcome of one mail, and what follows for the rest; ``answered``: it was SES who said so."""
        reason = one_line(said)
        with self._lock:
            self._answered = self._answered or answered
            self._standing.refused(reason, meaning)
            if meaning in _ENDS_THE_WAVE:
                self.stopped = reason
            if meaning is Meaning.STOPPED:
                self._trouble = ProviderStoppedError(f"SES takes no mail from this account: {reason}", _MEND)
            elif meaning is Meaning.CONFIGURATION and not isinstance(self._trouble, ProviderStoppedError):
                self._trouble = ConfigurationError(f"SES refuses to send: {reason}", _MEND)
            elif meaning is Meaning.UNREACHABLE:
                self._unreached(reason)
        return Outcome(_FATES.get(meaning, Fate.DEFERRED), reason)

    def _unreached(self, reason: str) -> None:
        self._unreachable += 1
        self._trouble = self._trouble or TransportUnavailableError(
            f"SES can't be reached: {reason}", "Nothing was handed over; it is tried again later."
        )
        if self._unreachable >= UNREACHABLE_ENOUGH and not self._answered:
            self.stopped = reason

    def finish(self, outcomes: list[Outcome]) -> list[Outcome]:
        """Raises the trouble where it is certain that SES took nothing of the wave."""
        if self._trouble is None or any(outcome.fate in _TAKEN for outcome in outcomes):
            return outcomes
        if self._answered and not isinstance(self._trouble, ConfigurationError):
            return outcomes
        raise self._trouble


def one_line(said: str) -> str:
    """A provider's words as one printable line of at most 200 characters."""
    return "".join(c if c.isprintable() else " " for c in said)[:200].strip()


__all__ = ["Standing", "Wave", "one_line"]
