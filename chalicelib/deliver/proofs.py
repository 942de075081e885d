"""Proofs: an edition as readers would get it, sent to its editors before it goes out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape

from chalicelib.compose.edition import Content
from chalicelib.content.values import Site, localize
from chalicelib.errors import AddressError, RenderError
from chalicelib.render.calendar_part import calendar_of
from chalicelib.render.compiling import compile_letter
from chalicelib.render.letter import Letter, Reader
from chalicelib.render.renderer import Rendered, render
from chalicelib.render.templates import templates_for
from chalicelib.render.text import one_line
from chalicelib.render.variants import variant_for
from chalicelib.transports import Mail, Outcome, Transport

PREFIX = "[Proof] "


@dataclass(frozen=True, slots=True)
class Sample:
    """An edition in one language, with all its entries."""

    language: str
    rendered: Rendered
    letter: Letter


def samples(site: Site, content: Content, *, prefix: str = "") -> list[Sample]:
    """The whole edition in each language of the site. Raises RenderError."""
    newsletter, templates = site.newsletters[content.newsletter], templates_for(site.root)
    found = []
    for language in site.languages:
        variant = variant_for(content, site.languages, site.fallback, language, None)
        if variant is None:
            raise RenderError(f"{content.edition_id} has nothing for a reader of all topics.")
        rendered = render(site, newsletter, content, variant, templates=templates)
        rendered = replace(rendered, subject=prefix + rendered.subject)
        letter = compile_letter(
            rendered, site=site, newsletter=newsletter, content=content, variant=variant,
            calendar=calendar_of(site, newsletter, content, variant),
        )  # fmt: skip
        found.append(Sample(language, rendered, letter))
    return found


def sample_mail(site: Site, content: Content, sample: Sample, address: str, now: datetime) -> Mail:
    """A sample as one complete message. Its reader's links lead to the site: nobody is subscribed by it."""
    reader = Reader(
        address=address,
        name="",
        unsubscribe_url=f"{site.base_url}/",
        preferences_url=f"{site.base_url}/",
        message_id=f"proof.{content.edition_id.replace('/', '.')}.{sample.language}.{now:%Y%m%d%H%M%S%f}@"
        f"{site.sender.address.rpartition('@')[2]}",
        date=now,
    )
    return Mail(site.sender.address, address, sample.letter.personalise(reader), {"edition": "proof"})


async def send_proofs(
    site: Site,
    content: Content,
    addresses: Sequence[str],
    transport: Transport,
    now: datetime,
    lacks: Sequence[str] = (),
    forecast: str = "",
) -> list[tuple[str, Outcome]]:
    """Send the edition in each language to each address. Raises SendingError, RenderError, AddressError.

    ``lacks`` are sources that could not be read, ``forecast`` says whom it reaches and what it costs: the proof begins
    with them, the edition does not name them.
    """
    if not addresses:
        raise AddressError("There is nobody to send a proof to.", "Name editors in site.yaml, or an address.")
    made = samples(site, _for_editors(content, site, lacks, forecast), prefix=PREFIX)
    mails = [sample_mail(site, content, sample, address, now) for address in addresses for sample in made]
    outcomes = await transport.send_wave(mails)
    return [(mail.recipient, outcome) for mail, outcome in zip(mails, outcomes, strict=True)]


def _for_editors(content: Content, site: Site, lacks: Sequence[str], forecast: str) -> Content:
    """The content with what only editors should know before its intro, in English as all that is for editors."""
    notice = f"<p><em>Only in this proof. {escape(one_line(forecast))}</em></p>" if forecast else ""
    if lacks:
        items = "".join(f"<li>{escape(one_line(lack))}</li>" for lack in lacks)
        notice += f"<p><strong>Missing in this edition:</strong></p><ul>{items}</ul>"
    if not notice:
        return content
    intro = {tag: notice + localize(content.intro_html, tag, site.fallback) for tag in site.languages}
    return replace(content, intro_html=intro)
