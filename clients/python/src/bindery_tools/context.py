"""What a tool may say and ask while it runs."""

from __future__ import annotations

import math
from typing import Any

from .calls import Call, Cancelled


class Context:
    """Given to a tool that has a parameter annotated `Context`.

    Every method that talks to the caller raises `Cancelled` once the call is over.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    @property
    def cancelled(self) -> bool:
        """Whether the caller gave the call up: whatever the tool returns is dropped."""
        return self._call.cancelled

    def check(self) -> None:
        """Raises `Cancelled` where the call was cancelled; a place to stop for a long loop."""
        if self._call.cancelled:
            raise Cancelled

    def wait_cancelled(self, timeout: float | None = None) -> bool:
        """Sleeps for up to `timeout` seconds; true as soon as the call is cancelled."""
        self._call.wait_until_over(timeout)
        return self._call.cancelled

    def progress(self, value: float | dict[str, Any]) -> None:
        """Reports how far the tool is.

        `value` is a number from 0 to 1, or an object with a `message`. Raises TypeError or
        ValueError for anything else.
        """
        if isinstance(value, dict):
            if not isinstance(value.get("message"), str):
                raise ValueError("progress: an object needs a message, which is text")
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError("progress: neither a number nor an object")
        elif not (math.isfinite(value) and 0 <= value <= 1):
            raise ValueError("progress: the number must lie from 0 to 1")
        self._call.progress(value)

    def send(self, chunk: Any) -> None:
        """Sends a part of the result, and waits while the caller has given no credit for it.

        Where the caller asked for no stream, the parts are collected into the result. In an
        async tool use `asend`: this one would stop every other async tool while it waits.
        """
        while not self._call.try_send(chunk):
            _refuse_on_loop()
            self._call.wait_for_credit()

    async def asend(self, chunk: Any) -> None:
        """`send` for async tools."""
        import asyncio

        # A generator that awaits nothing else must let the others, and its own end, in between.
        await asyncio.sleep(0)
        while not self._call.try_send(chunk):
            loop = asyncio.get_running_loop()
            changed = loop.create_future()

            def set_changed() -> None:
                if not changed.done():
                    changed.set_result(None)

            def wake() -> None:
                loop.call_soon_threadsafe(set_changed)

            self._call.on_change(wake)
            await changed


def _refuse_on_loop() -> None:
    import sys

    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("send() in an async tool: use `await ctx.asend(chunk)`")
