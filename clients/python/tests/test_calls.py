"""Calls side by side: results, errors, progress, cancellation and streams."""

from __future__ import annotations

import json

import pytest


def begun(server, id, tool, members=None, **arguments):
    """Starts a call whose tool says that it runs."""
    server.call(id, tool, members, **arguments)
    params = {"id": id, "value": {"message": "holding"}}
    assert server.hear() == {"jsonrpc": "2.0", "method": "$/progress", "params": params}


@pytest.mark.parametrize("tool", ["meet", "meet_async"])
def test_calls_run_side_by_side(server, tool):
    server.call(1, tool)
    server.call(2, tool)
    assert {id: answer["result"] for id, answer in server.hear_all(2).items()} == {1: "met", 2: "met"}


def test_answers_come_in_any_order(server):
    begun(server, 1, "hold")
    assert server.result("echo", message="x") == {"echo": "x"}
    server.assert_alive()


def test_async_tools_share_the_main_thread_and_the_others_do_not(server):
    assert server.result("which_thread_async") == "MainThread"
    assert server.result("which_thread") == "tool"


def test_threads_are_bounded_and_calls_wait_for_one(drive):
    from driving import TOOLS

    server = drive("--threads", "1", str(TOOLS))
    begun(server, 1, "hold")
    server.call(2, "echo", message="x")
    server.assert_alive()
    server.notify("$/cancelRequest", {"id": 1})
    answers = server.hear_all(2)
    assert answers[1]["error"]["code"] == -32800 and answers[2]["result"] == {"echo": "x"}


def test_a_call_that_waits_for_a_thread_can_be_cancelled(drive):
    from driving import TOOLS

    server = drive("--threads", "1", str(TOOLS))
    begun(server, 1, "hold_forever")
    server.call(2, "echo", message="x")
    server.notify("$/cancelRequest", {"id": 2})
    assert server.hear()["error"]["code"] == -32800


def test_more_calls_than_may_wait_are_refused(server):
    for id in range(256):
        server.call(id, "hold_forever")
    server.call("one more", "echo", message="x")
    answers = [server.hear() for _ in range(9)]  # eight run, and say so
    assert [a["error"]["code"] for a in answers if "error" in a] == [-32002]
    server.assert_alive()


def test_an_id_cannot_run_twice(server):
    begun(server, 1, "hold")
    server.call(1, "echo", message="x")
    assert server.hear()["error"]["code"] == -32600
    server.call("1", "echo", message="x")
    assert server.hear() == {"jsonrpc": "2.0", "id": "1", "result": {"echo": "x"}}


def test_what_a_tool_raises_is_told_and_its_traceback_only_logged(server):
    error = server.error("fail", words="lost")
    assert error == {
        "code": -32001,
        "message": "KeyError: 'lost'",
        "data": {"type": "KeyError", "message": "'lost'"},
    }
    server.close_input()
    log = server.logged()
    assert "Traceback" in log and "served_tools.py" in log and "tool=fail id='error'" in log


def test_what_a_tool_raises_cannot_fill_or_break_a_line(server):
    assert len(server.error("fail", words="x" * 100_000)["message"]) < 2_100


@pytest.mark.parametrize("tool", ["leave", "leave_async"])
def test_a_tool_cannot_end_the_server(server, tool):
    assert server.error(tool)["data"] == {"type": "SystemExit", "message": "3"}
    server.assert_alive()


@pytest.mark.parametrize("kind", ["nan", "set", "surrogate", "large", "deep", "100 levels", "digits"])
def test_a_result_that_cannot_be_sent_is_an_error(server, kind):
    assert server.error("give", kind=kind)["code"] == -32001
    server.assert_alive()


def test_a_result_may_be_as_deep_as_a_message(server):
    assert server.result("give", kind="99 levels")


def test_wrong_arguments_are_named(plain):
    error = plain.error("echo", message=3)
    assert error["code"] == -32602
    assert error["message"] == "Invalid params: arguments.message: expected a string, got the number 3"
    assert error["data"] == {"path": "arguments.message"}


def test_progress(server):
    server.call(1, "steps", values=[0, 0.25, {"message": "half", "of": 2}, 1])
    values = [server.hear()["params"] for _ in range(4)]
    assert values == [
        {"id": 1, "value": value} for value in (0, 0.25, {"message": "half", "of": 2}, 1)
    ]
    assert server.hear()["result"] == "done"


@pytest.mark.parametrize("value", [-0.1, 1.1, 50, True, "half", None, {}, {"message": 1}])
def test_progress_takes_nothing_else(server, value):
    assert server.error("steps", values=[value])["data"]["type"] in ("TypeError", "ValueError")


def test_progress_of_a_notification_goes_nowhere(server):
    server.notify("call_tool", {"tool": "steps", "arguments": {"values": [0.5]}})
    assert server.result("steps", values=[]) == "done"


@pytest.mark.parametrize(
    "tool, log",
    [("hold", "cancelled=True"), ("hold_async", "tidied up"), ("stubborn_async", "went on"), ("hold_forever", "")],
)  # fmt: skip
def test_cancel(server, tool, log):
    begun(server, "c", tool)
    server.notify("$/cancelRequest", {"id": "c"})
    error = {"code": -32800, "message": "cancelled"}
    assert server.hear() == {"jsonrpc": "2.0", "id": "c", "error": error}
    server.log_holds(log)
    server.assert_alive()  # and no second answer came before this one


