"""The calculator: what it computes, and that nothing hostile costs anything."""

from __future__ import annotations

import ast
import math
import time

import pytest

from bindery_tools import calculator
from bindery_tools.calculator import CalculatorError, calculate

HOSTILE = [
    "__import__('os')",
    "__import__('os').system('id')",
    "().__class__.__bases__[0].__subclasses__()",
    "(1).__class__",
    "1 .real",
    "pi.real",
    "[x for x in (1, 2)]",
    "(x for x in 1)",
    "{1: 2}",
    "lambda: 1",
    "(lambda: 1)()",
    "f'{1}'",
    "f'{__import__(\"os\")}'",
    "(x := 1)",
    "x = 1",
    "'1' * 10**9",
    '"a"',
    "b'a'",
    "1; 2",
    "import os",
    "eval(1)",
    "exec(1)",
    "compile(1)",
    "open(1)",
    "print(1)",
    "getattr(1, 2)",
    "__builtins__",
    "globals()",
    "x",
    "sqrt",
    "sqrt(sqrt)",
    "sin(1)(2)",
    "(sin)(cos)(1)",
    "pi(1)",
    "abs(*(1,))",
    "min(*pi)",
    "round(1, ndigits=1)",
    "abs()",
    "abs(1, 2)",
    "min()",
    "factorial(1000000)",
    "pow(9, 9, 9)",
    "1 if 1 else 2",
    "1 and 2",
    "not 1",
    "1 < 2",
    "1 == 1",
    "1 << 1000000000",
    "1 >> 1",
    "1 | 2",
    "1 ^ 2",
    "~1",
    "1 @ 2",
    "await x",
    "yield 1",
    "(yield)",
    "True",
    "None",
    "...",
    "1, 2",
    "()",
    "1j",
    "1j * 1j",
    "9**9**9",
    "9**9**9**9**9",
    "10**10**10",
    "(10**1000)**1000",
    "(-9)**9**9",
    "9**-9**9**9",
    "2**10001",
    "*".join(["10**1000"] * 20),
    "((2**9000)*(2**9000))",
    "round(1, -10**9)",
    "round(1.5, 10**9)",
    "round(1, 0.5)",
    "1e308*10",
    "1e999",
    "-1e999",
    "1e999-1e999",
    "10**400*1.0",
    "10**400/3",
    "2.0**5000",
    "exp(1000)",
    "1/0",
    "1//0",
    "1%0",
    "1.0/0",
    "0**-1",
    "0.0**-1",
    "(-1)**0.5",
    "(-8)**(1/3)",
    "sqrt(-1)",
    "log(0)",
    "log(-1)",
    "log(2, 1)",
    "sin(1e999)",
    "tan(10**400)",
    "floor(1e999)",
    "",
    " ",
    "(",
    ")",
    "(" * 51 + "1" + ")" * 51,
    "(" * 500 + "1" + ")" * 499,
    "(" * 1000,
    "-" * 999 + "1",
    "2**" * 300 + "2",
    "abs(" * 100 + "1" + ")" * 100,
    "+".join("1" * 400),
    "9" * 1001,
    "1" * 1_000_000,
    "(" * 1_000_000,
    "1\x00",
    "\x00",
    "1\n+1",
    "1#",
    "1\\\n+1",
    "١+١",
    "１+１",
    "ｓqrt(4)",
    "π",
    "1\u200b+1",
    "\ufeff1",
    "\ud800",
    "𝟙",
    "1_",
    "01",
    "0x",
    "1__0",
    "1.2.3",
    "1 2",
    "$1",
    "`id`",
    "; rm -rf /",
]


@pytest.mark.parametrize("expression", HOSTILE, ids=lambda text: ascii(text[:40]))
def test_hostile_expressions_are_refused_at_once(shared, expression):
    begun = time.perf_counter()
    with pytest.raises(CalculatorError) as refused:
        calculate(expression)
    assert time.perf_counter() - begun < 0.1
    assert 0 < len(str(refused.value)) < 200
    if "\ud800" not in expression:
        assert shared.error("calculator", expression=expression)["code"] == -32001


def test_a_hostile_value_is_no_expression(shared):
    for value in (1, None, ["1"], {"a": 1}, True):
        assert shared.error("calculator", expression=value)["code"] == -32602
    # json.dumps escapes it, and that is not JSON to this server.
    shared.call(1, "calculator", expression="\ud800")
    assert shared.hear()["error"]["code"] == -32700


@pytest.mark.parametrize("name", ["command_injection", "sql_injection", "xss_payloads", "path_traversal"])
def test_payloads_are_refused_or_computed_within_bounds(corpus, name):
    for row in corpus(name):
        begun = time.perf_counter()
        try:
            assert type(calculate(row["payload"])) in (int, float)
        except CalculatorError:
            pass
        assert time.perf_counter() - begun < 0.1, row


@pytest.mark.parametrize(
    "source",
    ["(1).real", "[1][0]", "[x for x in y]", "lambda: 1", "f'{x}'", "(x := 1)", "'a'", "b'a'",
     "{**x}", "x[1]", "x.y()", "1 < 2", "...", "True", "(*x, 1)"],
)  # fmt: skip
def test_the_tree_is_refused_too_where_the_characters_would_pass(source):
    with pytest.raises(CalculatorError):
        calculator._value(ast.parse(source, mode="eval").body)


@pytest.mark.parametrize(
    "expression, value",
    [
        ("2 + 2", 4),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("10 - 4 - 3", 3),
        ("2 ** 3 ** 2", 512),
        ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("2 ** 0.5", 2**0.5),
        ("0 ** 0", 1),
        ("7 // 2", 3),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("7 / 2", 3.5),
        ("+-+1", -1),
        ("  1\t+ 1 ", 2),
        ("1_000 * 2", 2000),
        ("0xff", 255),
        (".5 + 1.", 1.5),
        ("1e3", 1000.0),
        ("abs(-3)", 3),
        ("round(2.567, 2)", 2.57),
        ("round(2.5)", 2),
        ("round(1234, -2)", 1200),
        ("min(3, 1, 2)", 1),
        ("max(3, 1, 2)", 3),
        ("max(7)", 7),
        ("sqrt(16)", 4.0),
        ("floor(2.7)", 2),
        ("ceil(2.1)", 3),
        ("log10(1000)", 3.0),
        ("log(8, 2)", 3.0),
        ("log(e)", 1.0),
        ("exp(0)", 1.0),
        ("sin(0) + cos(0) + tan(0)", 1.0),
        ("tau - 2 * pi", 0.0),
        ("2 ** 9999", 2**9999),
        ("1 ** 10 ** 100", 1),
        ("(-1) ** (10 ** 100 + 1)", -1),
        ("10 ** -400", 0.0),
        ("+".join(["1"] * 250), 250),
        ("(" * 50 + "1" + ")" * 50, 1),
    ],
)
def test_arithmetic(expression, value):
    found = calculate(expression)
    assert type(found) is type(value)
    assert found == value or math.isclose(found, value)


def test_an_integer_that_json_readers_would_round_is_text(shared):
    assert shared.result("calculator", expression="2**53 - 1")["result"] == 2**53 - 1
    assert shared.result("calculator", expression="2**53")["result"] == str(2**53)
    assert shared.result("calculator", expression="-(10**30)")["result"] == str(-(10**30))
    largest = shared.result("calculator", expression="2**9999")["result"]
    assert largest == str(2**9999) and len(largest) < 4300
