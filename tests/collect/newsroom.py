"""Feeds of a simulated month on a real server: blogs that edit, move, break and come back, as blogs do."""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LISTED = 25
HOURS = timedelta(hours=1)


@dataclass
class Post:
    """``token`` stands in its text whatever else is edited: by it a test knows the post again."""

    token: str
    title: str
    path: str
    guid: str
    date: datetime | None
    words: int = 0


@dataclass
class Blog:
    """One feed: how it is made, what it holds, and what is wrong with it now."""

    name: str
    form: str = "rss"
    links: bool = True
    guids: str = "own"  # own, none, latest (one for all), position
    dates: str = "own"  # own, none, moving (the time of the request)
    host: str = "https://{name}.example.org"
    posts: list[Post] = field(default_factory=list)
    trouble: str = ""
    moved: bool = False
    future: bool = False
    tracking: str = ""
    unread: set[str] = field(default_factory=set)
    """Changes since it was last read whole: too many at once, and nobody could know a post again."""

    def link(self, post: Post) -> str:
        return f"{self.host.format(name=self.name)}{post.path}{self.tracking}"

    def listed(self) -> list[Post]:
        return [] if self.trouble == "emptied" else self.posts[: 1 if self.guids == "latest" else LISTED]

    def body(self, now: datetime) -> bytes:
        listed = self.listed()
        if self.form == "json":
            items = [self._json(post, n, now) for n, post in enumerate(listed)]
            return json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}).encode()
        items = "".join(self._xml(post, n, now) for n, post in enumerate(listed))
        if self.form == "atom":
            return f"<feed xmlns='http://www.w3.org/2005/Atom'><title>{self.name}</title>{items}</feed>".encode()
        home = f"<link>{self.host.format(name=self.name)}/</link>"
        return f"<rss version='2.0'><channel><title>{self.name}</title>{home}{items}</channel></rss>".encode()

    def guid(self, post: Post, position: int) -> str:
        return {"own": post.guid, "none": "", "latest": "latest", "position": str(position)}[self.guids]

    def date(self, post: Post, now: datetime) -> datetime | None:
        return {"own": post.date, "none": None, "moving": now}[self.dates]

    def text(self, post: Post) -> str:
        return f"<p>{post.token} {'word ' * (20 + post.words)}</p>"

    def _json(self, post: Post, position: int, now: datetime) -> dict[str, str]:
        date = self.date(post, now)
        made = {"id": self.guid(post, position), "url": self.link(post) if self.links else "", "title": post.title,
                "content_html": self.text(post), "date_published": date.isoformat() if date else ""}  # fmt: skip
        return {key: value for key, value in made.items() if value}

    def _xml(self, post: Post, position: int, now: datetime) -> str:
        date, guid, atom = self.date(post, now), self.guid(post, position), self.form == "atom"
        link = escape(self.link(post))
        parts = [f"<title>{escape(post.title)}</title>"]
        if self.links:
            parts.append(f"<link href='{link}'/>" if atom else f"<link>{link}</link>")
        if guid:
            parts.append(f"<id>{guid}</id>" if atom else f"<guid isPermaLink='false'>{guid}</guid>")
        if date:
            parts.append(
                f"<published>{date.isoformat()}</published>" if atom else f"<pubDate>{format_datetime(date)}</pubDate>"
            )
        text = escape(self.text(post))
        parts.append(f"<content type='html'>{text}</content>" if atom else f"<description>{text}</description>")
        return f"<entry>{''.join(parts)}</entry>" if atom else f"<item>{''.join(parts)}</item>"


def blogs() -> list[Blog]:
    return [
        Blog("plain"), Blog("atom", "atom"), Blog("json", "json"), Blog("nameless", guids="none"),
        Blog("latest", guids="latest"), Blog("position", guids="position"), Blog("undated", "atom", dates="none"),
        Blog("moving", dates="moving"), Blog("linkless", links=False), Blog("calls", "json"),
    ]  # fmt: skip


