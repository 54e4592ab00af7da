"""How one call runs: in a thread or on the loop, to its result, its error or its end."""

from __future__ import annotations

from typing import Any, AsyncGenerator, Awaitable, Callable, Generator

from . import log, protocol
from .calls import Call, Cancelled
from .context import Context
from .main_thread import MainThread
from .protocol import Failure
from .registry import Tool
from .schema import Mismatch
from .workers import Workers

Finish = Callable[[Any], Any]
"""Makes the answer's result of what the function returned; what it raises is the tool's error."""


class Running:
    """Starts calls on the threads and on the loop of one server."""

    def __init__(self, workers: Workers, main_thread: MainThread) -> None:
        self._workers = workers
        self._main_thread = main_thread

    def start(self, call: Call, tool: Tool, arguments: Any, root: str, finish: Finish) -> None:
        if tool.is_async:
            self._spawn(call, tool, lambda: tool.start(arguments, Context(call), root), finish)
        else:
            self._workers.submit(lambda: self._run(call, tool, arguments, root, finish))

    def _run(self, call: Call, tool: Tool, arguments: Any, root: str, finish: Finish) -> None:
        if call.answered:
            return
        try:
            context = Context(call)
            value = tool.start(arguments, context, root)
            if hasattr(value, "__await__") or hasattr(value, "__aiter__"):
                self._spawn(call, tool, lambda: value, finish)
                return
            generated = _is_generator(value)
            if generated:
                value = _drain(value, context)
            call.succeed(finish(_result(call, value, generated)))
        except BaseException as error:
            _fail(call, tool, error)

    def _spawn(self, call: Call, tool: Tool, begin: Callable[[], Any], finish: Finish) -> None:
        self._main_thread.spawn(lambda: _run_async(call, tool, begin, finish), call.on_cancel)


async def _run_async(call: Call, tool: Tool, begin: Callable[[], Any], finish: Finish) -> None:
    import asyncio

    if call.answered:
        return
    try:
        value = begin()
        generated = hasattr(value, "__aiter__")
        if generated:
            await _drain_async(value, Context(call))
            value = None
        elif hasattr(value, "__await__"):
            value = await value
        call.succeed(finish(_result(call, value, generated)))
    except asyncio.CancelledError as error:
        _fail(call, tool, error)
        raise
    except BaseException as error:
        _fail(call, tool, error)


def _is_generator(value: Any) -> bool:
    return hasattr(value, "send") and hasattr(value, "throw") and hasattr(value, "__next__")


def _drain(items: Generator[Any, Any, Any], context: Context) -> Any:
    """Sends what a generator yields and returns what it returns."""
    try:
        while True:
            try:
                item = next(items)
            except StopIteration as end:
                return end.value
            context.send(item)
    finally:
        items.close()


async def _drain_async(items: AsyncGenerator[Any, Any], context: Context) -> None:
    try:
        async for item in items:
            await context.asend(item)
    finally:
        await items.aclose()


def _result(call: Call, value: Any, generated: bool) -> Any:
    """What was returned, together with the chunks where they were not sent as they came."""
    if call.streams or not (generated or call.chunks):
        return value
    return call.chunks if value is None else {"chunks": call.chunks, "result": value}


def _fail(call: Call, tool: Tool, error: BaseException) -> None:
    if call.answered:
        return
    if isinstance(error, Mismatch):
        failure = Failure(protocol.INVALID_PARAMS, f"Invalid params: {error}", {"path": error.path})
    else:
        failure = protocol.raised(error)
        log.logger().error("tool=%s id=%r failed", tool.name, call.id, exc_info=error)
    call.fail(failure)
