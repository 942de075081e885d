"""What is stored of one person, for themselves: to read, to download, to have erased. A Blueprint."""

import json
from datetime import datetime
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.web import house
from chalicelib.web.answers import answer, door, pages
from chalicelib.web.confirming import reply_to
from chalicelib.web.data_words import told
from chalicelib.web.forms import ANY_TYPE, READ, WRITE, is_stale, nonce, read_form
from chalicelib.web.nonces import NONCE_FIELD

my_data = Blueprint(__name__)

SHOW, ERASE = "data", "erase"
"""The purposes of the two forms: a nonce of the one presses no button of the other."""


@my_data.route("/d/{token}", methods=READ, content_types=ANY_TYPE)
@door
def data_page(token: str) -> Response:
    """All that is stored of the person who asked for this link by mail. Changes nothing."""
    now = house.runtime().clock()
    return _shown(token, _dossier(token, now), now)


@my_data.route("/d/{token}", methods=WRITE, content_types=ANY_TYPE)
@door
def download(token: str) -> Response:
    """The same as a file that programs read (Art. 20 GDPR)."""
    now = house.runtime().clock()
    data = _dossier(token, now)
    if is_stale(read_form(), SHOW, token, now) or not data["known"]:
        return _shown(token, data, now, said="again")
    body = json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n"
    headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
    name = f"sendbrief-{now:%Y-%m-%d}.json"
    return Response(body.encode(), {**headers, "Content-Disposition": f'attachment; filename="{name}"'})


@my_data.route("/d/{token}/erase", methods=READ, content_types=ANY_TYPE)
@door
def erase_page(token: str) -> Response:
    """Asks once more, with one button."""
    runtime, now = house.runtime(), house.runtime().clock()
    runtime.data_links.read(token, now)
    return _question(token, now)


@my_data.route("/d/{token}/erase", methods=WRITE, content_types=ANY_TYPE)
@door
def erase(token: str) -> Response:
    """Erases the person; the same words where nothing was stored (any more)."""
    runtime, now = house.runtime(), house.runtime().clock()
    sid, _ = runtime.data_links.read(token, now)
    if is_stale(read_form(), ERASE, token, now):
        return _question(token, now, said="again")
    runtime.audience.erase(sid, now)
    return answer(pages().page("erased"))


def _dossier(token: str, now: datetime) -> dict[str, Any]:
    from chalicelib.deliver.sends import whole_dossier  # here, for no other page needs what it brings

    runtime = house.runtime()
    sid, _ = runtime.data_links.read(token, now)
    return whole_dossier(runtime.table, runtime.blobs, runtime.secrets, sid, now)


def _shown(token: str, data: dict[str, Any], now: datetime, said: str = "") -> Response:
    shown = pages()
    if not data["known"]:
        return answer(shown.page("nothing", about="data", reply_to=reply_to(shown)), 410)
    page = shown.page(
        "my_data",
        said=said,
        groups=told(shown, data),
        erase_url=f"{shown.prefix}/d/{token}/erase",
        nonce=nonce(SHOW, token, now),
        nonce_field=NONCE_FIELD,
    )
    return answer(page, 400 if said else 200)


def _question(token: str, now: datetime, said: str = "") -> Response:
    shown = pages()
    page = shown.page(
        "erase",
        said=said,
        back_url=f"{shown.prefix}/d/{token}",
        nonce=nonce(ERASE, token, now),
        nonce_field=NONCE_FIELD,
    )
    return answer(page, 400 if said else 200)
