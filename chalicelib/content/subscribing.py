"""What a site asks of visitors of its form to subscribe: ``subscribing`` of site.yaml, as values."""

from dataclasses import dataclass
from enum import StrEnum


class WorkUse(StrEnum):
    """When a browser has to do a sum before its request to subscribe is taken."""

    OFF = "off"
    ALWAYS = "always"
    WHEN_BUSY = "when-busy"


@dataclass(frozen=True, slots=True)
class Subscribing:
    """What stands between the form and a mail that asks to confirm, beside the limits that always hold."""

    proof_of_work: WorkUse = WorkUse.OFF
    check_mx: bool = False
    """Whether a domain is asked for its mail servers."""
    refuse_disposable: bool = False
