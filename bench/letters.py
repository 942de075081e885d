"""Microseconds for a personalised message: compiled letters beside Jinja with EmailMessage, and beside nodemailer.

Ours has its two links and its Message-ID signed anew for each reader, as a worker does; the others are handed theirs.
Seconds are those of the processor, so that what else runs on the machine counts little.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment
from rich.table import Table

from bench import npm
from bench.measuring import RUNS, Row, rows, timings
from chalicelib.audience.tokens import MailTokens, PreferencesTokens, Secrets, UnsubscribeTokens
from chalicelib.collect.entry import Entry, EntryText
from chalicelib.compose.edition import Content, EditionSection
from chalicelib.content.values import Kind, Layout, Newsletter, Section, Sender, Site
from chalicelib.render.compiling import compile_letter
from chalicelib.render.letter import Reader
from chalicelib.render.personal import TOKEN, mark, token
from chalicelib.render.renderer import Rendered, render
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import Variant, variant_for

NOW = datetime(2026, 11, 19, 9, tzinfo=UTC)
BODY = "<p>" + "A sentence of a real length that an editor might well have written. " * 6 + "</p>"
INTRO = "<p>Dear {name|reader}, {first_name|you} will find this month's news and dates here.</p>"
POSTS, EVENTS = 12, 24
COUNT = 200
"""Messages of nodemailer's process in a run, after half as many to warm up."""


def sample() -> tuple[Site, Newsletter, Content]:
    """A site, a newsletter and an edition of articles and events, about 60 KB as HTML and 6 KB as text."""
    newsletter = Newsletter("digest", {"*": "Digest"}, sections=(Section({}, rest=True),))
    site = Site(
        root=Path("nowhere"), name={"*": "Bench"}, base_url="https://news.example.org", languages=("en",),
        time_zone=ZoneInfo("Europe/Berlin"), sender=Sender({"*": "Bench"}, "news@example.org"),
        postal_address={"*": "Example Street 1"}, newsletters={"digest": newsletter},
    )  # fmt: skip
    posts = tuple(_entry(n, Kind.POST, BODY) for n in range(POSTS))
    dated = (_entry(n, Kind.EVENT, "") for n in range(POSTS, POSTS + EVENTS))
    events = tuple(replace(event, starts=NOW + timedelta(days=n)) for n, event in enumerate(dated))
    sections = (EditionSection({"*": "News"}, posts, layout=Layout(words=12)), EditionSection({"*": "Dates"}, events))
    return site, newsletter, Content("digest", "2026-11-19", NOW, 1, "digest", sections, intro_html={"en": INTRO})


def _entry(n: int, kind: Kind, html: str) -> Entry:
    text = EntryText(f"Number {n} of what there is", f"https://example.org/{n}", html)
    return Entry(f"{n:012x}", f"entry-{n}", kind, "posts", {"en": text}, NOW, NOW)


def reader(n: int) -> Reader:
    """One of many, each with links of their own."""
    url, preferences = f"https://news.example.org/u/{n:040x}", f"https://news.example.org/p/{n:040x}"
    return Reader(f"reader{n}@example.org", f"Reader {n}", url, f"m{n}@example.org", NOW, preferences)


def small() -> Rendered:
    """A mail of one article, about 10 KB with its headers."""
    intro, links = mark("Dear {name|reader}, {first_name|you} will find news here."), ("unsubscribe", "preferences")
    html = "".join(f'<p><a href="{token(f"{link}_url")}">{link}</a></p>' for link in links)
    text = "".join(f"{link}: {token(f'{link}_url')}\n" for link in links)
    words = BODY.removeprefix("<p>").removesuffix("</p>")
    return Rendered("One article", f"<p>{intro}</p>{BODY * 16}{html}", f"{intro}\n{words * 3}\n{text}", "")


def ours(
    made: Rendered, site: Site, newsletter: Newsletter, content: Content, variant: Variant
) -> Callable[[int], bytes]:
    """One reader's bytes from a compiled letter, all that is theirs alone included."""
    letter = compile_letter(made, site=site, newsletter=newsletter, content=content, variant=variant)
    secrets = Secrets(("a secret of the benchmark, long enough",))
    leave, choose, sign = UnsubscribeTokens(secrets).make, PreferencesTokens(secrets).make, MailTokens(secrets).sign
    base, sids = site.base_url, [sha256(b"%d" % n).hexdigest()[:24] for n in range(1000)]

    def make(n: int) -> bytes:
        sid, reference = sids[n % 1000], f"digest.2026-11-19.{n // 500}.{n % 500}"
        unsubscribe, preferences = f"{base}/u/{leave(sid, 'digest')}", f"{base}/p/{choose(sid, 'digest', NOW)}"
        identifier = f"{reference}.{sign(reference)}@example.org"
        person = Reader(f"reader{n}@example.org", f"Reader {n}", unsubscribe, identifier, NOW, preferences)
        return letter.personalise(person)

    return make


