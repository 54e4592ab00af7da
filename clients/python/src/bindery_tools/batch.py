"""The answers of a batch, which go out together."""

from __future__ import annotations

from threading import Lock
from typing import Callable, List, Optional

from .stdio import MAX_LINE

MAX_BATCH = 1_000
"""Messages of one batch."""


class Batch:
    """Collects the answers to `count` messages and writes them once the last is there.

    Answers that together are longer than a line go out as several arrays.
    """

    def __init__(self, count: int, write: Callable[[bytes], None]) -> None:
        self._missing = count
        self._write = write
        self._answers: List[bytes] = []
        self._lock = Lock()

    def reply(self, answer: Optional[bytes]) -> None:
        with self._lock:
            self._missing -= 1
            if answer is not None:
                self._answers.append(answer)
            if self._missing:
                return
        part: List[bytes] = []
        size = 2
        for line in self._answers:
            if part and size + len(line) + 1 >= MAX_LINE:
                self._write(b"[" + b",".join(part) + b"]")
                part, size = [], 2
            part.append(line)
            size += len(line) + 1
        if part:
            self._write(b"[" + b",".join(part) + b"]")
