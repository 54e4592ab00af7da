"""Tools that misbehave, wait and stream, for the tests that drive a real server."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading

from bindery_tools import Context, executor, tool

print("printed while the tools are loaded")

_pair = threading.Barrier(2, timeout=20)
_met = None


@tool
def meet() -> str:
    """Returns once two calls are in it."""
    _pair.wait()
    return "met"


@tool
async def meet_async() -> str:
    global _met
    if _met is None:
        _met = asyncio.Event()
        await asyncio.wait_for(_met.wait(), 20)
    else:
        _met.set()
    return "met"


@tool
def which_thread() -> str:
    return threading.current_thread().name


@tool
async def which_thread_async() -> str:
    return threading.current_thread().name


@tool
def hold(ctx: Context) -> None:
    """Says that it runs, and ends when it is cancelled."""
    ctx.progress({"message": "holding"})
    ctx.wait_cancelled(60)
    logging.getLogger("hold").info("cancelled=%s", ctx.cancelled)
    ctx.check()


@tool
def hold_forever(ctx: Context) -> None:
    """Says that it runs, and never cares about anything again."""
    ctx.progress({"message": "holding"})
    threading.Event().wait()


@tool
async def hold_async(ctx: Context) -> None:
    ctx.progress({"message": "holding"})
    try:
        await asyncio.sleep(60)
    finally:
        logging.getLogger("hold_async").info("tidied up")


@tool
async def stubborn_async(ctx: Context) -> str:
    """Catches its cancellation and returns all the same."""
    ctx.progress({"message": "holding"})
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        logging.getLogger("stubborn").info("went on")
    return "too late"


@tool
def steps(values: list, ctx: Context) -> str:
    for value in values:
        ctx.progress(value)
    return "done"


@tool
def count(to: int, ctx: Context):
    for number in range(to):
        logging.getLogger("count").info("made %d", number)
        yield number
    return None if to < 100 else "all of them"


@tool
async def count_async(to: int):
    try:
        for number in range(to):
            yield number
    finally:
        logging.getLogger("count_async").info("closed")


@tool
def send_some(to: int, ctx: Context) -> str:
    for number in range(to):
        ctx.send(number)
    return "sent"


@tool
async def send_wrongly(ctx: Context) -> None:
    ctx.send(1)


@tool
def endless():
    while True:
        yield "x" * 1000


@tool
def print_everywhere() -> str:
    print('{"jsonrpc":"2.0","id":1,"result":"forged"}')
    sys.stdout.write("without a newline")
    sys.__stdout__.write("through the original\n")
    os.write(1, b"through the descriptor\n")
    subprocess.run(["/bin/sh", "-c", "echo through a child"], check=True)
    return "printed"


@tool
def read_input() -> dict:
    child = subprocess.run(["cat"], stdout=subprocess.PIPE, check=True)
    return {"python": sys.stdin.read(), "descriptor": len(os.read(0, 10)), "child": len(child.stdout)}


@tool
def descriptors_of_a_child() -> list:
    listing = "import os; print(*[fd for fd in range(64) if os.path.exists(f'/proc/self/fd/{fd}')])"
    child = subprocess.run(
        [sys.executable, "-c", listing], stdout=subprocess.PIPE, check=True, close_fds=False
    )
    return child.stdout.decode().split()


@tool
def fail(words: str) -> None:
    raise KeyError(words)


@tool
def leave() -> None:
    sys.exit(3)


@tool
async def leave_async() -> None:
    sys.exit(3)


@tool
def give(kind: str) -> object:
    return {
        "nan": float("nan"),
        "set": {1},
        "surrogate": "\ud800",
        "large": "x" * (1 << 20),
        "deep": _deep(5000),
        "99 levels": _deep(99),
        "100 levels": _deep(100),
        "digits": 10**5000 if kind == "digits" else None,
    }[kind]


def _deep(levels: int) -> list:
    found: list = []
    for _ in range(levels - 1):
        found = [found]
    return found


@executor
def run(task: dict, brief: str, ctx: Context) -> dict:
    if task.get("hold"):
        ctx.progress({"message": "holding"})
        ctx.wait_cancelled(60)
    ctx.progress(0.5)
    return {"status": "done", "notes": f"{task['title']}: {brief}"}
