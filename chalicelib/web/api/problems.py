"""What is wrong with a request, as problem details (RFC 9457). Nothing of the request is echoed."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from chalice.app import Response

PREFIX = "/api/"
MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """Why a request is not done. ``field`` names the parameter or the place in the body: ``newsletters[0].name``."""

    def __init__(self, status: int, detail: str, field: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.field, self.headers = status, detail, field, dict(headers or {})


_USUAL = {
    404: "There is nothing at this address.",
    405: "This address does not take that method; the header Allow names those it takes.",
    413: "The request is too large.",
    415: "Send JSON, as application/json.",
    503: "The store is not available for now. Try again in half a minute.",
}


def problem_answer(
    status: int, detail: str = "", field: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """A problem as an answer."""
    usual = "Something went wrong here. It was logged." if status >= 500 else "The request can't be understood."
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or _USUAL.get(status, usual),
    }
    if field:
        body["field"] = field
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, {"Content-Type": MEDIA_TYPE, **(headers or {})}, status)
