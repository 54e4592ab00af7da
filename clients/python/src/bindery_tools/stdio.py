"""The private descriptors of the protocol, and bounded lines over them."""

from __future__ import annotations

import os
import sys
from threading import Lock
from typing import Iterator, NamedTuple

MAX_LINE = 1 << 20
"""Bytes of one message, without its newline coming in and with it going out."""

_READ = 1 << 16


class Claimed(NamedTuple):
    """The descriptors that only the protocol uses; a child process inherits neither."""

    input: int
    output: int


class TooLong:
    """Stands in the sequence of lines for one that was longer than `MAX_LINE` and was skipped."""


class Closed(Exception):
    """The reader of our output is gone."""


def claim() -> Claimed:
    """Moves the protocol away from descriptors 0 and 1, for the whole process and its children.

    From here on whatever is printed, by Python, C or a child, goes to standard error, and
    whatever is read from standard input is at its end.
    """
    # With one of 0-2 closed, the copies below would take its number.
    while True:
        null = os.open(os.devnull, os.O_RDWR)
        if null > 2:
            break
        os.set_inheritable(null, True)
    claimed = Claimed(os.dup(0), os.dup(1))
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    if sys.stdout is not None:
        # It was made for a pipe of messages: it would hold a tool's words back until its end.
        reconfigure = getattr(sys.stdout, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True, errors="backslashreplace")
    return claimed


def lines(descriptor: int, limit: int = MAX_LINE) -> Iterator[bytes | TooLong]:
    """The lines of a descriptor without their newline, until its end.

    Never holds more than `limit` bytes and one read. What follows the last newline is a line too.
    """
    pending = bytearray()
    skipping = False
    while True:
        data = _read(descriptor)
        if not data:
            break
        start = 0
        while True:
            end = data.find(b"\n", start)
            if end < 0:
                break
            if skipping or len(pending) + end - start > limit:
                yield TooLong()
            elif pending:
                pending += data[start:end]
                yield bytes(pending)
            else:
                yield data[start:end]
            pending.clear()
            skipping = False
            start = end + 1
        if not skipping:
            pending += data[start:]
            if len(pending) > limit:
                skipping = True
                pending.clear()
    if skipping:
        yield TooLong()
    elif pending:
        yield bytes(pending)


def _read(descriptor: int) -> bytes:
    while True:
        try:
            return os.read(descriptor, _READ)
        except BlockingIOError:
            _wait(descriptor, reading=True)
        except OSError:
            return b""


def _wait(descriptor: int, reading: bool) -> None:
    # Only where somebody else made the shared descriptor non-blocking.
    import select

    select.select([descriptor] if reading else [], [] if reading else [descriptor], [])


class Writer:
    """Whole lines to a descriptor, from any thread, each written before the call returns.

    It blocks while the reader does not read: that is what bounds the memory.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = Lock()
        self._closed = False

    def write(self, line: bytes) -> None:
        """Writes the line and its newline. Raises `Closed` once the reader is gone."""
        rest = memoryview(line + b"\n")
        with self._lock:
            if self._closed:
                raise Closed
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:
                    _wait(self._descriptor, reading=False)
                except OSError as error:
                    self._closed = True
                    raise Closed from error
