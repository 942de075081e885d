"""Commands about one person: all that is stored of them, and forgetting it."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from chalicelib.audience.erasing import Erased
from chalicelib.audience.scan import Trace, find_traces, spellings, traces_in_file
from chalicelib.cli.context import escape, house, local, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.errors import NotFoundError
from chalicelib.runtime import Runtime

SHOWN = 20
"""Editions, and traces, that are shown; --json has all."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(show)
    app.command()(erase)
    app.command("remove", hidden=True)(erase)


def show(email: str, json: Json = False) -> None:
    """All that is stored of one person: what a request for access is answered with."""
    with house() as runtime:
        found = runtime.dossier(runtime.audience.sid(email))
        if not found["known"]:
            raise NotFoundError(f"There is no subscriber {email}.")
        if json:
            print_json(found)
            return
        _show(found, runtime)


def _show(found: Mapping[str, Any], runtime: Runtime) -> None:
    out.print(
        f"[bold]{escape(found['address'] or found['sid'])}[/] {escape(found['name'])} {found['language']}".rstrip()
    )
    if found["suppression"]:
        stop = found["suppression"]
        _lines("Gets no mail", [f"{stop['reason']} since {_when(stop['at'], runtime)} {stop['note']} {stop['by']}"])
    _lines("Newsletters", map(_member, found["memberships"]))
    if found["pending"]:
        asked = found["pending"]
        _lines(
            "Waits for a confirmation", [f"{' '.join(asked['newsletters'])}, asked {_when(asked['asked'], runtime)}"]
        )
    if found["change"]:
        _lines("Wants to move to", [f"{found['change']['address']}, asked {_when(found['change']['at'], runtime)}"])
    _lines("Evidence", (_evidence(line, runtime) for line in found["consent"]))
    _lines("Words agreed to", dict.fromkeys(line["words"] for line in found["consent"] if "words" in line))
    sends = found["sends"][-SHOWN:]
    more = f" (the last {SHOWN} of {len(found['sends'])})" if len(found["sends"]) > SHOWN else ""
    _lines(f"Editions{more}", (f"{one['edition']} {one['outcome']} {one['reason']}" for one in sends))
    _lines("Mails that came back", (f"{_when(at, runtime)}, soft" for at in found["bounces"]))
    _lines(
        "Heard of other mails", (f"{_when(one['at'], runtime)} {one['kind']} {one['words']}" for one in found["heard"])
    )
    _lines("Mails of today", (f"{one['kind']} {_when(one['at'], runtime)}" for one in found["notices"]))
    _lines("Told to other programs", (_told(one, runtime) for one in found["happenings"]))
    _lines("Earlier ids", found["former"])


def _lines(title: str, lines: Iterable[str]) -> None:
    shown = [" ".join(line.split()) for line in lines]
    if shown:
        out.print(f"\n{title}", *(f"  {escape(line)}" for line in shown), sep="\n")


def _member(one: Mapping[str, Any]) -> str:
    topics = "all topics" if one["topics"] is None else f"topics {' '.join(one['topics'])}"
    paused = f", paused until {one['paused_until']}" if one["paused_until"] else ""
    marks = f", {' '.join(one['marks'])}" if one["marks"] else ""
    zone = f", zone {one['zone']}" if one["zone"] else ""
    return f"{one['newsletter']}: {one['state']}, {one['language']} {one['cadence']}, {topics}{zone}{paused}{marks}"


def _evidence(line: Mapping[str, str], runtime: Runtime) -> str:
    words = (line.get(name, "") for name in ("action", "newsletter", "basis", "how", "form", "what"))
    return f"{_when(line['at'], runtime)} {', '.join(word for word in words if word)}"


def _told(one: Mapping[str, str], runtime: Runtime) -> str:
    return f"{_when(one['at'], runtime)} {one['kind']} {one.get('newsletter', '')}"


def _when(moment: str, runtime: Runtime) -> str:
    return local(datetime.fromisoformat(moment), runtime)


def erase(
    email: str,
    prove: Annotated[
        bool, typer.Option("--prove", help="Look for traces in all that is stored. Takes a while.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Forget a person altogether. What stays is a keyed hash that keeps them out of imports, and names nobody."""
    with house() as runtime:
        sid = runtime.audience.sid(email)
        if not yes and sys.stdin.isatty():
            typer.confirm(f"Erase all that is stored of {email}? It can't be undone.", abort=True)
        erased = runtime.audience.erase(sid, runtime.clock())
        if not erased.known:
            raise NotFoundError(f"There is no subscriber {email}.")
        runtime.clean_store()
        traces = list(_traces(runtime, [email, *erased.whom.words])) if prove else None
        if json:
            print_json({"items": erased.items, **erased.elsewhere, "traces": _as_data(traces)})
        else:
            _tell(email, erased, traces)
    if traces:
        raise typer.Exit(1)


def _traces(runtime: Runtime, words: list[str]) -> Iterator[Trace]:
    """Traces in the store, the queues as far as they can be looked into, and the files of the embedded store."""
    queues = {name: queue.peek() for name, queue in (("chunks", runtime.queue), ("notices", runtime.notice_queue))}
    yield from find_traces(runtime.table, runtime.blobs, queues, words)
    for path in sorted(runtime.settings.data.glob("sendbrief.db*")):
        yield from traces_in_file(path, spellings(words))


def _as_data(traces: list[Trace] | None) -> list[dict[str, str]] | None:
    return None if traces is None else [asdict(trace) for trace in traces]


def _tell(email: str, erased: Erased, traces: list[Trace] | None) -> None:
    also = "".join(f", {count} {_ELSEWHERE[what]}" for what, count in erased.elsewhere.items() if count)
    out.print(f"{escape(email)} is erased: {erased.items} items{also}. No import brings them back.")
    if traces is None:
        return
    if not traces:
        out.print("Nothing that is stored here bears the address or the name.")
    for trace in traces[:SHOWN]:
        out.print(f"[yellow]{escape(trace.where)}[/] bears '{escape(trace.word)}' ({trace.form})")
    if len(traces) > SHOWN:
        out.print(f"… and {len(traces) - SHOWN} more (--json lists all)")


_ELSEWHERE = {"mails": "of the mails in the Maildir", "reasons": "times what a server said"}
