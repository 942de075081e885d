"""One thing that was looked at, how it is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How grave; ``skipped`` is what could not be looked at."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"
    ERROR = "error"
    SKIPPED = "skipped"


class Topic(StrEnum):
    """What a finding is about, in the order in which they are shown."""

    SITE = "site"
    STORE = "store"
    TRANSPORT = "transport"
    CLOCK = "clock"
    ACCOUNT = "account"
    IDENTITY = "identity"
    DKIM = "dkim"
    SPF = "spf"
    DMARC = "dmarc"
    MX = "mx"
    MAIL_FROM = "mail-from"
    TLS = "tls"
    BIMI = "bimi"
    SMTP = "smtp"
    UNSUBSCRIBE = "unsubscribe"
    EVENTS = "events"
    TABLE = "table"
    QUEUES = "queues"
    ALARMS = "alarms"
    WEB = "web"


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` is a sentence, ``do`` the next step, '' where there is none; a DNS record stands in it as it is written.

    ``evidence`` is what was seen, word for word.
    """

    severity: Severity
    topic: Topic
    what: str
    do: str = ""
    evidence: str = ""

    def as_dict(self) -> dict[str, str]:
        """For programs."""
        return {
            "severity": str(self.severity),
            "topic": str(self.topic),
            "what": self.what,
            "do": self.do,
            "evidence": self.evidence,
        }


@dataclass(frozen=True, slots=True)
class About:
    """Makes findings of one topic."""

    topic: Topic

    def ok(self, what: str, evidence: str = "") -> Finding:
        """All is well."""
        return Finding(Severity.OK, self.topic, what, "", evidence)

    def note(self, what: str, do: str = "", evidence: str = "") -> Finding:
        """Good to know; mail goes out and arrives without."""
        return Finding(Severity.NOTE, self.topic, what, do, evidence)

    def warn(self, what: str, do: str, evidence: str = "") -> Finding:
        """Mail goes out, but worse than it could, or not for long."""
        return Finding(Severity.WARN, self.topic, what, do, evidence)

    def error(self, what: str, do: str, evidence: str = "") -> Finding:
        """Mail does not go out, or does not arrive, or what comes of it is not heard."""
        return Finding(Severity.ERROR, self.topic, what, do, evidence)

    def skipped(self, what: str, do: str) -> Finding:
        """It could not be looked at."""
        return Finding(Severity.SKIPPED, self.topic, what, do)
