"""Lines from a descriptor, however they are cut."""

from __future__ import annotations

import os
import threading

import pytest

from bindery_tools.stdio import Closed, TooLong, Writer, lines


def cut(parts: list[bytes], limit: int) -> list[bytes | None]:
    """The lines of what arrives in these parts; None for one that was too long."""
    reading, writing = os.pipe()
    turn = threading.Semaphore(0)

    def write() -> None:
        for part in parts:
            os.write(writing, part)
            turn.acquire(timeout=0.001)
        os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        return [None if isinstance(line, TooLong) else line for line in lines(reading, limit)]
    finally:
        thread.join()
        os.close(reading)


@pytest.mark.parametrize("at", range(22))
def test_a_cut_at_every_byte_changes_nothing(at):
    data = "é\n\n12345678\n123456789\nx".encode()
    expected = ["é".encode(), b"", b"12345678", None, b"x"]
    assert cut([data[:at], data[at:]] if at else [data], 8) == expected


def test_lines_around_the_size_of_a_read():
    sizes = [65535, 65536, 65537, 131072, 1]
    data = b"".join(b"x" * size + b"\n" for size in sizes)
    parts = [data[i : i + 4096] for i in range(0, len(data), 4096)]
    assert [len(line) for line in cut(parts, 1 << 20)] == sizes


def test_a_long_line_at_the_end_is_told():
    assert cut([b"123456789"], 8) == [None]
    assert cut([b"12345678"], 8) == [b"12345678"]
    assert cut([b"123456789", b"0", b"\n", b"ok\n"], 8) == [None, b"ok"]


def test_non_blocking_descriptors_are_waited_for():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    line = b"x" * 300_000
    thread = threading.Thread(target=lambda: (Writer(writing).write(line), os.close(writing)))
    thread.start()
    assert list(lines(reading)) == [line]
    thread.join()
    os.close(reading)


def test_a_writer_whose_reader_is_gone_says_so_every_time():
    reading, writing = os.pipe()
    os.close(reading)
    writer = Writer(writing)
    for _ in range(2):
        with pytest.raises(Closed):
            writer.write(b"x")
    os.close(writing)
