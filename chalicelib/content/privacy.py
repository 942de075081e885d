"""Who answers for people's data, and how long it is kept: ``privacy`` of site.yaml, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

KEEP_LEFT_DAYS = 730
"""Two years: so long the evidence of a consent is there to answer for it, after somebody has left everything."""
KEEP_RECIPIENTS_DAYS = 365


@dataclass(frozen=True, slots=True)
class Privacy:
    """What the record of processing says that nothing else does. Texts are by language, '' where there is none.

    ``contact`` is a mail address. ``keep_left_days`` counts from when somebody left their last newsletter,
    ``keep_recipients_days`` from an edition's slot.
    """

    controller: Mapping[str, str] = field(default_factory=dict)
    contact: str = ""
    officer: Mapping[str, str] = field(default_factory=dict)
    authority: Mapping[str, str] = field(default_factory=dict)
    hosting: Mapping[str, str] = field(default_factory=dict)
    keep_left_days: int = KEEP_LEFT_DAYS
    keep_recipients_days: int = KEEP_RECIPIENTS_DAYS
