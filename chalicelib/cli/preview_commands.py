"""The command ``preview``: an edition, or a mail to confirm or to welcome, as readers would get it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from chalicelib.audience.segments import admission
from chalicelib.cli.chromium import Chromium, find_chromium
from chalicelib.cli.context import err, escape, house, out, scratch
from chalicelib.cli.cost_commands import attachment_bytes
from chalicelib.cli.draft_commands import Now, due_words, find_newsletter, next_draft
from chalicelib.cli.linting import findings
from chalicelib.cli.preview_comment import Part, comment_of, write_comment
from chalicelib.cli.preview_pairs import Two, audience_of, shared, wanted_pair
from chalicelib.cli.preview_sheets import Readership, Sheet, Wanted, wanted_variants
from chalicelib.cli.previews import PREVIEW_ADDRESS, Preview, body_of, pictures_of, write_preview
from chalicelib.cli.site_commands import problems_of
from chalicelib.compose.edition import Content
from chalicelib.compose.editions import EditionStore
from chalicelib.compose.together import together
from chalicelib.content.segment_reading import filters_for
from chalicelib.content.values import Problem, Severity, Site
from chalicelib.deliver.latest import latest_issues
from chalicelib.errors import NotFoundError, SendbriefError, UsageError
from chalicelib.lint.mail_files import lint_mail_file
from chalicelib.render.calendar_part import calendar_of
from chalicelib.render.compiling import compile_letter, compile_notice
from chalicelib.render.letter import Letter, Reader
from chalicelib.render.notices import Kind, Latest, Notice, render_notice
from chalicelib.render.rendered import Rendered
from chalicelib.render.renderer import render
from chalicelib.render.templates import templates_for
from chalicelib.runtime import Runtime

NOTICES = {str(kind): kind for kind in Kind}


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("preview")(preview)


def preview(
    what: Annotated[
        str,
        typer.Argument(
            metavar="NEWSLETTER|EDITION|all|confirm|change|moving|data|welcome",
            help="A newsletter's next edition, a made one, the next of all newsletters, or a notice.",
        ),
    ],
    out_dir: Annotated[Path, typer.Option("--out", help="The folder to write to.")],
    now: Now = None,
    pictures: Annotated[bool, typer.Option(help="Pictures of each mail, where Chromium is installed.")] = True,
    comment: Annotated[Path | None, typer.Option(help="Write a comment for a pull request to this file too.")] = None,
    pictures_at: Annotated[str, typer.Option(help="The URL at which the folder will be found, for --comment.")] = "",
) -> None:
    """Write what readers would get: HTML, text, .eml and pictures of each language and variant, what the check says,
    how many readers and what it costs, and an index.html that shows it all.
    """
    with house(now) as runtime:
        problems = problems_of(runtime)[1].sorted() if comment else []
        if comment and runtime.loaded.site is None:
            write_comment(comment, comment_of([], problems))
        site = runtime.site
        every = what == "all" and what not in site.newsletters
        with _browser(wanted=pictures) as browser:
            names = site.newsletters if every else [what]
            parts = [_written(runtime, name, out_dir, name if every else "", browser) for name in names]
    if comment:
        write_comment(comment, comment_of(parts, problems, pictures_at))
        out.print(f"wrote {escape(str(comment))}")


def _written(runtime: Runtime, what: str, out_dir: Path, below: str, browser: Chromium | None) -> Part:
    """One preview, in a folder ``below`` where there are several; of those, one that would be empty is only told."""
    site, folder = runtime.site, out_dir / below
    notice = NOTICES.get(what) if what not in site.newsletters else None
    try:
        made = _of_notice(runtime, notice) if notice else _of_edition(runtime, what)
    except (NotFoundError, UsageError) as error:  # nothing to say yet, or its schedule has ended
        if not below:
            raise
        err.print(f"[dim]{escape(error.message)}[/]")
        return Part(what, below, nothing=error.message)
    images = pictures_of(site.root, site.base_url)
    with err.status("…") as status:
        written = write_preview(made, folder, browser, images, lambda name: status.update(escape(name)))
    out.print(f"wrote {escape(str(folder / 'index.html'))}")
    shots = sum(path.suffix == ".png" for path in written)
    errors = sum(problem.severity is Severity.ERROR for problem in made.problems)
    warnings = len(made.problems) - errors
    err.print(f"[dim]mails: {len(made.sheets)}, pictures: {shots}, errors: {errors}, warnings: {warnings}[/]")
    return Part(what, below, made, [path.name for path in written])


@contextmanager
def _browser(*, wanted: bool) -> Iterator[Chromium | None]:
    binary = find_chromium() if wanted else None
    if wanted and binary is None:
        err.print("[dim]Chromium is not installed here, so there are no pictures (Debian: apt install chromium).[/]")
    if binary is None:
        yield None
        return
    with Chromium(binary) as browser:
        yield browser


def _of_edition(runtime: Runtime, what: str) -> Preview:
    """A newsletter's next edition, or one that is made. Raises NotFoundError where it would be empty."""
    content, lacks = _content(runtime, what)
    filters = _filters(runtime, content)
    site, newsletter = runtime.site, find_newsletter(runtime, content.newsletter)
    with audience_of(runtime) as audience:
        members, admits = audience.members(newsletter.name), admission(filters, site, content.slot_at)
        wanted, who = wanted_variants(site, newsletter, content, members, admits)
    sheets = [_sheet(site, content, one, who, runtime.clock()) for one in wanted]
    try:
        problems: Sequence[Problem] = findings(runtime, content)
    except SendbriefError as error:
        problems = [Problem(content.edition_id, 0, "render", Severity.ERROR, str(error))]
    two = shared(runtime, what, content)
    together_, more, one_mail = _in_one_mail(runtime, two, content, who) if two else ([], [], [])
    known = {(problem.code, problem.message) for problem in problems}
    problems = [*problems, *(problem for problem in more if (problem.code, problem.message) not in known)]
    files = attachment_bytes(runtime, content, [one.variant for one in wanted])
    when = ("Goes out", f"{due_words(content, runtime)}, number {content.number}")
    segment = [("Only for", " and ".join(f"({text})" for text in filters if text))] if any(filters) else []
    facts = [when, *segment, *_figures(runtime, sheets, who, files), *one_mail, *(("Missing", lack) for lack in lacks)]
    return Preview(content.edition_id, [*sheets, *together_], problems, facts)


