"""What goes in and what comes out, byte by byte, with a real process."""

from __future__ import annotations

import base64
import json

import pytest

MIB = 1 << 20


def ping(id: str = "1") -> bytes:
    return b'{"jsonrpc":"2.0","id":' + id.encode() + b',"method":"ping"}'


@pytest.mark.parametrize(
    "line, code, id",
    [
        (b"", -32700, None),
        (b"{", -32700, None),
        (b"nope", -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"} x', -32700, None),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', -32700, None),
        (b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', -32700, None),
        (b"[" * 100_000, -32700, None),
        (b"9" * 5000, -32700, None),
        (b"null", -32600, None),
        (b"1", -32600, None),
        (b"{}", -32600, None),
        (b"[]", -32600, None),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":1}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":2}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"shutdown"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', -32600, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","credit":-1}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","credit":true}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":"' + b"i" * 1001 + b'","method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"nope"}', -32601, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"rpc.x"}', -32601, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"execute_task","params":{}}', -32601, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"call_tool"}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"call_tool","params":["echo"]}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"call_tool","params":{"tool":1}}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"call_tool","params":{"tool":"echo","args":{}}}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"call_tool","params":{"tool":"echo"}}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"call_tool","params":{"tool":"echo","arguments":[]}}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"call_tool","params":{"tool":"nope"}}', -32000, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"$/credit","params":{"id":1,"n":-1}}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"$/cancelRequest","params":{"id":[]}}', -32602, 1),
    ],
)  # fmt: skip
def test_what_is_wrong_is_answered_with_its_code(shared, line, code, id):
    shared.say_bytes(line + b"\n")
    answer = shared.hear()
    assert (answer["error"]["code"], answer["id"]) == (code, id)
    assert answer["error"]["message"]
    shared.assert_alive()


@pytest.mark.parametrize(
    "line",
    [
        {"method": "ping"},
        {"method": "nope"},
        {"method": "call_tool", "params": {"tool": "nope"}},
        {"method": "call_tool", "params": {"tool": "echo", "arguments": {"message": "x"}}},
        {"method": "call_tool", "params": {"tool": "echo", "arguments": {"wrong": "x"}}},
        {"method": "$/cancelRequest", "params": {"id": "nobody"}},
        {"method": "$/credit", "params": {"id": "nobody", "n": 1}},
    ],
)
def test_a_notification_gets_no_answer(plain, line):
    plain.say({"jsonrpc": "2.0", **line})
    plain.say([{"jsonrpc": "2.0", **line}])
    plain.assert_alive()
    plain.close_input()
    assert plain.rest() == []


def test_the_seed_examples(shared):
    shared.call(1, "calculator", expression="2 + 2")
    line = shared.hear_line()
    assert line == b'{"jsonrpc":"2.0","id":1,"result":{"result":4,"expression":"2 + 2"}}\n'
    assert shared.result("string_transform", text="hello", operation="upper") == {"result": "HELLO"}
    assert shared.result("echo", message="test") == {"echo": "test"}
    assert shared.error("nonexistent") == {"code": -32000, "message": "Tool not found: nonexistent"}


@pytest.mark.parametrize(
    "id", ["0", "-1", "1.5", str(2**63), str(2**64 + 1), str(10**30), '""', '"a"', '"1"', '"é 😀"', "null"]
)
def test_an_id_comes_back_as_it_was(shared, id):
    shared.say_bytes(ping(id) + b"\n")
    assert shared.hear_line().startswith(b'{"jsonrpc":"2.0","id":' + id.encode() + b",")


def test_text_of_any_script_comes_back_in_utf_8(shared):
    message = "é ∀ 😀 \u2028 \x00 \x7f \n \r\n"
    shared.call(1, "echo", message=message)  # json.dumps writes the pair of surrogates
    line = shared.hear_line()
    assert json.loads(line)["result"] == {"echo": message}
    assert "😀".encode() in line and line.count(b"\n") == 1


def test_carriage_returns_and_an_end_without_newline_are_fine(plain):
    plain.say_bytes(ping("1") + b"\r\n" + ping("2"))
    plain.close_input()
    assert [answer["id"] for answer in plain.rest()] == [1, 2]


