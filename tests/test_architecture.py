"""What import-linter can't say: who may read the environment, open URLs, and how large things grow."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "chalicelib").rglob("*.py"))
LONGEST_FUNCTION, LONGEST_MODULE = 40, 320


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def importers(*names: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if any(module == name or module.startswith(f"{name}.") for module in imports(path) for name in names)
    }


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if any(
            isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"} for node in nodes(path)
        )
    }
    assert readers == {"chalicelib/settings.py"}


CLIENTS = (
    "urllib3", "requests", "httpx", "httpcore", "aiohttp", "niquests", "pycurl", "urllib.request", "http.client",
    "ftplib", "xmlrpc", "webbrowser", "telnetlib",
)  # fmt: skip
CONNECTING = {"create_connection", "open_connection", "open_unix_connection", "urlopen", "urlretrieve"}


def test_only_the_fetch_opens_urls() -> None:
    assert importers(*CLIENTS) == {"chalicelib/collect/wire.py"}


def test_sockets_are_where_they_are_guarded_or_for_mail() -> None:
    users = {
        name for name in importers("socket", "ssl", "_socket", "_ssl") if not name.startswith("chalicelib/transports/")
    }
    mailbox = "chalicelib/deliver/hearing/imap.py"  # for its certificates: imaplib verifies none by itself
    assert users == {"chalicelib/collect/guard.py", "chalicelib/collect/wire.py", "chalicelib/web/server.py", mailbox}
    assert importers("imaplib", "poplib", "smtplib") == {mailbox}


def test_only_the_look_for_mail_servers_and_the_doctor_ask_the_dns() -> None:
    """They ask the machine's own nameservers for the name of a domain, and connect to nothing they hear of."""
    assert importers("dns") == {"chalicelib/audience/mx.py", "chalicelib/doctor/nameservers.py"}


def test_nothing_else_connects() -> None:
    connecting = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if any(isinstance(node, ast.Attribute) and node.attr in CONNECTING for node in nodes(path))
    }
    assert connecting == {"chalicelib/collect/wire.py", "chalicelib/transports/smtp_session.py"}


def test_feedparser_gets_only_streams() -> None:
    """Given bytes or a text, it opens what looks like a path or a URL."""
    calls = [
        node
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "feedparser.parse"
    ]
    assert calls
    assert all(ast.unparse(call.args[0]).startswith("io.BytesIO(") for call in calls)


def test_only_one_module_imports_adapters() -> None:
    adapters = [
        f"chalicelib.{room}.{path.stem}"
        for room in ("store", "transports")
        for path in (ROOT / "chalicelib" / room).glob("*.py")
        if path.stem not in {"__init__", "quota", "smtp_facts"}  # the ports
    ]
    outside = {
        name for name in importers(*adapters) if not name.startswith(("chalicelib/store/", "chalicelib/transports/"))
    }
    assert outside - {"chalicelib/web/inbox.py"} == {"chalicelib/adapters.py"}, "the inbox reads the Maildir it shows"


def test_no_test_patches() -> None:
    patched = [
        path.name for path in (ROOT / "tests").rglob("*.py") if any("mock" in m and m != "moto" for m in imports(path))
    ]
    assert patched == []


@pytest.mark.parametrize("path", [*MODULES, ROOT / "app.py"], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_grows_out_of_hand(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LONGEST_MODULE
    long = [
        f"{node.name} ({(node.end_lineno or 0) - node.lineno + 1} lines)"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []
    assert ast.get_docstring(ast.parse(text)), "a module's first line says what lives there"
