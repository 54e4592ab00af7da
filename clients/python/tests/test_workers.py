"""The threads, and what happens where the system gives none."""

from __future__ import annotations

import threading
from queue import Queue

import pytest

from bindery_tools import workers
from bindery_tools.workers import Workers


class NoThread(threading.Thread):
    def start(self) -> None:
        raise RuntimeError("can't start new thread")


def test_no_more_threads_than_allowed():
    pool = Workers(2)
    names: Queue[int] = Queue()
    begun, go = threading.Semaphore(0), threading.Event()

    def job() -> None:
        begun.release()
        go.wait(20)
        names.put(threading.get_ident())

    for _ in range(20):
        pool.submit(job)
    assert begun.acquire(timeout=20) and begun.acquire(timeout=20)
    assert pool.busy and not begun.acquire(blocking=False)
    go.set()
    assert len({names.get(timeout=20) for _ in range(20)}) == 2


def test_an_idle_thread_is_used_again():
    pool = Workers(8)
    names: Queue[int] = Queue()
    pool.submit(lambda: names.put(threading.get_ident()))
    first = names.get(timeout=20)
    while pool.busy:
        pass
    pool.submit(lambda: names.put(threading.get_ident()))
    assert names.get(timeout=20) == first


def test_a_job_waits_for_a_thread_where_there_is_one_and_is_refused_where_there_is_none(monkeypatch):
    done: Queue[int] = Queue()
    pool = Workers(2)
    pool.submit(lambda: done.put(1))
    monkeypatch.setattr(workers, "Thread", NoThread)
    for _ in range(3):
        pool.submit(lambda: done.put(2))
    assert [done.get(timeout=20) for _ in range(4)] == [1, 2, 2, 2]
    with pytest.raises(RuntimeError):
        Workers(2).submit(lambda: done.put(3))
    assert done.empty()
