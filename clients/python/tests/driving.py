"""A real server process, driven over its pipes."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TOOLS = HERE / "served_tools.py"
PATIENCE_SECONDS = 20.0


def environment() -> dict[str, str]:
    found = {**os.environ, "PYTHONPATH": str(HERE.parent / "src")}
    # Without its compiled modules every server would take twice as long to start.
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


class Driven:
    """One server: `say` writes to it, `hear` gives the next message, `logged` what it logged."""

    def __init__(self, *arguments: str, **options: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bindery_tools", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            **options,
        )
        self._messages: queue.Queue[bytes] = queue.Queue()
        self._log = bytearray()
        self._threads = [
            threading.Thread(target=self._read_messages, daemon=True),
            threading.Thread(target=self._read_log, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def say_bytes(self, data: bytes) -> None:
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def say(self, message: Any) -> None:
        self.say_bytes(json.dumps(message).encode() + b"\n")

    def request(self, id: Any, method: str, params: Any = None, **members: Any) -> None:
        message = {"jsonrpc": "2.0", "id": id, "method": method, **members}
        self.say(message if params is None else {**message, "params": params})

    def notify(self, method: str, params: Any = None) -> None:
        self.say({"jsonrpc": "2.0", "method": method, "params": params or {}})

    def call(self, id: Any, tool: str, members: Any = None, /, **arguments: Any) -> None:
        self.request(id, "call_tool", {"tool": tool, "arguments": arguments}, **(members or {}))

    def hear_line(self) -> bytes:
        line = self._messages.get(timeout=PATIENCE_SECONDS)
        assert line, f"the server ended: {self.logged()}"
        return line

    def hear(self) -> Any:
        return json.loads(self.hear_line())

    def hear_all(self, count: int) -> dict[Any, Any]:
        """The next answers by id, in whatever order they come."""
        return {answer["id"]: answer for answer in (self.hear() for _ in range(count))}

    def result(self, tool: str, **arguments: Any) -> Any:
        self.call("result", tool, **arguments)
        answer = self.hear()
        assert answer["id"] == "result" and "result" in answer, answer
        return answer["result"]

    def error(self, tool: str, **arguments: Any) -> Any:
        self.call("error", tool, **arguments)
        answer = self.hear()
        assert answer["id"] == "error" and "error" in answer, answer
        return answer["error"]

    def assert_alive(self) -> None:
        self.request("alive", "ping")
        assert self.hear() == {"jsonrpc": "2.0", "id": "alive", "result": {"pong": True}}

    def close_input(self) -> None:
        self.process.stdin.close()

    def ended(self) -> int:
        """Waits for the end and returns the exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def rest(self) -> list[Any]:
        """Everything that was not heard yet, once the server has ended."""
        self.ended()
        self._threads[0].join(PATIENCE_SECONDS)
        found = []
        while not self._messages.empty():
            line = self._messages.get()
            if line:
                found.append(json.loads(line))
        return found

    def logged(self) -> str:
        """All of standard error, once the server has ended."""
        self.ended()
        self._threads[1].join(PATIENCE_SECONDS)
        return self._log.decode("utf-8", "replace")

    def log_holds(self, text: str) -> None:
        """Waits until the log of a running server holds a text."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text.encode() not in self._log:
            assert time.monotonic() < deadline, f"{text!r} is missing in: {self._log.decode()}"
            time.sleep(0.005)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass

    def _read_messages(self) -> None:
        for line in self.process.stdout:
            self._messages.put(line)
        self._messages.put(b"")

    def _read_log(self) -> None:
        for line in self.process.stderr:
            self._log += line
