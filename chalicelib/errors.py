"""One tree of errors a person can act on.

Every error says what failed, on what, and what to do. Configuration errors stand outside the
sending errors, so that a handler for the one can never swallow the other.
"""


class SendbriefError(Exception):
    """The root: ``message`` says what failed and on what, ``hint`` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigurationError(SendbriefError):
    """A setting, site.yaml or a newsletter is broken; nothing is sent until it is mended."""


class BundleError(ConfigurationError):
    """What is published is not there, not whole, or not what was uploaded: nothing is planned from it."""


class ProviderStoppedError(ConfigurationError):
    """The provider takes no mail from this account (suspended, paused) until a person has dealt with it."""


class UsageError(SendbriefError):
    """The caller asked for something that makes no sense here (exit code 2)."""


class NotFoundError(UsageError):
    """The named edition, newsletter, subscriber or file does not exist."""


class BadLinkError(NotFoundError):
    """A signed link that is none of ours, or not whole."""


class ExpiredLinkError(NotFoundError):
    """A signed link that was ours, and is too old now."""


class SegmentError(UsageError):
    """A filter of members can't be read. ``reason`` says why in one line, ``position`` is its column, from 1."""

    def __init__(self, message: str, reason: str, position: int) -> None:
        super().__init__(message)
        self.reason = reason
        self.position = position


class IllegalTransitionError(UsageError):
    """An edition can't go from its state to the one asked for."""


class RenderError(SendbriefError):
    """A template or an entry can't be rendered; the edition is held before its first mail."""


class AddressError(SendbriefError):
    """Not an address that can be mailed (RFC 5321, within what SES takes).

    ``code`` says what is wrong with it, for pages that say it in the reader's language; '' where nobody typed it.
    """

    def __init__(self, message: str, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint)
        self.code = code


class ImportProblemError(SendbriefError):
    """A file of subscribers can't be read at all (single rows are reported, not raised)."""


class BackupError(SendbriefError):
    """A backup can't be written, read or restored; what was there stays as it was."""


class PackagingError(SendbriefError):
    """The artefact for AWS Lambda could not be made."""


class DeploymentError(SendbriefError):
    """A stack could not be made, changed, read or taken away."""


class InboxError(SendbriefError):
    """The mailbox that bounces come to can't be read now."""


class StoreError(SendbriefError):
    """The store failed."""


class ConflictError(StoreError):
    """A condition of a write did not hold: somebody else was there first. Re-read and decide again."""


class InvalidKeyError(StoreError, ValueError):
    """A key or value that not every home of the store can hold."""


class ItemTooLargeError(InvalidKeyError):
    """An item over the limit every adapter keeps (DynamoDB's 400 KB)."""


class StoreUnavailableError(StoreError):
    """The store can't be read or written now (corrupt, read-only, full, unreachable)."""


class SendingError(SendbriefError):
    """Handing mails over failed as a whole."""


class TransportUnavailableError(SendingError):
    """The provider can't be reached or refuses us all: no mail of the wave was handed over."""
