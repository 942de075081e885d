"""Runs ministack as AWS behaves where ours hangs on it: an update of a function lets its running invocations end.

Started by local_aws.py in ministack's own environment. By itself ministack kills whoever is at work, as no update on
AWS does; tests of dying workers kill them on purpose.
"""

import runpy
import threading
import time

from ministack.core import lambda_runtime as workers  # type: ignore[import-not-found]  # not in this environment

_invalidate = workers.invalidate_worker
LONGEST_SECONDS = 900
"""What an invocation may take at most."""


def _let_end(busy: list[object]) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while any(worker.in_use for worker in busy) and time.monotonic() < deadline:  # type: ignore[attr-defined]
        time.sleep(0.2)
    workers.kill_workers(busy)


def invalidate_worker(func_name: str, **where: str) -> None:
    """In the place of ministack's: new invocations get new workers, running ones end on the old code."""
    busy: list[object] = []
    with workers._lock:
        for key, pool in workers._workers.items():
            if func_name in key.split(":"):
                busy += [worker for worker in pool if worker.in_use]
                pool[:] = [worker for worker in pool if not worker.in_use]
    _invalidate(func_name, **where)
    if busy:
        threading.Thread(target=_let_end, args=(busy,), daemon=True).start()


if __name__ == "__main__":
    workers.invalidate_worker = invalidate_worker
    runpy.run_module("ministack", run_name="__main__")