def _in_one_mail(
    runtime: Runtime, two: Two, content: Content, who: Readership
) -> tuple[list[Sheet], Sequence[Problem], list[tuple[str, str]]]:
    """The mail of two editions: its pages, what the check says of it, and who gets it."""
    (host, guest), both, now = two, together(*two), runtime.clock()
    wanted, readers = wanted_pair(runtime, two, content)
    other, where = (guest, "below") if content is host else (host, "above")
    said = f"for {readers:,} who read both newsletters" if readers else "but nobody reads both newsletters yet"
    facts = [("In one mail", f"with {other.edition_id} {where} it, {said}")]
    try:
        return [_sheet(runtime.site, both, one, who, now) for one in wanted], findings(runtime, both), facts
    except SendbriefError as error:
        return [], [Problem(host.edition_id, 0, "render", Severity.ERROR, str(error))], facts


def _content(runtime: Runtime, what: str) -> tuple[Content, Sequence[str]]:
    if "/" in what:
        editions = runtime.dispatcher.editions
        return editions.content(editions.find(what)), ()
    made = next_draft(runtime, what)
    if not made.content.entries and not made.content.intro_html:
        raise NotFoundError(
            f"The next edition of {what} would be empty.", "Add a post, or name a later moment with --now."
        )
    return made.content, made.lacks


def _filters(runtime: Runtime, content: Content) -> Sequence[str]:
    """What its recipients were frozen by, or would be now."""
    edition = runtime.dispatcher.editions.get(content.newsletter, content.slot)
    note = runtime.site.notes.get((content.newsletter, content.slot))
    now = filters_for(runtime.site.newsletters[content.newsletter], note)
    return edition.filters if edition and edition.chunks else now


def _figures(runtime: Runtime, sheets: Sequence[Sheet], who: Readership, files: int) -> Iterator[tuple[str, str]]:
    said = f"{who.mails:,} get a mail" if who.mails else "nobody gets a mail yet"
    said += f", {who.nothing:,} nothing, as none of it is in their topics" if who.nothing else ""
    said += f", {who.monthly:,} the monthly gathering instead" if who.monthly else ""
    said += f", {who.outside:,} nothing, as it is not for them" if who.outside else ""
    yield "Readers", said
    heaviest = max((len(sheet.message) for sheet in sheets), default=0)
    yield "Cost", runtime.cost(who.mails, files).said
    in_all = f", {heaviest * who.mails / 1e6:,.1f} MB at most in all" if who.mails else ""
    yield "Size", f"{heaviest / 1000:.0f} KB for the largest message{in_all}"


def _sheet(site: Site, content: Content, one: Wanted, who: Readership, now: datetime) -> Sheet:
    newsletter = site.newsletters[content.newsletter]
    rendered = render(site, newsletter, content, one.variant, templates=templates_for(site.root))
    letter = compile_letter(
        rendered, site=site, newsletter=newsletter, content=content, variant=one.variant,
        calendar=calendar_of(site, newsletter, content, one.variant),
    )  # fmt: skip
    readers = one.readers if who.mails else None
    sheet = _as_sheet(site, one.name, one.variant.language, one.topics, rendered, letter, readers, now)
    return replace(sheet, beside=one.beside)


def _as_sheet(
    site: Site, name: str, language: str, topics: tuple[str, ...] | None, rendered: Rendered, letter: Letter,
    readers: int | None, now: datetime,
) -> Sheet:  # fmt: skip
    """A letter for nobody: its links lead to the site, so that nobody is subscribed or unsubscribed by them."""
    home = f"{site.base_url.rstrip('/')}/"
    message_id = f"preview.{name}.{now:%Y%m%d%H%M%S}@{site.sender.address.rpartition('@')[2]}"
    reader = Reader(PREVIEW_ADDRESS, "", home, message_id, now, preferences_url=home, confirm_url=home)
    message = letter.personalise(reader)
    html, text = body_of(message, "html"), body_of(message, "plain")
    return Sheet(name, language, topics, rendered, html, text, message, readers)


def _of_notice(runtime: Runtime, kind: Kind) -> Preview:
    """A notice in each language, as somebody would get it who subscribes to everything."""
    site, now = runtime.site, runtime.clock()
    sheets, problems = [], list[Problem]()
    for language in site.languages:
        notice = Notice(kind, list(site.newsletters.values()), language, _latest(runtime, language))
        rendered = render_notice(site, notice, templates=templates_for(site.root))
        letter = compile_notice(rendered, site=site, notice=notice)
        sheets.append(_as_sheet(site, language, language, None, rendered, letter, None, now))
        problems += lint_mail_file(f"{kind} ({language}).html", sheets[-1].html.encode())
    return Preview(f"{kind}", sheets, problems)


def _latest(runtime: Runtime, language: str) -> tuple[tuple[str, Latest], ...]:
    """The newest edition that went out of each newsletter that has one."""
    with scratch(runtime) as copy:
        editions = EditionStore(copy.table, copy.blobs)
        return latest_issues(runtime.site, editions, runtime.site.newsletters, language)
