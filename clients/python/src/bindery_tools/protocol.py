"""JSON-RPC 2.0 messages: bytes in, requests out; values in, bytes out."""

from __future__ import annotations

import enum
import json
import math
import re
import sys
from typing import Any, NamedTuple, Union

from .stdio import MAX_LINE

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
TOOL_NOT_FOUND = -32000
TOOL_FAILED = -32001
BUSY = -32002
SHUTTING_DOWN = -32003
CANCELLED = -32800

MAX_MESSAGE = 2_000
"""Characters of an error's message, so that an exception cannot fill a line."""

MAX_DEPTH = 100
"""Levels of lists and objects in one message; other readers of JSON give up soon after."""

MAX_ID = 1_000
"""Characters of an id that is text: it has to fit in every message about the call."""

Id = Union[str, int, float, None]


class Failure(Exception):
    """What becomes an error answer."""

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Request(NamedTuple):
    """One request, or one notification where `answered` is false."""

    id: Id
    answered: bool
    method: str
    params: Any
    """The member as it came; None where it is absent."""
    credit: int | None
    """Chunks that may be sent before the first `$/credit`; None where no stream is wanted."""


class Malformed(Failure):
    """A message that is no request, with the id to answer to."""

    def __init__(self, message: str, id: Id = None) -> None:
        super().__init__(INVALID_REQUEST, message)
        self.id = id


def decode(line: bytes) -> Any:
    """The JSON value of one line. Raises `Failure` where it is none."""
    try:
        message = json.loads(line.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
        # RFC 8259 leaves open what an unpaired surrogate means, and UTF-8 cannot carry it back.
        if b"\\ud" in line or b"\\uD" in line:
            _ENCODER.encode(message).encode("utf-8")
        if _is_deep(line):
            raise RecursionError
    except Malformed:
        raise
    except UnicodeDecodeError as error:
        raise Failure(PARSE_ERROR, f"Parse error: not UTF-8 at byte {error.start}") from None
    except UnicodeEncodeError:
        raise Failure(PARSE_ERROR, "Parse error: unpaired surrogate") from None
    except RecursionError:
        raise Failure(PARSE_ERROR, "Parse error: nested too deeply") from None
    except ValueError as error:
        raise Failure(PARSE_ERROR, f"Parse error: {error}") from None
    return message


def request(message: Any) -> Request:
    """Reads one message. Raises `Malformed` where it is no request."""
    if not isinstance(message, dict):
        raise Malformed("Invalid request: not an object")
    id = message.get("id")
    if isinstance(id, bool) or not (id is None or isinstance(id, (str, int, float))):
        raise Malformed("Invalid request: id must be a string, a number or null")
    if isinstance(id, float) and not math.isfinite(id):
        raise Malformed("Invalid request: id is out of range")
    if isinstance(id, str) and len(id) > MAX_ID:
        raise Malformed(f"Invalid request: id is longer than {MAX_ID} characters")
    if "result" in message or "error" in message:
        raise Malformed("Invalid request: an answer, and nothing was asked")
    if message.get("jsonrpc") != "2.0":
        raise Malformed('Invalid request: jsonrpc must be "2.0"', id)
    method = message.get("method")
    if not isinstance(method, str):
        raise Malformed("Invalid request: method must be a string", id)
    credit = message.get("credit")
    if credit is not None and not is_count(credit):
        raise Malformed("Invalid request: credit must be an integer from 0", id)
    return Request(id, "id" in message, method, message.get("params"), credit)


def is_count(value: Any) -> bool:
    """Whether the value is an integer from 0 up to what JSON carries exactly."""
    return type(value) is int and 0 <= value < 1 << 53


def encode(value: Any) -> bytes:
    """One value as one line without its newline.

    Raises TypeError or ValueError where JSON or UTF-8 cannot hold it or the line is too long.
    """
    try:
        line = _ENCODER.encode(value).encode("utf-8")
        if _is_deep(line):
            raise RecursionError
    except UnicodeEncodeError:
        raise ValueError("text with an unpaired surrogate cannot be sent") from None
    except RecursionError:
        raise ValueError("nested too deeply to be sent") from None
    if len(line) >= MAX_LINE:
        raise ValueError(f"{len(line)} bytes are more than a line holds ({MAX_LINE}); send it in chunks")
    return line


def answer(id: Id, result: Any) -> bytes:
    """The answer that carries a result; an error answer where the result cannot be sent."""
    try:
        return encode({"jsonrpc": "2.0", "id": id, "result": result})
    except (TypeError, ValueError) as error:
        return error_answer(id, raised(error))


def error_answer(id: Id, failure: Failure) -> bytes:
    """The answer that carries an error."""
    error: dict[str, Any] = {"code": failure.code, "message": _sendable(failure.message)}
    if failure.data is not None:
        error["data"] = {key: _sendable(text) for key, text in failure.data.items()}
    return encode({"jsonrpc": "2.0", "id": id, "error": error})


def notification(method: str, params: dict[str, Any]) -> bytes:
    """A message that wants no answer. Raises as `encode` does."""
    return encode({"jsonrpc": "2.0", "method": method, "params": params})


def raised(error: BaseException) -> Failure:
    """What is told of an exception: its type and its words, never where it was raised."""
    name = type(error).__name__
    try:
        words = str(error)
    except Exception:  # an exception whose own words fail
        words = ""
    data = {"type": name, "message": words}
    return Failure(TOOL_FAILED, f"{name}: {words}" if words else name, data)


def _is_deep(line: bytes) -> bool:
    """Whether a line that is valid JSON has more than `MAX_DEPTH` levels."""
    if line.count(b"[") + line.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in re.findall(rb'"(?:[^"\\]|\\.)*"|([][{}])', line):
        if bracket:
            depth += 1 if bracket in b"[{" else -1
            if depth > MAX_DEPTH:
                return True
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers of one message may pick different ones.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("Invalid request: an object names a member twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _sendable(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if len(text) > MAX_MESSAGE:
        text = text[:MAX_MESSAGE] + "…"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(type(value), "__dataclass_fields__"):
        return sys.modules["dataclasses"].asdict(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
)
