"""A bounded number of threads for the tools that block."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock, Thread
from typing import Callable

Job = Callable[[], None]


class Workers:
    """Runs jobs on at most `limit` threads, which begin as they are needed.

    The threads are daemons: a tool that never returns cannot keep the process alive.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._lock = Lock()
        self._threads = 0
        self._idle = 0
        self._running = 0

    @property
    def busy(self) -> bool:
        return self._running > 0

    def submit(self, job: Job) -> None:
        """`job` must not raise. Raises RuntimeError where the system gives not even one thread."""
        with self._lock:
            begin = not self._idle and self._threads < self._limit
            if begin:
                self._threads += 1
            elif self._idle:
                self._idle -= 1
        if begin:
            try:
                Thread(target=self._work, name="tool", daemon=True).start()
            except RuntimeError:
                with self._lock:
                    self._threads -= 1
                    if not self._threads:
                        raise
        self._jobs.put(job)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            with self._lock:
                self._running += 1
            job()
            del job
            with self._lock:
                self._running -= 1
                self._idle += 1
