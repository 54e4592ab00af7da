"""The process: its descriptors, its log, its beginning and its end."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

from driving import PATIENCE_SECONDS, TOOLS, environment
from test_calls import begun


def test_nothing_that_is_printed_reaches_the_caller(server):
    assert server.result("print_everywhere") == "printed"
    server.assert_alive()
    server.close_input()
    assert server.rest() == []
    log = server.logged()
    for text in (
        "printed while the tools are loaded",
        "forged",
        "without a newline",
        "through the original",
        "through the descriptor",
        "through a child",
    ):
        assert text in log


def test_what_is_printed_is_there_at_once(server):
    server.call(1, "print_everywhere")
    server.log_holds("forged")


def test_standard_input_is_at_its_end_for_tools_and_children(server):
    assert server.result("read_input") == {"python": "", "descriptor": 0, "child": 0}
    server.assert_alive()


def test_a_child_inherits_no_descriptor_of_the_protocol(server):
    assert server.result("descriptors_of_a_child") == ["0", "1", "2"]


def test_the_end_of_input_ends_the_server(plain):
    plain.assert_alive()
    plain.close_input()
    assert plain.ended() == 0 and plain.logged() == ""


def test_calls_may_finish_after_the_end_of_input(server):
    for id in range(20):
        server.call(id, "echo", message="x")
    server.close_input()
    assert len(server.rest()) == 20


@pytest.mark.parametrize("tool", ["hold", "hold_forever", "hold_async", "stubborn_async"])
def test_no_running_tool_outlives_the_input(drive, tool):
    server = drive("--grace", "0.1", str(TOOLS))
    begun(server, 1, tool)
    server.close_input()
    assert server.ended() == 0
    assert [answer["error"]["code"] for answer in server.rest()] == [-32800]
    if tool == "hold_async":
        assert "tidied up" in server.logged()


def test_shutdown_answers_and_ends(plain):
    plain.request(1, "shutdown")
    assert plain.hear() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert plain.ended() == 0


def test_shutdown_waits_for_running_calls_and_refuses_others(server):
    begun(server, 1, "hold")
    begun(server, 2, "hold_async")
    server.request(3, "shutdown")
    assert server.hear()["id"] == 3
    server.call(4, "echo", message="x")
    assert server.hear()["error"]["code"] == -32003
    server.assert_alive()
    server.notify("$/cancelRequest", {"id": 1})
    assert server.hear()["id"] == 1
    server.assert_alive()
    server.notify("$/cancelRequest", {"id": 2})
    assert server.hear()["id"] == 2
    assert server.ended() == 0


def test_shutdown_in_a_batch_is_answered_too(plain):
    plain.say([{"jsonrpc": "2.0", "id": id, "method": method} for id, method in enumerate(["shutdown", "ping"])])
    assert [answer["id"] for answer in plain.rest()[0]] == [0, 1]


def test_shutdown_does_not_wait_for_a_cancelled_tool_that_goes_on(server):
    begun(server, 1, "hold_forever")
    server.notify("$/cancelRequest", {"id": 1})
    server.request(2, "shutdown")
    assert set(server.hear_all(2)) == {1, 2}
    assert server.ended() == 0


@pytest.fixture
def bare():
    """A server whose pipes nobody reads but the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bindery_tools", str(TOOLS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        bufsize=0,
    )
    yield process
    process.kill()
    process.stdin.close()
    process.stdout.close()
    process.wait()


PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'


def test_a_caller_that_is_gone_ends_the_server(bare):
    bare.stdin.write(PING.replace(b"ping", b"call_tool\",\"params\":{\"tool\":\"hold_forever\"},\"x\":\""))
    assert b"holding" in bare.stdout.readline()
    bare.stdout.close()
    bare.stdin.write(PING)
    assert bare.wait(PATIENCE_SECONDS) == 1


