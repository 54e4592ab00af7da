"""Type hints as objects, also where they are written as text."""

from __future__ import annotations

import sys
import typing
from typing import Any, Union


def resolve(owner: Any) -> dict[str, Any]:
    """The hints of a function or class by name, with `Annotated` kept.

    Raises NameError where a hint names what its module does not know.
    """
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except TypeError:
        if sys.version_info >= (3, 10):
            raise
        return _resolve_unions(owner)


def _resolve_unions(owner: Any) -> dict[str, Any]:
    # Python 3.9 has no `X | None` between types, but a hint that is text may well hold one.
    found: dict[str, Any] = {}
    if not isinstance(owner, type):
        sources = [(owner.__annotations__, owner.__globals__)]
    else:
        sources = [
            (vars(part).get("__annotations__", {}), vars(sys.modules[part.__module__]))
            for part in reversed(owner.__mro__)
        ]
    for annotations, known in sources:
        for name, hint in annotations.items():
            if isinstance(hint, typing.ForwardRef):
                hint = hint.__forward_arg__
            found[name] = _evaluate(hint, known) if isinstance(hint, str) else hint
    return found


def _evaluate(text: str, known: dict[str, Any]) -> Any:
    import ast

    class Unions(ast.NodeTransformer):
        """Writes `X | Y` as `Union[X, Y]`."""

        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            if not isinstance(node.op, ast.BitOr):
                return node
            pair = ast.Tuple(elts=[node.left, node.right], ctx=ast.Load())
            return ast.Subscript(ast.Name("__Union", ast.Load()), pair, ast.Load())

    tree = ast.fix_missing_locations(Unions().visit(ast.parse(text, mode="eval")))
    # The text is the tool author's own source, as in typing.get_type_hints.
    hint = eval(compile(tree, "<hint>", "eval"), {**known, "__Union": Union})
    return type(None) if hint is None else hint
