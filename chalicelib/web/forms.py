"""What all forms of readers share: reading a body, the nonce that it bears, limits, and words that strangers typed."""

from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from chalice.app import Response

from chalicelib.render.text import cut, header_text
from chalicelib.web import house
from chalicelib.web.answers import RefusedError, error_answer, request
from chalicelib.web.nonces import NONCE_FIELD, Nonces, NonceState

if TYPE_CHECKING:
    from chalicelib.audience.choices import Form
    from chalicelib.audience.limits import Bucket, Taken

READ = ["GET", "HEAD"]
WRITE = ["POST"]
ANY_TYPE = ["*/*"]
"""Chalice would answer 415 by itself, in JSON; ``read_form`` answers with a page."""
MAX_FORM = 16_384
"""Bytes of a form: some 200 topics with long names."""
MAX_FIELDS = 500
FORM_TYPE = "application/x-www-form-urlencoded"


def read_form() -> dict[str, list[str]]:
    """The fields of the form in hand, in the one encoding that our forms are sent in. Raises RefusedError."""
    body = request().raw_body
    if len(body) > MAX_FORM:
        raise RefusedError(413)
    media_type = str(request().headers.get("content-type") or FORM_TYPE).partition(";")[0].strip().lower()
    if media_type not in {FORM_TYPE, "*/*"}:
        raise RefusedError(400, "bad_form")
    fields = fields_of(body)
    if fields is None:
        raise RefusedError(400, "bad_form")
    return fields


def fields_of(body: bytes | str) -> dict[str, list[str]] | None:
    """The fields of an urlencoded body; None where there are more than any form of ours has."""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        return parse_qs(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS)
    except ValueError:
        return None


def query_form() -> dict[str, list[str]]:
    """The fields of the query string, for a page that may be opened half filled in."""
    values = request().query_params
    return {str(name): [str(value) for value in values.getlist(name)] for name in values} if values else {}


def first(form: "Form", name: str) -> str:
    """A field's first value, or ''."""
    return next(iter(form.get(name, ())), "")


def words(text: str, most: int) -> str:
    """What somebody typed, on one line, without characters that nobody sees; cut at ``most``."""
    return cut(header_text(text[: most * 10]), most)


def nonce(purpose: str, subject: str, now: datetime) -> str:
    """A nonce for a form that is shown now; see nonces.py."""
    return Nonces(house.runtime().secrets).make(purpose, subject, now)


def nonce_again(form: "Form", purpose: str, subject: str, now: datetime) -> str:
    """The nonce for a form that is shown once more: its own while that is good, so that nobody has to wait anew."""
    own = nonce_state(form, purpose, subject, now) is NonceState.OK
    return first(form, NONCE_FIELD) if own else nonce(purpose, subject, now)


def nonce_state(
    form: "Form", purpose: str, subject: str, now: datetime, soonest: timedelta = timedelta()
) -> NonceState:
    """What the nonce of a form says."""
    nonces = Nonces(house.runtime().secrets)
    return nonces.check(first(form, NONCE_FIELD), purpose, subject, now, soonest=soonest)


def is_stale(form: "Form", purpose: str, subject: str, now: datetime) -> bool:
    """Whether a form has to be shown once more before what it asks for is done."""
    return nonce_state(form, purpose, subject, now) is not NonceState.OK


def take(*buckets: "Bucket", now: datetime) -> "Taken":
    """Take one from each bucket, or from none."""
    from chalicelib.audience.limits import Limits

    runtime = house.runtime()
    return Limits(runtime.table, runtime.secrets.sid_key).take_all(buckets, now)


def come_later(seconds: int) -> Response:
    """Too many asked at once: when there is room again stands in Retry-After."""
    response = error_answer(429)
    response.headers["Retry-After"] = str(max(1, ceil(seconds)))
    return response
