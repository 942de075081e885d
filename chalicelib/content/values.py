"""The values of a site, frozen: what the other rooms read. Nothing here does I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from chalicelib.content.privacy import Privacy
from chalicelib.content.sending import Sending
from chalicelib.content.subscribing import Subscribing
from chalicelib.content.webhooks import Webhook

Localized = Mapping[str, str]
"""Text by language tag. A plain string in YAML stands under ``*``: the same in every language."""

ANY_LANGUAGE = "*"


def localize(texts: Localized, language: str, fallback: str) -> str:
    """The text for a reader: own language, any, the fallback, then whatever there is (or '')."""
    for tag in (language, ANY_LANGUAGE, fallback):
        if tag in texts:
            return texts[tag]
    return next(iter(texts.values()), "")


class Severity(StrEnum):
    """An error keeps something from going out or is surely wrong; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something an editor should mend. ``file`` is relative to the site, ``line`` counts from 1 (0: whole file)."""

    file: str
    line: int
    code: str
    severity: Severity
    message: str


class Kind(StrEnum):
    """What an entry is about: news, something that takes place, or something that is due."""

    POST = "post"
    EVENT = "event"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Sender:
    """The From and Reply-To of every mail."""

    name: Localized
    address: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class TopicRule:
    """One rule of a topic: ``field`` is category, title, text, kind, source, tag or any."""

    field: str
    value: str
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject readers may choose; an entry has it where any rule matches."""

    name: str
    title: Localized
    rules: tuple[TopicRule, ...]


class SourceKind(StrEnum):
    """How a source is read."""

    FEED = "feed"
    FOLDER = "folder"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class Source:
    """Where news comes from. ``location`` is a URL or a path beside content/ (folder: below content/)."""

    name: str
    kind: SourceKind
    location: str
    language: str | None = None
    entry_kind: Kind = Kind.POST
    pattern: str = ""
    url: str = ""
    backlog: timedelta | None = None
    limit: int = 20  # how many of its entries one edition shows; the rest is linked
    topics: tuple[str, ...] = ()
    ignore_keys: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Theme:
    """The look of mails and pages; colours are #rrggbb, fonts CSS stacks of system fonts, sizes CSS pixels.

    ``ink`` is text on ``paper``, ``note`` what is said by the way, ``line`` hairlines, ``shade`` what code stands on.
    """

    accent: str = "#0b5cad"
    accent_dark: str = "#6cb6ff"
    ink: str = "#1b1f24"
    ink_dark: str = "#e6edf3"
    paper: str = "#ffffff"
    paper_dark: str = "#0d1117"
    note: str = "#57606a"
    note_dark: str = "#9198a1"
    line: str = "#d8dee4"
    line_dark: str = "#30363d"
    shade: str = "#f6f8fa"
    shade_dark: str = "#161b22"
    title_font: str = "Georgia, 'Times New Roman', serif"
    text_font: str = "-apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
    code_font: str = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
    radius: int = 6
    logo: str = ""
    logo_dark: str = ""
    logo_alt: str = ""
    logo_width: int = 0


class Show(StrEnum):
    """How much of its entries a section shows."""

    SUMMARY = "summary"
    FULL = "full"
    TITLES = "titles"


class Shape(StrEnum):
    """What an entry looks like in a mail; the usual one is decided by its kind."""

    USUAL = ""
    CALL = "call"
    PEOPLE = "people"
    JOB = "job"
    POLL = "poll"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a section shows its entries. ``words`` is about how many a summary has (0: the usual)."""

    show: Show = Show.SUMMARY
    words: int = 0
    pictures: bool = False
    shape: Shape = Shape.USUAL  # of entries that name none themselves


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an edition. An entry stands in the first section that takes it."""

    title: Localized
    topics: tuple[str, ...] = ()
    kind: Kind | None = None
    within: timedelta | None = None
    rest: bool = False
    remind: bool = False  # what is to come is named once more in the last edition before it
    layout: Layout = field(default_factory=Layout)


class Approval(StrEnum):
    """Whether an edition waits for a person."""

    NONE = "none"
    EDITORS = "editors"


