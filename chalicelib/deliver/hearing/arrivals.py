"""Mails that Amazon SES took in for our inbound domain: it keeps each as a file, and tells the topic of events."""

import re
from dataclasses import dataclass

from chalicelib.deliver.hearing.ses_events import unwrapped
from chalicelib.errors import StoreError

FOLDER = "inbound/"
"""Where the receipt rule of .chalice/resources.yaml puts mails; they are deleted there after 30 days."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that came in: the ``name`` of its blob, and whom it was delivered to ('' where that is not told)."""

    name: str
    recipient: str = ""


def read_arrival(body: str) -> Arrival | None:
    """What a queue's message says of a mail that came in; None where it is about something else.

    The form is that of SES's notifications of email receiving ("Received", with an S3 action). Raises StoreError for
    what is no event at all, and for a file that is not the rule's.
    """
    event = unwrapped(body)
    if event is None or event.get("notificationType") != "Received":
        return None
    receipt = event.get("receipt")
    about = receipt if isinstance(receipt, dict) else {}
    action, recipients = about.get("action"), about.get("recipients")
    key = action.get("objectKey") if isinstance(action, dict) and action.get("type") == "S3" else None
    name = key.removeprefix(FOLDER) if isinstance(key, str) else ""
    if not _NAME.fullmatch(name):
        raise StoreError(
            "SES tells of a mail that came in, but of no file that our rule put there.",
            f"It goes to the dead letters. The rule must store mails under {FOLDER} and tell the topic of events.",
        )
    first = recipients[0] if isinstance(recipients, list) and recipients else ""
    return Arrival(FOLDER + name, first if isinstance(first, str) else "")
