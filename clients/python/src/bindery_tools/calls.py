"""The calls that run: what each may still say, and which there are."""

from __future__ import annotations

from threading import Condition, Lock
from typing import Any, Callable, List, Optional, Set

from . import protocol
from .protocol import Failure, Id, Request
from .stdio import MAX_LINE, Closed, Writer

Reply = Callable[[Optional[bytes]], None]
"""Takes the answer to one message, exactly once; None where a notification gets none."""


class Cancelled(BaseException):
    """Raised in a tool by its context once nobody waits for the call any more.

    Not an `Exception`, so that a tool's own `except Exception` does not go on in spite of it.
    """


class Call:
    """One running request.

    After its answer nothing more is said about it, and there is exactly one answer: the first
    of result, error and cancellation wins, and the others are dropped.
    """

    def __init__(self, request: Request, writer: Writer, reply: Reply) -> None:
        self.id: Id = request.id
        self.cancelled = False
        self.answered = False
        self.chunks: List[Any] = []
        """What was sent where no stream is wanted."""
        self._has_id = request.answered
        self._credit = request.credit
        self._collected_bytes = 0
        self._writer = writer
        self._reply = reply
        self._changed = Condition(Lock())
        self._listeners: List[Callable[[], None]] = []
        self._on_cancel: Optional[Callable[[], None]] = None
        self.release: Callable[[Call], None] = lambda call: None
        """Called before the answer: with it the caller may use the id again."""
        self.ended: Callable[[Call], None] = lambda call: None
        """Called after the answer."""

    @property
    def streams(self) -> bool:
        return self._credit is not None and self._has_id

    def succeed(self, result: Any) -> None:
        self._finish(lambda: protocol.answer(self.id, result))

    def fail(self, failure: Failure) -> None:
        self._finish(lambda: protocol.error_answer(self.id, failure))

    def cancel(self) -> bool:
        """Answers that the call was cancelled and wakes what waits in it."""
        failure = Failure(protocol.CANCELLED, "cancelled")
        return self._finish(lambda: protocol.error_answer(self.id, failure), cancelled=True)

    def progress(self, value: Any) -> None:
        """Sends `$/progress`, or nothing where nobody could tell whose it is."""
        line = protocol.notification("$/progress", {"id": self.id, "value": value})
        with self._changed:
            self._refuse_when_over()
            if self._has_id and self.id is not None:
                self._write(line)

    def try_send(self, chunk: Any) -> bool:
        """Sends `$/chunk` or keeps the chunk for the result; false where credit is missing."""
        line = protocol.notification("$/chunk", {"id": self.id, "data": chunk})
        with self._changed:
            self._refuse_when_over()
            if not self.streams:
                self._collect(chunk, len(line))
                return True
            if not self._credit:
                return False
            self._credit -= 1
            self._write(line)
            return True

    def add_credit(self, count: int) -> None:
        with self._changed:
            if self._credit is not None:
                self._credit += count
            self._wake()

    def wait_for_credit(self) -> None:
        """Returns when there is credit. Raises `Cancelled` when there never will be."""
        with self._changed:
            self._changed.wait_for(lambda: self.answered or self._credit != 0)
            self._refuse_when_over()

    def wait_until_over(self, timeout: float | None) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.answered, timeout)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Calls the listener once: at the next credit or at the end, or now where one is there."""
        with self._changed:
            if not self.answered and self._credit == 0:
                self._listeners.append(listener)
                return
        listener()

    def on_cancel(self, listener: Callable[[], None]) -> None:
        """Calls the one listener when the call is cancelled, or now where it was."""
        with self._changed:
            self._on_cancel = listener
            cancelled = self.cancelled
        if cancelled:
            listener()

    def _finish(self, answer: Callable[[], bytes], cancelled: bool = False) -> bool:
        line = answer() if self._has_id else None
        with self._changed:
            if self.answered:
                return False
            self.answered = True
            self.cancelled = cancelled
            self._wake()
            self.release(self)
            try:
                self._reply(line)
            except Closed:
                pass
        if cancelled and self._on_cancel is not None:
            self._on_cancel()
        self.ended(self)
        return True

    def _refuse_when_over(self) -> None:
        if self.answered:
            raise Cancelled

    def _collect(self, chunk: Any, size: int) -> None:
        if not self._has_id:
            return
        self._collected_bytes += size
        if self._collected_bytes > MAX_LINE:
            raise ValueError(f"more than one answer holds ({MAX_LINE} bytes); ask with credit")
        self.chunks.append(chunk)

    def _write(self, line: bytes) -> None:
        try:
            self._writer.write(line)
        except Closed:
            raise Cancelled from None

    def _wake(self) -> None:
        self._changed.notify_all()
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()


class Calls:
    """Every call without an answer, at most `limit` at a time."""

    def __init__(self, limit: int, over: Callable[[], None]) -> None:
        """`over` is called, from any thread, once none runs and none may begin."""
        self._limit = limit
        self._over = over
        self._running: Set[Call] = set()
        self._by_id: dict[Id, Call] = {}
        self._refusing: Failure | None = None
        self._changed = Condition(Lock())

    def add(self, call: Call, has_id: bool) -> None:
        """Raises `Failure` where the call cannot run."""
        with self._changed:
            if self._refusing is not None:
                raise self._refusing
            if len(self._running) >= self._limit:
                raise Failure(protocol.BUSY, f"Busy: {self._limit} calls run already")
            if has_id and call.id is not None:
                if call.id in self._by_id:
                    raise Failure(protocol.INVALID_REQUEST, "Invalid request: a call with this id runs already")
                self._by_id[call.id] = call
            call.release, call.ended = self._release, self._remove
            self._running.add(call)

    def get(self, id: Id) -> Call | None:
        with self._changed:
            return self._by_id.get(id)

    def refuse(self) -> None:
        """Lets no further call begin."""
        with self._changed:
            self._refusing = Failure(protocol.SHUTTING_DOWN, "Shutting down")
            over = not self._running
        if over:
            self._over()

    def cancel_all(self) -> None:
        with self._changed:
            running = list(self._running)
        for call in running:
            call.cancel()

    def wait(self, timeout: float) -> bool:
        """Whether every call got its answer in this many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout)

    def _release(self, call: Call) -> None:
        with self._changed:
            if self._by_id.get(call.id) is call:
                del self._by_id[call.id]

    def _remove(self, call: Call) -> None:
        with self._changed:
            self._running.remove(call)
            self._changed.notify_all()
            over = self._refusing is not None and not self._running
        if over:
            self._over()
