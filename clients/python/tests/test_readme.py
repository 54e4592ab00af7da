"""The README's example, its session, and the limits that it names."""

from __future__ import annotations

import json
import re

from bindery_tools import calculator, protocol, server, stdio
from driving import HERE

README = (HERE.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_example_answers_as_it_says(drive, tmp_path):
    tools = tmp_path / "my_tools.py"
    tools.write_text("\n".join(blocks("python")), encoding="utf-8")
    served = drive(str(tools))
    for session in blocks("text"):
        for line in session.splitlines():
            arrow, _, message = line.partition(" ")
            if arrow == "→":
                served.say_bytes(message.encode() + b"\n")
            else:
                assert served.hear() == json.loads(message)


def test_the_limits_are_those_of_the_code():
    for words in (
        f"{stdio.MAX_LINE // 1024 // 1024} MiB",
        f"{protocol.MAX_DEPTH} levels",
        f"{server.MAX_CALLS} calls",
        f"{server.MAX_BATCH} messages",
        f"{server.DEFAULT_THREADS} synchronous",
        f"{calculator.MAX_CHARACTERS} characters",
        f"{calculator.MAX_BITS} bits",
    ):
        assert words in README.replace(",", ""), words
