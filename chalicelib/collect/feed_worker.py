"""The process that reads feeds and may be killed: questions come in by its standard input, readings go out.

Each message is four bytes of length, then that many bytes. A question is two messages, JSON and the feed's body; the
answer is one. Started by feed_process.py, which says how much memory and how many seconds it gets.
"""

import json
import os
import signal
import struct
from contextlib import suppress
from typing import IO, Any

LARGE_BODY = 2 * 1024 * 1024
"""After one of these it gives way to a fresh one: memory once taken is seldom given back."""


def main(memory: int, seconds: int) -> None:
    """Answer questions until there are no more, or one has taken too much."""
    inward, outward = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    with suppress(AttributeError):  # not on Windows
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it by closing its input
    from chalicelib.collect.feed_entries import question_from_json, read_entries  # before memory is limited

    _limit(memory)
    while (question := _message(inward)) is not None and (body := _message(inward)) is not None:
        with suppress(AttributeError):
            signal.alarm(seconds)  # also where the parent was killed meanwhile
        answer, exhausted = _answer(lambda q=question, b=body: read_entries(question_from_json(json.loads(q)), b))
        _send(outward, answer)
        with suppress(AttributeError):
            signal.alarm(0)
        if exhausted or len(body) > LARGE_BODY:
            return


def _answer(read: Any) -> tuple[dict[str, Any], bool]:
    """What was read as JSON, and whether no more memory could be had."""
    from chalicelib.collect.entry import entry_to_json
    from chalicelib.collect.found import SourceError

    try:
        reading = read()
        entries = [entry_to_json(entry) for entry in reading.entries]
        return {"entries": entries, "notes": reading.notes, "unfinished": reading.unfinished}, False
    except SourceError as error:
        return {"error": str(error)}, False
    except MemoryError:
        return {"error": "needs more memory to read than a feed may take"}, True
    except Exception as error:  # noqa: BLE001 (whatever a parser makes of hostile bytes)
        return {"error": f"can't be read ({type(error).__name__})"}, False


def _limit(memory: int) -> None:
    with suppress(ImportError, ValueError, OSError):  # not on Windows; macOS takes no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _message(stream: IO[bytes]) -> bytes | None:
    head = stream.read(4)
    return stream.read(struct.unpack("!I", head)[0]) if len(head) == 4 else None


def _send(stream: IO[bytes], answer: dict[str, Any]) -> None:
    raw = json.dumps(answer).encode()
    stream.write(struct.pack("!I", len(raw)) + raw)
    stream.flush()