def test_a_line_of_one_mebibyte_is_taken_and_a_longer_one_refused(shared):
    shared.say_bytes(ping("1").ljust(MIB) + b"\n")
    assert shared.hear()["id"] == 1
    shared.say_bytes(ping("2").ljust(MIB + 1) + b"\n")
    answer = shared.hear()
    assert answer["error"]["code"] == -32600 and str(MIB) in answer["error"]["message"]
    shared.assert_alive()


def test_a_line_without_end_takes_no_memory(plain):
    def resident_kib() -> int:
        with open(f"/proc/{plain.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    plain.assert_alive()
    before = resident_kib()
    for _ in range(64):
        plain.say_bytes(b"x" * MIB)
    plain.say_bytes(b"\n")
    assert plain.hear()["error"]["code"] == -32600
    assert resident_kib() - before < 8 * 1024


def test_a_message_may_be_a_hundred_levels_deep(shared):
    def nested(levels: int) -> bytes:
        ping = b'{"jsonrpc":"2.0","id":1,"method":"ping","x":["[[[\\"",'
        return ping + b"[" * (levels - 2) + b"]" * (levels - 2) + b"]}\n"

    shared.say_bytes(nested(100))
    assert "result" in shared.hear()
    shared.say_bytes(nested(101))
    assert shared.hear()["error"]["code"] == -32700


def test_a_batch_is_answered_by_one_array(shared):
    calc = {"tool": "calculator", "arguments": {"expression": "6*7"}}
    shared.say([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "ping"},
        {"jsonrpc": "2.0", "id": 2, "method": "call_tool", "params": calc},
        {"jsonrpc": "2.0", "id": 3, "method": "nope"},
        7,
    ])  # fmt: skip
    answers = shared.hear()
    by_id = {answer["id"]: answer for answer in answers}
    assert len(answers) == 4
    assert by_id[1]["result"] == {"pong": True} and by_id[2]["result"]["result"] == 42
    assert by_id[3]["error"]["code"] == -32601 and by_id[None]["error"]["code"] == -32600


def test_a_batch_of_many_is_refused_and_large_answers_are_split(shared):
    shared.say([{"jsonrpc": "2.0", "id": 1, "method": "ping"}] * 1001)
    assert shared.hear()["error"]["code"] == -32600
    big = {"tool": "string_transform", "arguments": {"text": "ß" * 150_000, "operation": "upper"}}
    shared.say_bytes(
        json.dumps(
            [{"jsonrpc": "2.0", "id": id, "method": "call_tool", "params": big} for id in range(3)],
            ensure_ascii=False,
        ).encode()
        + b"\n"
    )
    lines = [shared.hear_line()]
    found = {answer["id"] for answer in json.loads(lines[-1])}
    while len(found) < 3:
        lines.append(shared.hear_line())
        found |= {answer["id"] for answer in json.loads(lines[-1])}
    assert all(len(line) <= MIB for line in lines)


def test_list_tools(shared):
    shared.request(1, "list_tools", {})
    tools = {tool["name"]: tool for tool in shared.hear()["result"]["tools"]}
    assert list(tools) == ["calculator", "string_transform", "echo"]
    assert tools["echo"]["description"] == "Give the message back."
    assert tools["string_transform"]["input_schema"] == {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "operation": {"enum": ["upper", "lower", "reverse", "title"]},
        },
        "required": ["text", "operation"],
        "additionalProperties": False,
    }


def test_json_rpc_torture(shared, corpus):
    for row in corpus("jsonrpc_torture"):
        expected = row["expect_error_code"]
        if row["id"].startswith("params-"):
            expected = -32601  # no such method here, which comes first
        shared.say_bytes(base64.b64decode(row["b64"]) + b"\n")
        if expected != "no-reply":
            error = shared.hear()["error"]
            assert error["code"] == expected or isinstance(expected, str), row
    shared.assert_alive()


def test_json_torture(shared, corpus):
    for row in corpus("json_parsing_torture"):
        data = base64.b64decode(row["b64"])
        if b"\n" in data:
            continue
        shared.say_bytes(data + b"\n")
        answer = shared.hear()
        errors = answer if isinstance(answer, list) else [answer]
        codes = {error["error"]["code"] for error in errors}
        assert codes <= {-32700, -32600}, row
        if row["expect"] == "reject":
            assert codes == {-32700}, row
        elif row["expect"] == "accept":
            assert codes == {-32600}, row
    shared.assert_alive()