def test_cancel_leaves_the_others_alone(server):
    begun(server, 1, "hold_async")
    begun(server, "1", "hold_async")
    server.request("x", "$/cancelRequest", {"id": "1"})
    answers = server.hear_all(2)
    assert answers["1"]["error"]["code"] == -32800 and answers["x"]["result"] == {"cancelled": True}
    server.request("y", "$/cancelRequest", {"id": "1"})
    assert server.hear()["result"] == {"cancelled": False}
    server.request("z", "$/cancelRequest", {"id": 1})
    assert server.hear_all(2)[1]["error"]["code"] == -32800


@pytest.mark.parametrize("tool", ["count", "count_async", "send_some"])
def test_a_stream_waits_for_credit(server, tool):
    def chunks(*numbers):
        for number in numbers:
            params = {"id": 1, "data": number}
            assert server.hear() == {"jsonrpc": "2.0", "method": "$/chunk", "params": params}

    server.call(1, tool, {"credit": 2}, to=6)
    chunks(0, 1)
    if tool == "count":  # the next is made and waits
        server.log_holds("made 2")
    server.assert_alive()
    server.notify("$/credit", {"id": 1, "n": 1})
    chunks(2)
    server.assert_alive()
    server.notify("$/credit", {"id": 1, "n": 100})
    chunks(3, 4, 5)
    assert server.hear()["result"] == ("sent" if tool == "send_some" else None)
    if tool == "count":
        server.close_input()
        assert server.logged().count("made") == 6


def test_a_generator_is_never_ahead_by_more_than_one_item(server):
    server.call(1, "count", {"credit": 0}, to=6)
    server.log_holds("made 0")
    server.assert_alive()
    server.notify("$/cancelRequest", {"id": 1})
    assert server.hear()["error"]["code"] == -32800
    server.close_input()
    assert "made 1" not in server.logged()


def test_a_stream_can_be_cancelled_while_it_waits(server):
    server.call(1, "count_async", {"credit": 1}, to=6)
    assert server.hear()["method"] == "$/chunk"
    server.notify("$/cancelRequest", {"id": 1})
    assert server.hear()["error"]["code"] == -32800
    server.log_holds("closed")


def test_what_a_generator_returns_ends_its_stream(server):
    server.call(1, "count", {"credit": 1000}, to=100)
    assert [server.hear()["params"]["data"] for _ in range(100)] == list(range(100))
    assert server.hear()["result"] == "all of them"


def test_without_credit_the_items_are_the_result(server):
    assert server.result("count", to=3) == [0, 1, 2]
    assert server.result("count_async", to=3) == [0, 1, 2]
    assert server.result("count", to=0) == []
    assert server.result("count_async", to=0) == []
    assert server.result("send_some", to=2) == {"chunks": [0, 1], "result": "sent"}
    assert server.result("count", to=100) == {"chunks": list(range(100)), "result": "all of them"}


def test_items_without_credit_are_bounded(server):
    assert "credit" in server.error("endless")["message"]


def test_a_blocking_send_on_the_loop_is_refused(server):
    server.call(1, "send_wrongly", {"credit": 0})
    assert "asend" in server.hear()["error"]["message"]


def test_execute_task(server):
    params = {"task": {"title": "Draw", "id": "t1"}, "brief": "with care"}
    server.request(1, "execute_task", params)
    assert server.hear()["params"] == {"id": 1, "value": 0.5}
    assert server.hear()["result"] == {"status": "done", "notes": "Draw: with care"}
    server.request(2, "execute_task", {"task": {"hold": True}, "brief": ""})
    assert server.hear()["method"] == "$/progress"
    server.notify("$/cancelRequest", {"id": 2})
    assert server.hear()["error"]["code"] == -32800
    server.request(3, "execute_task", {"task": "Draw", "brief": ""})
    error = server.hear()["error"]
    assert error["code"] == -32602 and error["data"] == {"path": "params.task"}
    server.request(4, "execute_task", {"task": {}})
    assert server.hear()["error"]["data"] == {"path": "params.brief"}


def test_the_example_executor(drive, tmp_path):
    from driving import HERE

    (tmp_path / "a.txt").write_text("one two three")
    server = drive(str(HERE.parent / "examples" / "task_executor.py"))
    files = [str(tmp_path / "a.txt")]
    server.request(1, "execute_task", {"task": {"title": "Count", "files": files}, "brief": ""})
    assert [server.hear()["params"]["value"] for _ in range(2)] == [0, 1]
    result = server.hear()["result"]
    assert result == {"status": "done", "notes": f"{files[0]}: 3 words"}


def test_a_caller_that_reads_late_gets_everything(server):
    for id in range(100):
        server.call(id, "count", {"credit": 100}, to=50)
    answers = 0
    chunks = []
    while answers < 100:
        message = json.loads(server.hear_line())
        answers += "result" in message
        if "params" in message:
            chunks.append((message["params"]["id"], message["params"]["data"]))
    assert len(chunks) == 5000
    for id in range(100):
        assert [data for of, data in chunks if of == id] == list(range(50))