def test_answers_that_nobody_reads_are_not_kept(bare):
    """The server waits, and takes no more than the pipes hold."""
    bare.stdin.write(PING)
    bare.stdout.readline()
    os.set_blocking(bare.stdin.fileno(), False)
    taken = 0
    while select.select([], [bare.stdin], [], 0.5)[1]:
        taken += os.write(bare.stdin.fileno(), PING * 100)
        assert taken < 4 << 20


def test_tools_that_cannot_be_loaded_are_an_error(drive, tmp_path):
    broken = tmp_path / "broken_tools.py"
    broken.write_text("from bindery_tools import tool\n@tool\ndef f(x: set): pass\n")
    for name, words in ((str(broken), "f: parameter x"), ("no_such_module", "no_such_module")):
        server = drive(name)
        assert server.ended() == 2
        assert words in server.logged()


def test_a_tool_cannot_take_the_name_of_another(drive, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("from bindery_tools import tool\n@tool\ndef echo(x: int): return x + 1\n")
    assert drive(str(mine)).ended() == 2
    assert drive("--no-builtin", str(mine)).result("echo", x=1) == 2


def test_tools_are_loaded_by_the_name_of_their_module(drive, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "more.py").write_text(
        "from bindery_tools import tool\n@tool\ndef twice(x: int): return 2 * x\n"
    )
    assert drive("parts.more", cwd=tmp_path).result("twice", x=4) == 8


def test_a_file_may_be_called_like_a_module_and_import_its_neighbour(drive, tmp_path):
    (tmp_path / "neighbour.py").write_text("seven = 7\n")
    (tmp_path / "json.py").write_text(
        "from bindery_tools import tool\nfrom neighbour import seven\n@tool\ndef number(): return seven\n"
    )
    assert drive(str(tmp_path / "json.py")).result("number") == 7


def test_a_thread_of_a_tool_cannot_keep_the_process(drive, tmp_path):
    tools = tmp_path / "leaky.py"
    tools.write_text(
        "import threading\nfrom bindery_tools import tool\n@tool\ndef leak():\n"
        "    threading.Thread(target=threading.Event().wait, daemon=False).start()\n"
    )
    server = drive("--grace", "0.1", str(tools))
    server.result("leak")
    server.close_input()
    assert server.ended() == 0


def test_a_log_that_nobody_reads_cannot_keep_the_process(tmp_path):
    tools = tmp_path / "loud.py"
    tools.write_text(
        "from bindery_tools import Context, tool\n@tool\ndef shout(ctx: Context):\n"
        "    ctx.progress(0)\n    while True:\n        print('loud' * 100_000)\n"
    )
    command = [sys.executable, "-m", "bindery_tools", "--grace", "0.1", str(tools)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, env=environment(), **pipes) as process:
        try:
            process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"call_tool","params":{"tool":"shout"}}\n')
            process.stdin.flush()
            assert b"progress" in process.stdout.readline()
            process.stdin.close()
            assert process.wait(PATIENCE_SECONDS) == 0
        finally:
            process.kill()


def test_wrong_options_are_refused(drive):
    for wrong in (["--threads", "0"], ["--nope"], ["--log-level", "LOUD"]):
        assert drive(*wrong).ended() == 2


def test_the_start_imports_nothing_heavy():
    """Each of these costs more than the server itself."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import bindery_tools.__main__, sys; print(*sys.modules)"],
        env=environment(),
        stdout=subprocess.PIPE,
        check=True,
    )
    heavy = {"asyncio", "inspect", "dataclasses", "argparse", "logging", "ast", "socket", "subprocess"}
    assert not heavy & set(loaded.stdout.decode().split())


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_descriptor_is_no_accident(closed):
    """Whatever is missing of 0-2, the others keep their meaning."""
    command = f'exec "$0" -m bindery_tools {closed}{"<" if closed == 0 else ">"}&-'
    ended = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        input=b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=20,
    )
    assert ended.returncode == 0
    assert (b"pong" in ended.stdout) == (closed == 2)
