"""The Chalice app of the public pages: all routes at once, or those of a request's room when it first comes.

A function that just started answers one request: what other pages need is loaded when somebody asks for them.
"""

from importlib import import_module
from typing import Any

from chalice.app import Chalice

from chalicelib.logs import logger

READING, FILES = ("chalicelib.web.public", "public"), ("chalicelib.web.public_files", "files")
ROOMS = {
    "subscribe": (("chalicelib.web.subscribing", "subscribing"),),
    "c": (("chalicelib.web.confirming", "confirming"),),
    "p": (("chalicelib.web.preferences", "preferences"),),
    "a": (("chalicelib.web.moving", "moving"),),
    "u": (("chalicelib.web.leaving", "leaving"),),
    "d": (("chalicelib.web.my_data", "my_data"),),
    "api": (("chalicelib.web.api.routes", "api"),),
    "": (READING,),
    "archive": (READING, FILES),
    "media": (READING,),
}
"""Blueprints by the first part of a path. What is not here is a file at the root, such as a feed."""


class Doors(Chalice):
    """Routes of the public pages. Opened room by room, it answers as if all were open."""

    def __init__(self) -> None:
        super().__init__(app_name=logger("sendbrief").name, configure_logs=False)  # it logs what escapes a view
        self.api.binary_types = ["*/*"]  # else a picture asked for with "Accept: */*" comes as base64 text
        self._open: set[tuple[str, str]] = set()

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer an event of API Gateway."""
        self.open(str((event.get("requestContext") or {}).get("resourcePath") or ""))
        answer: dict[str, Any] = super().__call__(event, context)
        return answer

    def open(self, path: str) -> None:
        """Open the rooms in which this path may lie."""
        for room in ROOMS.get(path.lstrip("/").partition("/")[0], (FILES,)):
            self._enter(room)

    def open_all(self) -> "Doors":
        """Open every room: for one machine, and for whoever asks which routes there are."""
        for rooms in (*ROOMS.values(), (FILES,)):
            for room in rooms:
                self._enter(room)
        return self

    def _enter(self, room: tuple[str, str]) -> None:
        if room in self._open:
            return
        if not self._open:
            self.register_middleware(import_module("chalicelib.web.answers").finish, "http")
        self._open.add(room)
        module, name = room
        self.register_blueprint(getattr(import_module(module), name))


__all__ = ["ROOMS", "Doors"]
