"""What templates see of an edition: values, worded and cut for a mail."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from chalicelib.render.templates import Html

WORDS_PER_MINUTE = 220


class Density(IntEnum):
    """How tightly an edition is set; each step leaves out more, so that no mail is cut off by its reader's program."""

    USUAL = 0
    SUMMARIES = 1
    """No whole texts: what a section would show in full has a summary."""
    TITLES = 2
    """All but the highlight by title."""


@dataclass(frozen=True, slots=True)
class DatesView:
    """When and where an entry takes place or is due, in words; all '' where it is news.

    ``day`` and ``month`` make the date block, ``left`` says how long a deadline still is, that an event does not take
    place (``cancelled``) or that it does after all (``again``); of one that was moved, ``when`` says from when to when.
    ``calendar_url`` is a calendar file of it, '' where it is off.
    """

    day: str
    month: str
    when: str
    place: str
    left: str
    calendar_url: str
    cancelled: bool
    again: bool


@dataclass(frozen=True, slots=True)
class ItemView:
    """One entry as shown. Texts are plain and clean; ``url`` is ASCII or ''; ``body`` and ``remark`` are styled HTML.

    ``mark`` says the language where the text is a fallback, and is '' otherwise. ``remark`` is what the editors say
    about it, ``source_html`` and ``remark_source`` are content HTML, not styled yet.
    ``shape`` is that of ``content.values.Shape``; ``answers`` are a poll's, as text and link, and then ``body`` is what
    stands above them. ``full``: its whole text is to be shown, ``picture``: its picture too.
    """

    kind: str
    shape: str
    title: str
    url: str
    language: str
    direction: str
    mark: str
    meta: str
    excerpt: str
    source_html: str
    full: bool
    picture: bool
    image_src: str
    image_alt: str
    facts: tuple[tuple[str, str], ...]
    answers: tuple[tuple[str, str], ...]
    dates: DatesView
    remark_source: str
    styled: Callable[[str, int], Html]
    """Makes mail HTML of content HTML whose headings begin at a rank; only what a template prints is made."""

    @property
    def body(self) -> Html:
        """The whole text, below a heading of rank 3."""
        return self.styled(self.source_html, 4)

    def body_below(self, rank: int) -> Html:
        """The whole text, below a heading of another rank."""
        return self.styled(self.source_html, rank + 1)

    @property
    def remark(self) -> Html:
        """The editors' words on it."""
        return self.styled(self.remark_source, 4)

    @property
    def day(self) -> str:
        """The day of the month, '' where it is news."""
        return self.dates.day

    @property
    def cancelled(self) -> bool:
        """Whether it does not take place."""
        return self.dates.cancelled


@dataclass(frozen=True, slots=True)
class SectionView:
    """A titled part: ``items`` in full, ``brief`` ones by title only, then how many ``more`` the page lists."""

    title: str
    items: tuple[ItemView, ...]
    brief: tuple[ItemView, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class GuestView:
    """Another edition in the same mail. ``url`` is its page; it may hold nothing that does not stand above it."""

    title: str
    numbered: str
    url: str
    intro: Html
    intro_text: Callable[[], str]
    sections: tuple[SectionView, ...]

    @property
    def items(self) -> tuple[ItemView, ...]:
        """All entries of its sections."""
        return tuple(item for section in self.sections for item in section.items + section.brief)


def minutes(*texts: str) -> int:
    """Minutes to read texts, at least one."""
    return max(1, round(sum(len(text.split()) for text in texts) / WORDS_PER_MINUTE))
