"""The routes of the API as a Blueprint. What answers is loaded with the first call: pages never wait for it."""

from collections.abc import Callable

from chalice.app import Blueprint, Response

from chalicelib.web.api.table import BASE, OPERATIONS, Operation

api = Blueprint(__name__)


def _view(operation: Operation) -> Callable[..., Response]:
    def view(**parts: str) -> Response:
        from chalicelib.web.api.door import serve

        return serve(operation, parts)

    return view


@api.route(f"{BASE}/openapi.json", methods=["GET", "HEAD"], content_types=["*/*"])
def openapi() -> Response:
    """What there is, for programs; no key is needed to read it."""
    from chalicelib.web.api.calls import Reply
    from chalicelib.web.api.door import json_answer
    from chalicelib.web.api.openapi import document

    return json_answer(Reply(200, document(), {"Cache-Control": "public, max-age=300"}))


for _operation in OPERATIONS:
    api.route(f"{BASE}{_operation.path}", methods=[_operation.method], name=_operation.name, content_types=["*/*"])(
        _view(_operation)
    )