def _values(n: int) -> dict[str, str]:
    person = reader(n)
    names = {"name": person.name, "first_name": "Reader", "email": person.address}
    return {**names, "unsubscribe_url": person.unsubscribe_url, "preferences_url": person.preferences_url}


def theirs(made: Rendered) -> Callable[[int], bytes]:
    """The usual way: a Jinja template and an EmailMessage for each reader."""
    environment = Environment(autoescape=True)
    html, text = (environment.from_string(_as_template(part)) for part in (made.html, made.text))

    def make(n: int) -> bytes:
        values = _values(n)
        message = EmailMessage()
        message["From"], message["To"] = "Bench <news@example.org>", f"{values['name']} <{values['email']}>"
        message["Subject"], message["Date"] = made.subject, format_datetime(NOW)
        message["Message-ID"] = f"<m{n}@example.org>"
        message["List-Unsubscribe"] = f"<{values['unsubscribe_url']}>"
        message.set_content(text.render(values))
        message.add_alternative(html.render(values), subtype="html")
        return message.as_bytes()

    return make


def _as_template(text: str) -> str:
    """Jinja's way to write the same fields; nothing else of the text is taken for one."""
    return "{% raw %}" + TOKEN.sub(r"{% endraw %}{{ \1 }}{% raw %}", text) + "{% endraw %}"


NODEMAILER = """
const mailer = require('nodemailer');
const {text, html, subject, count} = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const transport = mailer.createTransport({streamTransport: true, buffer: true, newline: 'windows'});
const fill = (parts, values) => parts.map((part, n) => n % 2 ? values[part] : part).join('');
const escaped = text => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);
async function make(n) {
  const id = n.toString(16).padStart(40, '0');
  const values = {name: `Reader ${n}`, first_name: 'Reader', email: `reader${n}@example.org`,
    unsubscribe_url: `https://news.example.org/u/${id}`, preferences_url: `https://news.example.org/p/${id}`};
  const safe = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, escaped(value)]));
  const sent = await transport.sendMail({
    from: 'Bench <news@example.org>', to: {name: values.name, address: values.email}, subject,
    date: new Date(0), messageId: `<m${n}@example.org>`, textEncoding: 'quoted-printable',
    list: {unsubscribe: values.unsubscribe_url}, text: fill(text, values), html: fill(html, safe)});
  return sent.message.length;
}
(async () => {
  for (let n = 0; n < count / 2; n++) await make(n);
  const begun = process.cpuUsage();
  let bytes = 0;
  for (let n = 0; n < count; n++) bytes += await make(n);
  const used = process.cpuUsage(begun), seconds = (used.user + used.system) / 1e6;
  console.log(JSON.stringify({rate: count / seconds, bytes: bytes / count}));
})();
"""


def nodemailer(made: Rendered) -> list[float]:
    """Messages per second of several processes; none where node or the package is missing."""
    job = {"text": _parts(made.text), "html": _parts(made.html), "subject": made.subject, "count": COUNT}
    if not npm.has("nodemailer"):
        return []
    return [float(npm.run(NODEMAILER, job)["rate"]) for _ in range(RUNS)]


def _parts(text: str) -> list[str]:
    """Text, a field, text, a field … and text."""
    return [part for n, part in enumerate(TOKEN.split(text)) if n % 3 != 2]


def run() -> list[Row]:
    """The rows of this comparison, in messages a second."""
    site, newsletter, content = sample()
    variant = variant_for(content, ("en",), "en", "en", None)
    assert variant is not None
    found: list[Row] = []
    for made in (small(), render(site, newsletter, content, variant, templates=templates_for(site.root))):
        mine, peer = ours(made, site, newsletter, content, variant), theirs(made)
        what = f"personalised messages of {len(mine(0)) / 1000:.0f} KB, per core"
        runs = timings({"Sendbrief": (mine, 5000), "Jinja + EmailMessage": (peer, 50)}, time.process_time)
        runs["nodemailer"] = nodemailer(made)
        found += rows(
            what, {who: runs[who] for who in ("Sendbrief", "nodemailer", "Jinja + EmailMessage") if runs[who]}
        )
    return found


def table() -> Table:
    """The rows with what one message costs."""
    made = Table("what", "who", box=None)
    for column in ("µs each", "a second", "ratio"):
        made.add_column(column, justify="right")
    for row in run():
        made.add_row(row.what, row.who, f"{1e6 / row.rate:,.1f}", f"{row.rate:,.0f}", f"{row.ratio:.1f}")
    return made
