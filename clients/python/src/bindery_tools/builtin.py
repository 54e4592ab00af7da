"""The tools that every server has."""

from __future__ import annotations

from typing import Annotated, Any, Dict, Literal

from .registry import Registry


def calculator(expression: Annotated[str, "for example (2 + 3) * sqrt(2)"]) -> Dict[str, Any]:
    """Compute an arithmetic expression: + - * / // % **, parentheses, pi, e, tau, and the
    functions abs, round, min, max, sqrt, sin, cos, tan, log, log10, exp, floor and ceil.
    An integer beyond ±(2**53 - 1) is given as a string of its digits, because many JSON readers
    would round it."""
    from .calculator import MAX_EXACT, calculate

    result = calculate(expression)
    exact = isinstance(result, float) or abs(result) <= MAX_EXACT
    return {"result": result if exact else str(result), "expression": expression}


def string_transform(
    text: str, operation: Literal["upper", "lower", "reverse", "title"]
) -> Dict[str, Any]:
    """Transform text: upper, lower, reverse or title."""
    if operation == "reverse":
        return {"result": text[::-1]}
    transformed: str = getattr(text, operation)()
    return {"result": transformed}


def echo(message: str) -> Dict[str, Any]:
    """Give the message back."""
    return {"echo": message}


def register(registry: Registry) -> None:
    for function in (calculator, string_transform, echo):
        registry.tool(function)
