"""The command ``cost``: what an edition will cost, and what a month did."""

import re
from typing import Annotated, Any

import typer

from chalicelib.audience.segments import admission
from chalicelib.cli.context import escape, house, out, print_json
from chalicelib.cli.draft_commands import Json, Now, find_newsletter, next_draft
from chalicelib.cli.preview_sheets import wanted_variants
from chalicelib.compose.edition import Content
from chalicelib.compose.editions import Edition
from chalicelib.content.segment_reading import filters_for
from chalicelib.deliver.prices import PLANS
from chalicelib.deliver.spending import Spent, spent
from chalicelib.errors import UsageError
from chalicelib.render.calendar_part import calendar_of
from chalicelib.render.variants import Variant
from chalicelib.runtime import Runtime


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("cost")(cost)


def cost(
    what: Annotated[
        str, typer.Argument(metavar="EDITION|NEWSLETTER", help="A made edition, or a newsletter's next one.")
    ] = "",
    next_: Annotated[bool, typer.Option("--next", help="The next edition of each newsletter.")] = False,
    month: Annotated[str, typer.Option(help="What was sent in a month, such as 2026-11.")] = "",
    plan: Annotated[str, typer.Option(help="essentials or a-la-carte, of SES (else SENDBRIEF_SES_PLAN).")] = "",
    now: Now = None,
    json: Json = False,
) -> None:
    """What an edition will cost before it is sent, or what a --month did: about, by published prices."""
    if sum(map(bool, (what, next_, month))) != 1:
        raise UsageError("Name an edition or a newsletter, or --next, or a --month.", "One of them.")
    if plan and plan not in PLANS:
        raise UsageError(f"'{plan}' is no plan of SES.", f"Known are {' and '.join(PLANS)}.")
    with house(now) as runtime:
        if month:
            _show_month(_spent(runtime, month, plan), json=json)
            return
        rows = [_row(runtime, one, plan) for one in ([what] if what else runtime.site.newsletters)]
        if json:
            print_json(rows)
            return
        for row in rows:
            out.print(f"{row['edition']}: {row['recipients']:,} recipients, {escape(row['said'])}")


def attachment_bytes(runtime: Runtime, content: Content, variants: list[Variant]) -> int:
    """Of the largest calendar file that a mail of it carries; 0 for none."""
    site = runtime.site
    parts = [calendar_of(site, site.newsletters[content.newsletter], content, variant) for variant in variants]
    return max((sum(len(piece.encode()) for piece in part.pieces) for part in parts if part), default=0)


def _row(runtime: Runtime, what: str, plan: str) -> dict[str, Any]:
    """One edition for programs. Raises NotFoundError."""
    editions, site = runtime.dispatcher.editions, runtime.site
    made = editions.find(what) if "/" in what else None
    content = editions.content(made) if made else next_draft(runtime, what).content
    newsletter = find_newsletter(runtime, content.newsletter)
    note = site.notes.get((content.newsletter, content.slot))
    filters = made.filters if made and made.chunks else filters_for(newsletter, note)
    admits = admission(filters, site, content.slot_at)
    wanted, who = wanted_variants(site, newsletter, content, runtime.audience.members(newsletter.name), admits)
    recipients = made.planned if made and made.planned is not None else who.mails
    size = attachment_bytes(runtime, content, [one.variant for one in wanted])
    found = runtime.cost(recipients, size, plan)
    return {"edition": content.edition_id, "recipients": recipients, "attachment_bytes": size,
            "transport": found.transport, **found.as_dict()}  # fmt: skip


def _spent(runtime: Runtime, month: str, plan: str) -> Spent:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month, re.ASCII):
        raise UsageError(f"'{month}' is no month.", "Write it like 2026-11.")
    dispatcher, site = runtime.dispatcher, runtime.site
    found: list[Edition] = [edition for name in site.newsletters for edition in dispatcher.editions.of(name)]
    cloud = runtime.settings.store == "aws"
    return spent(
        month, found, dispatcher.count, lambda mails: runtime.cost(mails, plan=plan), site.time_zone, cloud=cloud
    )


def _show_month(found: Spent, *, json: bool) -> None:
    if json:
        print_json(found.as_dict())
        return
    for name, mails in found.editions:
        out.print(f"{name}: {mails:,} mails")
    out.print(f"{found.month}: {escape(found.said)}")