class CalendarUse(StrEnum):
    """Whether mails carry their events as a calendar file: not, to be added, or as an invitation to be answered."""

    NONE = "none"
    PUBLISH = "publish"
    INVITE = "invite"


@dataclass(frozen=True, slots=True)
class Schedule:
    """An RFC 5545 rule of dates and a local time; dates before ``starts`` have no slot."""

    rule: str
    at: time
    starts: datetime
    reader: bool = False  # ``at`` counts in each reader's own zone


@dataclass(frozen=True, slots=True)
class Newsletter:
    """One newsletter of a site: scheduled, or triggered by topics; never both."""

    name: str
    title: Localized
    schedule: Schedule | None = None
    trigger_topics: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    topics: tuple[str, ...] | None = None
    template: str = "digest"
    approval: Approval = Approval.NONE
    draft_before: timedelta = timedelta(hours=48)
    hold_if_late: timedelta = timedelta(hours=6)
    skip_if_empty: bool = True
    cadences: tuple[str, ...] = ("every",)
    highlight: str = ""  # ``latest``, or ``latest <topic or category>``: which entry it is where no note names one
    description: Localized = field(default_factory=dict)
    calendar: CalendarUse = CalendarUse.NONE
    segment: str = ""  # the filter of members that get it, written out (see segments.py); '' for all
    quiet: bool = True  # keeps to the site's quiet hours
    merge: bool = False  # one mail with another such newsletter's edition of the day, for readers of both
    merge_line: int = 0  # where that stands in ``file``
    file: str = ""


@dataclass(frozen=True, slots=True)
class NoteEntry:
    """One line of an edition that editors arranged: an entry's id, where, and their words on it (Markdown)."""

    id: str
    file: str
    line: int
    remark: Localized = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoteSection:
    """A heading and the entries below it, as editors arranged them."""

    title: str
    entries: tuple[NoteEntry, ...]


@dataclass(frozen=True, slots=True)
class EditionNote:
    """What an editor wrote for one slot: it wins over what would be composed.

    Where ``sections`` is not None, the edition holds these entries in this order, and no other.
    """

    newsletter: str
    slot: str
    subject: Localized = field(default_factory=dict)
    intro: Localized = field(default_factory=dict)  # Markdown by language
    highlight: str = ""
    exclude: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    sections: tuple[NoteSection, ...] | None = None
    segment: str = ""
    """A further filter, of those that get this one edition; ``segments.UNREADABLE`` where it can't be read."""
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Where a key stands, if not in ``file`` but in the note of one language."""


@dataclass(frozen=True, slots=True)
class ArchivedIssue:
    """An issue from before the newsletter was here. ``slot`` is its local date, perhaps with a word after it.

    ``body`` is Markdown; ``links`` are the absolute URLs in it, as written.
    """

    newsletter: str
    slot: str
    number: int
    title: str
    body: str = ""
    language: str = ""
    url: str = ""
    links: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A site as its editors committed it. ``root`` holds content/ and, where it wants, templates/."""

    root: Path
    name: Localized
    base_url: str
    languages: tuple[str, ...]
    time_zone: ZoneInfo
    sender: Sender
    postal_address: Localized
    editors: tuple[str, ...] = ()
    imprint_url: str = ""
    privacy_url: str = ""
    footer: Localized = field(default_factory=dict)
    topics: tuple[Topic, ...] = ()
    sources: tuple[Source, ...] = ()
    newsletters: Mapping[str, Newsletter] = field(default_factory=dict)
    notes: Mapping[tuple[str, str], EditionNote] = field(default_factory=dict)
    archive: tuple[ArchivedIssue, ...] = ()
    theme: Theme = field(default_factory=Theme)
    subscribing: Subscribing = field(default_factory=Subscribing)
    privacy: Privacy = field(default_factory=Privacy)
    sending: Sending = field(default_factory=Sending)
    webhooks: tuple[Webhook, ...] = ()
    segments: Mapping[str, str] = field(default_factory=dict)  # filters of members by name, written out

    @property
    def fallback(self) -> str:
        """The language a reader gets, flagged, where their own is missing."""
        return self.languages[0]
