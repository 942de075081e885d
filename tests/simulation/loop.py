"""An event loop on the stage's clock: callbacks keep their order, and what a dead process left is put away."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from itertools import count
from typing import Any


class Loop(asyncio.AbstractEventLoop):
    """The parts of a loop that waves, locks, timers and task groups use.

    ``now`` tells the time, ``wait`` lets the others act until a moment, ``dead`` whether this process is gone.
    """

    def __init__(self, now: Callable[[], float], wait: Callable[[float], None], dead: Callable[[], bool]) -> None:
        self._now, self._wait, self._dead = now, wait, dead
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = count()
        self._tasks: list[asyncio.Task[Any]] = []

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What ``asyncio.run`` does. A process that dies leaves nothing behind that still acts."""
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(coroutine)
            while not task.done() and not self._dead():
                self._turn()
            return task.result() if task.done() else None
        finally:
            self._put_away()
            asyncio._set_running_loop(None)

    def _turn(self) -> None:
        if not self._ready:
            assert self._timers, "everybody waits, and nobody will come"
            when = self._timers[0][0]
            if when > self._now():
                self._wait(when)
        while self._timers and self._timers[0][0] <= self._now():
            self._ready.append(heapq.heappop(self._timers)[2])
        for _ in range(len(self._ready)):
            self._call(self._ready.popleft())
            if self._dead():
                return

    def _call(self, handle: asyncio.Handle) -> None:
        if not handle._cancelled:
            handle._run()

    def _put_away(self) -> None:
        """Whatever has not ended is cancelled; its port calls find that the process is dead."""
        for _ in range(20):
            left = [task for task in self._tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            for _ in range(20):
                ready, self._ready = self._ready, deque()
                for handle in ready:
                    self._call(handle)
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.exception()  # looked at, so that nobody logs it
        self._tasks.clear()

    # What asyncio asks of a loop.
    def time(self) -> float:
        return self._now()

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._order), handle))
        return handle

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Not at once, as from a thread: other callbacks come in between."""
        future = self.create_future()

        def act() -> None:
            try:
                future.set_result(func(*args))
            except Exception as error:  # noqa: BLE001
                future.set_exception(error)

        self.call_soon(act)
        return future

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        return None

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        return None