class Month:
    """What happens in the newsroom, by a seed. ``published`` has the tokens of all posts that may go out."""

    def __init__(self, seed: int, start: datetime) -> None:
        self.chance, self.now, self.start = random.Random(seed), start, start
        self.blogs = {blog.name: blog for blog in blogs()}
        self.published: set[str] = set()
        self.old: set[str] = set()
        self.events: list[str] = []
        for blog in self.blogs.values():
            for n in range(1 if blog.guids == "latest" else 5):
                self.old.add(self._post(blog, f"old-{n}", start - timedelta(days=45 + 7 * n)).token)

    def pass_time(self, now: datetime, *, quiet: bool = False) -> None:
        """Go on to ``now``; nothing goes wrong any more where it is ``quiet``, nor before the first reading."""
        self.now = now
        if now == self.start:
            return
        day, hour = divmod(int((now - self.start) / HOURS), 24)
        for number, blog in enumerate(self.blogs.values()):
            weekly = blog.name == "calls"
            if hour == 6 and not quiet and (day % 7 == 1 if weekly else (day + number) % 3 == 0):
                token = self._post(
                    blog, f"day-{day}", now - timedelta(minutes=self.chance.randrange(300)), weekly
                ).token
                self.published.add(token)
            self._trouble(blog, quiet)
            if not quiet:
                for _ in range(self.chance.choice((0, 0, 1, 2))):
                    self._change(blog)

    def _post(self, blog: Blog, name: str, date: datetime, weekly: bool = False) -> Post:
        token = f"{blog.name}-{name}"
        title = "Community call" if weekly else f"News of {name} at {blog.name}"
        post = Post(f"token:{token};", title, f"/{date:%Y/%m/%d}/{name}", f"urn:{token}", date)
        blog.posts.insert(0, post)
        return post

    def _trouble(self, blog: Blog, quiet: bool) -> None:
        kinds = ["500", "hangs", "truncated", "nothing", "login", "emptied", "redirected"]
        if quiet or blog.trouble or blog.guids == "latest":
            blog.trouble = ""
        elif self.chance.random() < 0.15:
            blog.trouble = self.chance.choice(kinds)
            self.events.append(f"{self.now:%m-%d %H} {blog.name} {blog.trouble}")

    def _change(self, blog: Blog) -> None:
        """One change of a kind that a reader can see through, given what else has changed since it last read."""
        post = self.chance.choice(blog.posts[:LISTED])
        kind = self.chance.choice(
            ["title", "date", "body", "guids", "scheme", "tracking", "slug", "host", "no date", "future"]
        )
        if kind == "guids" and blog.guids != "own":
            return
        if self._hidden(blog, post, kind):
            return
        blog.unread.add(kind)
        self.events.append(f"{self.now:%m-%d %H} {blog.name} {kind} {post.token}")
        self._apply(blog, post, kind)

    def _hidden(self, blog: Blog, post: Post, kind: str) -> bool:
        """Whether with this change nothing would be left to know the post by: neither URL, GUID, title nor date."""
        identity = {"title", "guids", "slug", "host", "no date", "date", "future"}
        if kind in {"slug", "no date", "date", "future"} and blog.name == "calls":
            return True  # a series is told apart by its dates
        if blog.guids == "latest":
            return kind in {"slug", "host", "title"}
        if kind == "slug" and blog.guids != "own":
            return post.date is None or blog.dates != "own" or bool(blog.unread & identity)
        if kind == "future":  # it is not read until then, and what is not read is not learnt
            return not blog.links or blog.guids != "own" or bool(blog.unread & identity)
        risky = not blog.links or blog.guids != "own" or kind in {"slug", "host"}
        return kind in identity and bool(blog.unread & (identity if risky else {"slug", "host", "future"}))

    def _apply(self, blog: Blog, post: Post, kind: str) -> None:
        match kind:
            case "title":
                post.title += f" (edited {self.now:%d.%m. %H})"
            case "date" if post.date:
                post.date += timedelta(minutes=self.chance.randrange(-2000, 2000))
            case "future" if post.date:
                post.date = self.now + timedelta(hours=self.chance.randrange(1, 30))
            case "no date" if blog.links:
                post.date = None
            case "body":
                post.words += 1
            case "guids":
                for one in blog.posts:
                    one.guid = f"urn:{self.chance.random()}"
            case "scheme":
                other = {"https": "http", "http": "https"}[blog.host.partition(":")[0]]
                blog.host = f"{other}:{blog.host.partition(':')[2]}"
            case "tracking":
                blog.tracking = self.chance.choice(
                    ["", f"?utm_source=x{self.chance.random()}", "/", "#top", "?fbclid=1"]
                )
            case "slug" if blog.links:
                post.path = post.path.rpartition("/")[0] + f"/about-{post.path.rpartition('/')[2]}"
            case "host":
                blog.host = f"https://{{name}}{self.chance.randrange(1000)}.example.com"


@contextmanager
def serving(month: Month) -> Iterator[str]:
    """The month's feeds at ``<address>/<name>``, as they are at its moment."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/").removesuffix("/moved")
            blog = month.blogs[name]
            body, trouble = blog.body(month.now), blog.trouble
            if trouble == "500":
                self.answer(500, b"sorry")
            elif trouble == "redirected" and not self.path.endswith("/moved"):
                self.answer(301, b"", Location=f"/{name}/moved")
            elif trouble == "hangs":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n<rss>")  # and no more
            elif trouble == "truncated":
                self.answer(200, body[: len(body) * 2 // 3], ETag=f'"{len(body)}"')
            elif trouble == "nothing":
                self.answer(200, b"")
            elif trouble == "login":
                self.answer(200, b"<!DOCTYPE html><html><form>Log in</form></html>")
            else:
                self.whole(blog, body)

        def whole(self, blog: Blog, body: bytes) -> None:
            tag = f'"{hash(body)}"'
            if trouble_free := not blog.trouble:
                blog.unread = {"future"} if any(p.date and p.date > month.now for p in blog.posts) else set()
            self.answer(304 if trouble_free and self.headers.get("If-None-Match") == tag else 200, body, ETag=tag)

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(0 if status == 304 else len(body)))
            self.end_headers()
            if status != 304:
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
