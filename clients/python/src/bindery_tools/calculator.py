"""Arithmetic from text, with bounds on what it may cost.

The text is parsed to a syntax tree and the tree is walked; nothing of it is ever compiled to code.
What is not listed here is refused, and what could grow is estimated before it is computed.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from typing import Any, Callable, Dict, Tuple, Type, Union

Number = Union[int, float]

MAX_CHARACTERS = 1_000
MAX_DEPTH = 50
MAX_NODES = 500
MAX_BITS = 10_000
MAX_ROUNDING = 400
"""Digits that `round` may be asked for; Python computes their power of ten."""
MAX_EXACT = (1 << 53) - 1
"""The largest integer that every reader of JSON takes exactly (RFC 7493)."""

_TOKEN = re.compile(
    r"""[ \t]+
    | (?P<number> 0[xX][0-9a-fA-F]+ | (?: [0-9][0-9_]* (?:\.[0-9_]*)? | \.[0-9_]+ ) (?:[eE][-+]?[0-9]+)? )
    | (?P<name> [A-Za-z_][A-Za-z0-9_]* )
    | \*\* | // | [-+*/%(),]""",
    re.VERBOSE,
)


class CalculatorError(ValueError):
    """An expression that is no arithmetic, or more of it than is allowed."""


def calculate(expression: str) -> Number:
    """The finite value of an expression. Raises `CalculatorError`, within milliseconds."""
    tree = _parse(expression)
    _measure(tree)
    try:
        return _value(tree)
    except ZeroDivisionError:
        raise CalculatorError("division by zero") from None
    except OverflowError:
        raise CalculatorError("the result is too large") from None


def _parse(expression: str) -> ast.expr:
    if len(expression) > MAX_CHARACTERS:
        raise CalculatorError(f"longer than {MAX_CHARACTERS} characters")
    _read_tokens(expression)
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CalculatorError("not an expression of arithmetic") from None


def _read_tokens(expression: str) -> None:
    """Refuses every character and word that is none of ours, before Python's parser sees any."""
    place = depth = 0
    touching = False
    while place < len(expression):
        token = _TOKEN.match(expression, place)
        word = token is not None and token.lastgroup is not None
        if token is None or (word and touching):
            raise CalculatorError(f"{expression[place]!a} at character {place + 1} is no arithmetic")
        name = token["name"]
        if name is not None and name not in _FUNCTIONS and name not in _CONSTANTS:
            raise CalculatorError(f"{_short(name)} is not known")
        depth += (token[0] == "(") - (token[0] == ")")
        if depth > MAX_DEPTH:
            raise CalculatorError(f"nested deeper than {MAX_DEPTH}")
        # A number and a word that touch are one number to some versions of Python.
        touching = word
        place = token.end()


def _measure(tree: ast.expr) -> None:
    """Bounds the tree before anything recurses into it.

    The left operand of an operator lies no deeper than the operator: a long sum is not deep.
    """
    waiting = [(tree, 1)]
    nodes = 0
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if nodes > MAX_NODES:
            raise CalculatorError(f"more than {MAX_NODES} parts")
        if depth > MAX_DEPTH:
            raise CalculatorError(f"nested deeper than {MAX_DEPTH}")
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                left = isinstance(node, ast.BinOp) and child is node.left
                waiting.append((child, depth if left else depth + 1))


def _value(node: ast.expr) -> Number:
    # Down the left side in a loop, so that a long sum takes no stack.
    pending = []
    while isinstance(node, ast.BinOp):
        pending.append(node)
        node = node.left
    value = _operand(node)
    while pending:
        node = pending.pop()
        operation = _OPERATORS.get(type(node.op))
        if operation is None:
            raise CalculatorError(f"the operator {type(node.op).__name__} is not offered")
        value = _checked(operation(value, _value(node.right)))
    return value


def _operand(node: ast.expr) -> Number:
    if isinstance(node, ast.Constant):
        return _checked(node.value)
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.USub):
            return -_value(node.operand)
        if isinstance(node.op, ast.UAdd):
            return _value(node.operand)
    if isinstance(node, ast.Name):
        if node.id in _CONSTANTS:
            return _CONSTANTS[node.id]
        raise CalculatorError(f"{_short(node.id)} is not known")
    if isinstance(node, ast.Call):
        return _call(node)
    raise CalculatorError(f"{type(node).__name__} is no arithmetic")


def _call(node: ast.Call) -> Number:
    if not isinstance(node.func, ast.Name) or node.keywords:
        raise CalculatorError("only a function's name can be called, with plain arguments")
    name = node.func.id
    if name not in _FUNCTIONS:
        raise CalculatorError(f"the function {_short(name)} is not known")
    function, fewest, most = _FUNCTIONS[name]
    if not fewest <= len(node.args) <= most:
        raise CalculatorError(f"{name} does not take {len(node.args)} arguments")
    try:
        return _checked(function(*[_value(argument) for argument in node.args]))
    except CalculatorError:
        raise
    except ValueError:
        raise CalculatorError(f"{name} has no value there") from None


def _checked(value: Any) -> Number:
    if type(value) is int:
        if value.bit_length() > MAX_BITS:
            raise CalculatorError(f"a number of more than {MAX_BITS} bits")
        return value
    if type(value) is not float:
        raise CalculatorError(f"{type(value).__name__} is no real number")
    if not math.isfinite(value):
        raise CalculatorError("the result is too large" if math.isinf(value) else "not a number")
    return value


def _power(base: Number, exponent: Number) -> Any:
    if type(base) is int and type(exponent) is int and exponent > 0:
        if (base.bit_length() - 1) * exponent > MAX_BITS:
            raise CalculatorError(f"a power of more than {MAX_BITS} bits")
    return base**exponent


def _round(value: Number, digits: Number = 0) -> Number:
    if type(digits) is not int or abs(digits) > MAX_ROUNDING:
        raise CalculatorError(f"round takes whole digits from -{MAX_ROUNDING} to {MAX_ROUNDING}")
    return round(value, digits) if digits else round(value)


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:40] + "…"


_OPERATORS: Dict[Type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_CONSTANTS: Dict[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}
_MANY = MAX_NODES
_FUNCTIONS: Dict[str, Tuple[Callable[..., Any], int, int]] = {
    "abs": (abs, 1, 1),
    "round": (_round, 1, 2),
    "min": (lambda *values: min(values), 1, _MANY),
    "max": (lambda *values: max(values), 1, _MANY),
    "sqrt": (math.sqrt, 1, 1),
    "sin": (math.sin, 1, 1),
    "cos": (math.cos, 1, 1),
    "tan": (math.tan, 1, 1),
    "log": (math.log, 1, 2),
    "log10": (math.log10, 1, 1),
    "exp": (math.exp, 1, 1),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
}
