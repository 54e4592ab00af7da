"""The server: lines in, methods called, answers out.

# Theory of operation

One daemon thread reads lines and answers at once what takes no time (`ping`, errors, `$/credit`,
`$/cancelRequest`), so that no tool can hold those up. A call of a function becomes a `Call`: a
synchronous one runs on a bounded number of threads, an asynchronous one on the loop in the main
thread. Whoever has something to say writes its whole line itself; while the caller does not read,
the writers wait, and memory stays bounded.

The server ends when its input ends, when the caller is gone, or after `shutdown`. Calls that run
get some time to finish, then they are cancelled; a thread that does not care dies with the process.
"""

from __future__ import annotations

import os
import sys
from threading import Thread, Timer
from typing import Any, Callable, Dict, Optional

from . import log, protocol, registry, stdio
from .batch import MAX_BATCH, Batch
from .calls import Call, Calls, Reply
from .main_thread import MainThread
from .protocol import Failure, Malformed, Request
from .registry import Registry
from .running import Running
from .stdio import Claimed, Closed, TooLong, Writer
from .workers import Workers

DEFAULT_THREADS = 8
DEFAULT_GRACE_SECONDS = 1.0
MAX_CALLS = 256
"""Calls that run or wait for a thread; with the length of a line it bounds what they hold."""

_PENDING = object()


class Server:
    """Serves one registry to one caller."""

    def __init__(
        self,
        tools: Registry,
        claimed: Claimed,
        threads: int = DEFAULT_THREADS,
        grace_seconds: float = DEFAULT_GRACE_SECONDS,
    ) -> None:
        self._tools = tools
        self._input = claimed.input
        self._writer = Writer(claimed.output)
        self._grace_seconds = grace_seconds
        self._main_thread = MainThread()
        self._workers = Workers(threads)
        self._running = Running(self._workers, self._main_thread)
        self._calls = Calls(MAX_CALLS, lambda: self._main_thread.end(0))
        self._shutting_down = False
        self._methods: Dict[str, Callable[[Request, Reply], Any]] = {
            "call_tool": self._call_tool,
            "execute_task": self._execute_task,
            "list_tools": self._list_tools,
            "ping": self._ping,
            "shutdown": self._shutdown,
            "$/cancelRequest": self._cancel,
            "$/credit": self._credit,
        }

    @property
    def busy(self) -> bool:
        """Whether a tool still runs on a thread, answered or not."""
        return self._workers.busy

    def run(self) -> int:
        """Serves until the end and returns the exit code. In the main thread, once."""
        Thread(target=self._read, name="reader", daemon=True).start()
        try:
            return self._main_thread.run()
        except KeyboardInterrupt:
            return 130

    def _read(self) -> None:
        try:
            for line in stdio.lines(self._input):
                self._receive(line)
                if self._shutting_down:
                    self._calls.refuse()
        except Closed:
            self._main_thread.end(1)
            return
        except BaseException as error:
            # Without its reader the server would hang, which is worse than an end.
            log.logger().critical("the reader failed", exc_info=error)
            self._main_thread.end(1)
            return
        self._calls.refuse()
        if not self._calls.wait(self._grace_seconds):
            self._calls.cancel_all()

    def _receive(self, line: bytes | TooLong) -> None:
        try:
            if isinstance(line, TooLong):
                raise Malformed(f"Invalid request: the line is longer than {stdio.MAX_LINE} bytes")
            message = protocol.decode(line)
            if not isinstance(message, list):
                self._dispatch(message, self._reply)
                return
            if not 0 < len(message) <= MAX_BATCH:
                raise Malformed(f"Invalid request: a batch holds from 1 to {MAX_BATCH} messages")
        except Failure as failure:
            self._writer.write(protocol.error_answer(None, failure))
            return
        batch = Batch(len(message), self._writer.write)
        for item in message:
            self._dispatch(item, batch.reply)

    def _reply(self, answer: Optional[bytes]) -> None:
        if answer is not None:
            self._writer.write(answer)

    def _dispatch(self, message: Any, reply: Reply) -> None:
        try:
            request = protocol.request(message)
        except Malformed as failure:
            reply(protocol.error_answer(failure.id, failure))
            return
        try:
            method = self._methods.get(request.method)
            if method is None:
                raise Failure(protocol.METHOD_NOT_FOUND, f"Method not found: {request.method}")
            result = method(request, reply)
            if result is _PENDING:
                return
            answer = protocol.answer(request.id, result)
        except Failure as failure:
            answer = protocol.error_answer(request.id, failure)
        reply(answer if request.answered else None)

    def _call_tool(self, request: Request, reply: Reply) -> Any:
        params = _members(request.params, "tool", "arguments")
        name = params.get("tool")
        if not isinstance(name, str):
            raise _invalid("tool", "expected the name of a tool")
        tool = self._tools.tools.get(name)
        if tool is None:
            raise Failure(protocol.TOOL_NOT_FOUND, f"Tool not found: {name}")
        return self._start(request, reply, tool, params.get("arguments", {}), "arguments", _as_it_is)

    def _execute_task(self, request: Request, reply: Reply) -> Any:
        tool = self._tools.executor
        if tool is None:
            raise Failure(protocol.METHOD_NOT_FOUND, "Method not found: execute_task (no executor here)")
        params = _members(request.params, "task", "brief")
        return self._start(request, reply, tool, params, "params", _outcome)

    def _start(
        self,
        request: Request,
        reply: Reply,
        tool: registry.Tool,
        arguments: Any,
        root: str,
        finish: Callable[[Any], Any],
    ) -> Any:
        call = Call(request, self._writer, reply)
        self._calls.add(call, request.answered)
        try:
            self._running.start(call, tool, arguments, root, finish)
        except RuntimeError as error:
            call.fail(protocol.raised(error))
        return _PENDING

    def _list_tools(self, request: Request, reply: Reply) -> Any:
        _members(request.params)
        return {"tools": self._tools.listing()}

    def _ping(self, request: Request, reply: Reply) -> Any:
        _members(request.params)
        return {"pong": True}

    def _shutdown(self, request: Request, reply: Reply) -> Any:
        _members(request.params)
        self._shutting_down = True
        return {}

    def _cancel(self, request: Request, reply: Reply) -> Any:
        call = self._called(_members(request.params, "id"))
        return {"cancelled": call is not None and call.cancel()}

    def _credit(self, request: Request, reply: Reply) -> Any:
        params = _members(request.params, "id", "n")
        count: Any = params.get("n")
        if not protocol.is_count(count):
            raise _invalid("n", "expected an integer from 0")
        call = self._called(params)
        if call is not None:
            call.add_credit(count)
        return {}

    def _called(self, params: Dict[str, Any]) -> Optional[Call]:
        id = params.get("id")
        if isinstance(id, bool) or not isinstance(id, (str, int, float)):
            raise _invalid("id", "expected the id of a call")
        return self._calls.get(id)


