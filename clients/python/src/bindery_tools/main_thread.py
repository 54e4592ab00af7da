"""The main thread: it waits for the end, and is the event loop once an async tool is called.

Importing asyncio takes longer than everything else together, so that it waits for its first use.
"""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any, Callable, Coroutine

if TYPE_CHECKING:
    import asyncio

Work = Callable[[], Coroutine[Any, Any, None]]

CLEANUP_SECONDS = 0.5
"""How long cancelled async tools may tidy up at the end."""


class MainThread:
    def __init__(self) -> None:
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[Callable[[], None]] = []
        self._code: int | None = None

    def end(self, code: int) -> None:
        """Lets `run` return; the first code counts. From any thread."""
        with self._lock:
            if self._code is not None:
                return  # to stop the loop again would cut off those that tidy up
            self._code = code
            loop = self._loop
        self._wake.put(None)
        if loop is not None:
            _call(loop, loop.stop)

    def spawn(self, work: Work, on_start: Callable[[Callable[[], None]], None]) -> None:
        """Runs a coroutine on the loop. From any thread.

        `on_start` gets, on the loop, a function that cancels the task from any thread.
        """

        def start() -> None:
            loop = self._loop
            assert loop is not None
            task = loop.create_task(work())
            on_start(lambda: _call(loop, task.cancel))

        with self._lock:
            loop = self._loop
            if loop is None:
                self._waiting.append(start)
        if loop is None:
            self._wake.put(None)
        else:
            _call(loop, start)

    def run(self) -> int:
        """Returns the exit code that `end` gave. Call it once, in the main thread."""
        self._wake.get()
        if self._code is None:
            self._run_loop()
        code = self._code
        assert code is not None
        return code

    def _run_loop(self) -> None:
        import asyncio

        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        with self._lock:
            self._loop = loop
            for start in self._waiting:
                loop.call_soon(start)
            ended = self._code is not None
        try:
            if not ended:
                loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=CLEANUP_SECONDS))
            tidy = asyncio.wait_for(loop.shutdown_asyncgens(), CLEANUP_SECONDS)
            try:
                loop.run_until_complete(tidy)
            except asyncio.TimeoutError:
                pass


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], Any]) -> None:
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:  # the loop is closed: the process is at its end
        pass
