"""Processes beside this one that read all feeds, started when there is one to read and killed where it takes long.

A parser can't be stopped from within: feedparser, expat, the sanitiser and our own patterns are all fast on feeds, and
for each of them somebody finds bytes on which it is not.
"""

import atexit
import json
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import LifoQueue
from typing import IO, Any, cast

from chalicelib.collect.found import SourceError

COUNT = 2
SECONDS = 8
MEMORY = 240 * 1024 * 1024
_ROOT = str(Path(__file__).resolve().parents[2])
_START = "import sys; sys.path[:] = sys.argv[3:]; from chalicelib.collect.feed_worker import main; "
_RUN = "main(int(sys.argv[1]), int(sys.argv[2]))"


class FeedProcess:
    """A process that answers one question at a time, whoever asks. ``seconds`` and ``memory`` (bytes) bound each."""

    def __init__(self, seconds: int = SECONDS, memory: int = MEMORY) -> None:
        self._seconds, self._memory = seconds, memory
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def ask(self, question: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The worker's answer. Raises SourceError where it says why there is none, was killed or died."""
        raw = json.dumps(question).encode()
        message = b"".join(struct.pack("!I", len(part)) + part for part in (raw, body))
        ends = time.monotonic() + self._seconds
        with self._lock:
            answer = self._exchange(message, ends)
            if answer is None and time.monotonic() < ends:  # it had just ended, or died of this: a fresh one knows
                answer = self._exchange(message, ends)
        if answer is None:
            raise SourceError(f"takes more time or memory to read than a feed may ({self._seconds} seconds)")
        if "error" in answer:
            raise SourceError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _exchange(self, message: bytes, ends: float) -> dict[str, Any] | None:
        process = self._living()
        timer = threading.Timer(max(0.0, ends - time.monotonic()), process.kill)
        timer.daemon = True
        timer.start()
        try:
            into, out = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
            into.write(message)
            into.flush()
            head = out.read(4)
            raw = out.read(struct.unpack("!I", head)[0]) if len(head) == 4 else b""
            answer: dict[str, Any] = json.loads(raw)
            return answer
        except (OSError, ValueError):  # killed, or dead by itself
            self.close()
            return None
        finally:
            timer.cancel()

    def _living(self) -> "subprocess.Popen[bytes]":
        """The process; a new one where there is none, or where the last has gone after its answer."""
        if self._process is not None:
            try:
                self._process.wait(0.0)
            except subprocess.TimeoutExpired:
                return self._process
            self.close()
        paths = dict.fromkeys((_ROOT, *filter(None, sys.path)))
        command = [sys.executable, "-I", "-S", "-c", _START + _RUN, str(self._memory), str(self._seconds + 2), *paths]
        self._process = subprocess.Popen(  # noqa: S603 (this Python, our own module)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return self._process


class FeedProcesses:
    """A few of them, so that one hostile feed does not hold up all others; the one used last is used first."""

    def __init__(self, count: int = COUNT) -> None:
        self._all = [FeedProcess() for _ in range(count)]
        self._free: LifoQueue[FeedProcess] = LifoQueue()
        for process in self._all:
            self._free.put(process)

    def ask(self, question: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """See FeedProcess."""
        process = self._free.get()
        try:
            return process.ask(question, body)
        finally:
            self._free.put(process)

    def close(self) -> None:
        """End all of them."""
        for process in self._all:
            process.close()


READER = FeedProcesses()
"""Those of this process. They end with it: their input is closed then."""
atexit.register(READER.close)
