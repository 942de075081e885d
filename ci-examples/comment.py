"""Put a comment below a pull request, or change the one that an earlier run put there. Needs nothing but Python.

    python ci-examples/comment.py github|gitlab|forgejo FILE

The comment is known again by its first line, among those of the runner's own user: nobody else's is ever changed. What
is asked for, where and with which token, stands in the environment that the runner gives; see ``PLATFORMS``. The token
is never printed.
"""

import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 30
MOST_PAGES = 50


@dataclass(frozen=True)
class Platform:
    """How a code host takes comments. ``comments`` and ``one`` are paths below ``api``, ``method`` changes one.

    ``users`` are those that the runner's token may belong to; where there are none, ``me`` is asked who it is.
    """

    api: str
    comments: str
    one: str
    method: str
    header: str
    token: str
    needs: tuple[str, ...]
    users: tuple[str, ...] = ()
    me: str = ""


_ACTIONS = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "PULL_REQUEST", "COMMENT_TOKEN")
_REPOSITORY = "{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}"
PLATFORMS = {
    "github": Platform(
        _REPOSITORY, "/issues/{PULL_REQUEST}/comments", "/issues/comments/{id}", "PATCH",
        "Authorization", "Bearer {COMMENT_TOKEN}", _ACTIONS, ("github-actions[bot]",),
    ),
    "forgejo": Platform(
        _REPOSITORY, "/issues/{PULL_REQUEST}/comments", "/issues/comments/{id}", "PATCH",
        "Authorization", "token {COMMENT_TOKEN}", _ACTIONS, ("forgejo-actions", "gitea-actions"),
    ),
    "gitlab": Platform(
        "{CI_API_V4_URL}", "/projects/{CI_PROJECT_ID}/merge_requests/{CI_MERGE_REQUEST_IID}/notes",
        "/projects/{CI_PROJECT_ID}/merge_requests/{CI_MERGE_REQUEST_IID}/notes/{id}", "PUT",
        "PRIVATE-TOKEN", "{COMMENT_TOKEN}",
        ("CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID", "COMMENT_TOKEN"), me="/user",
    ),
}  # fmt: skip


class RefusedError(Exception):
    """What went wrong, in words for the log."""


class Comments:
    """The comments of one pull request."""

    def __init__(self, platform: Platform, values: Mapping[str, str]) -> None:
        if missing := [name for name in platform.needs if not values.get(name)]:
            raise RefusedError(f"{missing[0]} is not set; it is needed to write a comment.")
        self._platform, self._values = platform, values
        self._api = platform.api.format_map(values)

    def put(self, text: str) -> str:
        """Change our comment, or make it; which of both."""
        mark = text.partition("\n")[0]
        if not re.fullmatch("<!-- [a-z-]+ -->", mark):
            raise RefusedError(
                "The file does not begin with the mark of a comment; 'sendbrief preview --comment' writes it."
            )
        users = self._platform.users or (str(self._ask("GET", self._platform.me).get("username")),)
        own = next((one for one in self._all() if _is_ours(one, mark, users)), None)
        if own is None:
            self._ask("POST", self._path(self._platform.comments), {"body": text})
            return "made"
        self._ask(self._platform.method, self._path(self._platform.one, own["id"]), {"body": text})
        return "changed"

    def _all(self) -> Iterator[dict[str, Any]]:
        seen = set[int]()
        for page in range(1, MOST_PAGES + 1):
            words = urllib.parse.urlencode({"per_page": 100, "limit": 50, "page": page})
            found = list(self._ask("GET", f"{self._path(self._platform.comments)}?{words}") or [])
            if not {one["id"] for one in found} - seen:  # the end, or a host that knows no pages
                return
            seen |= {one["id"] for one in found}
            yield from found

    def _path(self, path: str, number: object = "") -> str:
        return path.format_map({**self._values, "id": number})

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        asked = urllib.request.Request(  # noqa: S310 (the address is the runner's)
            self._api + path, None if body is None else json.dumps(body).encode(), method=method,
            headers={
                self._platform.header: self._platform.token.format_map(self._values),
                "Content-Type": "application/json", "Accept": "application/json", "User-Agent": "sendbrief",
            },
        )  # fmt: skip
        try:
            with urllib.request.urlopen(asked, timeout=SECONDS) as answer:  # noqa: S310
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise RefusedError(f"{method} {path.partition('?')[0]} was answered with {error.code}.") from None
        except (OSError, ValueError) as error:
            raise RefusedError(f"{method} {path.partition('?')[0]} failed: {type(error).__name__}.") from None


def _is_ours(one: Mapping[str, Any], mark: str, users: tuple[str, ...]) -> bool:
    author = one.get("user") or one.get("author") or {}
    return str(one.get("body", "")).startswith(mark) and (author.get("login") or author.get("username")) in users


def main(arguments: list[str]) -> int:
    """0 where it is done, 1 where it was refused, 2 for misuse."""
    if len(arguments) != 2 or arguments[0] not in PLATFORMS:
        sys.stderr.write(__doc__ or "")
        return 2
    try:
        text = Path(arguments[1]).read_text("utf-8")
        sys.stdout.write(f"The comment was {Comments(PLATFORMS[arguments[0]], os.environ).put(text)}.\n")
    except (OSError, RefusedError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