def serve(
    tools: Registry = registry.default,
    *,
    threads: int = DEFAULT_THREADS,
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    claimed: Claimed | None = None,
) -> int:
    """Serves on standard input and output until the end, and returns the exit code.

    Takes the process's descriptors 0 and 1 unless they are `claimed` already. Where a tool still
    runs on a thread after the end, the process exits here.
    """
    server = Server(tools, claimed or stdio.claim(), threads, grace_seconds)
    code = server.run()
    # Threads of the tools' own, and a standard error that nobody reads, could hold up the end.
    watchdog = Timer(grace_seconds + 1, os._exit, [code])
    watchdog.daemon = True
    watchdog.start()
    if server.busy:
        # The interpreter's own end would pull the objects away under the threads that still run.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(code)
    return code


def _members(params: Any, *known: str) -> Dict[str, Any]:
    if params is None or params == []:
        return {}
    if not isinstance(params, dict):
        raise Failure(protocol.INVALID_PARAMS, "Invalid params: expected an object")
    for name in params:
        if known and name not in known:
            raise _invalid(name, f"unknown; known are {', '.join(known)}")
    return params


def _invalid(path: str, message: str) -> Failure:
    return Failure(protocol.INVALID_PARAMS, f"Invalid params: {path}: {message}", {"path": path})


def _as_it_is(value: Any) -> Any:
    return value


def _outcome(value: Any) -> Dict[str, Any]:
    """What an executor returned, as the result of `execute_task`."""
    if value is None or isinstance(value, str):
        return {"status": "done", "notes": value or ""}
    if not isinstance(value, dict) or not isinstance(value.get("status"), str):
        raise TypeError("an executor returns notes as text, or an object with a status")
    return value
