"""The functions that are served, and the decorators that name them."""

from __future__ import annotations

import typing
from typing import Any, Callable, Dict, List, NamedTuple, Optional, TypeVar, Union, overload

from . import hints, schema
from .context import Context

F = TypeVar("F", bound=Callable[..., Any])

# The bits of a code object, which `inspect` names; importing it would double the start-up time.
_VARARGS, _VARKEYWORDS, _COROUTINE, _ASYNC_GENERATOR = 0x04, 0x08, 0x80, 0x200


class DefinitionError(TypeError):
    """A function that cannot be served, with the reason."""


class Tool(NamedTuple):
    """One function with what callers have to know of it."""

    name: str
    description: str
    function: Callable[..., Any]
    arguments: schema.Shape
    context: Optional[str]
    """The parameter that takes the `Context`."""
    is_async: bool

    def listing(self) -> Dict[str, Any]:
        return {
            "name": self.name,
            "description": self.description,
            "input_schema": self.arguments.schema(),
        }

    def start(self, arguments: Any, context: Context, root: str) -> Any:
        """Calls the function with a JSON object of arguments, which errors call `root`.

        Raises `schema.Mismatch` before the call where they do not fit. An async function only
        gives its coroutine here.
        """
        values = self.arguments.read(arguments, root)
        if self.context is not None:
            values[self.context] = context
        return self.function(**values)


class Registry:
    """The tools of one server by name, and its executor of tasks where it has one."""

    def __init__(self) -> None:
        self.tools: Dict[str, Tool] = {}
        self.executor: Optional[Tool] = None

    def tool(self, function: F, name: Optional[str] = None, description: Optional[str] = None) -> F:
        """Adds a function as a tool. Raises `DefinitionError` where it cannot be one."""
        added = _tool(function, name, description)
        if added.name in self.tools:
            raise DefinitionError(f"there is a tool {added.name} already")
        self.tools[added.name] = added
        return function

    def set_executor(self, function: F) -> F:
        """Lets a function serve `execute_task`. Raises `DefinitionError` where it cannot."""
        if self.executor is not None:
            raise DefinitionError(f"there is an executor already: {self.executor.name}")
        added = _tool(function, None, None)
        properties = added.arguments.schema()["properties"]
        if set(properties) != {"task", "brief"}:
            raise DefinitionError(f"{added.name}: an executor takes task, brief and a Context")
        self.executor = added
        return function

    def listing(self) -> List[Dict[str, Any]]:
        return [tool.listing() for tool in self.tools.values()]


default = Registry()
"""Where `@tool` and `@executor` put what they decorate."""


@overload
def tool(function: F) -> F: ...
@overload
def tool(*, name: Optional[str] = None, description: Optional[str] = None) -> Callable[[F], F]: ...
def tool(
    function: Optional[F] = None, *, name: Optional[str] = None, description: Optional[str] = None
) -> Union[F, Callable[[F], F]]:
    """Serves a function as a tool under its name, described by its docstring.

    The arguments' schema comes from the type hints. The function itself stays as it is.
    """
    if function is not None:
        return default.tool(function)
    return lambda decorated: default.tool(decorated, name, description)


def executor(function: F) -> F:
    """Lets a function (task: dict, brief: str, ctx: Context) serve the method `execute_task`.

    It returns an object with a `status`, or the notes of a task that is done as text.
    """
    return default.set_executor(function)


def _tool(function: Callable[..., Any], name: Optional[str], description: Optional[str]) -> Tool:
    plain: Any = function
    while hasattr(plain, "__wrapped__"):
        plain = plain.__wrapped__
    skipped = 1 if hasattr(plain, "__self__") else 0
    plain = getattr(plain, "__func__", plain)
    code = getattr(plain, "__code__", None)
    name = name or getattr(function, "__name__", "")
    if code is None:
        raise DefinitionError(f"{name or function!r}: only functions and methods can be tools")
    if not name:
        raise DefinitionError("a tool needs a name")
    fields, context = _parameters(name, plain, code, skipped)
    if description is None:
        description = _dedent(function.__doc__ or "")
    # A wrapper around an async function is called like any other, and gives an awaitable.
    own = getattr(getattr(function, "__func__", function), "__code__", code)
    is_async = bool(own.co_flags & (_COROUTINE | _ASYNC_GENERATOR))
    return Tool(name, description, function, schema.Record(fields), context, is_async)


def _parameters(
    name: str, function: Any, code: Any, skipped: int
) -> tuple[Dict[str, schema.Field], Optional[str]]:
    if code.co_flags & (_VARARGS | _VARKEYWORDS):
        raise DefinitionError(f"{name}: *args and **kwargs have no schema")
    if code.co_posonlyargcount > skipped:
        raise DefinitionError(f"{name}: arguments are passed by name, and one has none")
    try:
        resolved = hints.resolve(function)
    except Exception as error:  # the author's own annotations are evaluated here
        raise DefinitionError(f"{name}: a type hint cannot be read: {error}") from error
    positional = code.co_varnames[: code.co_argcount]
    defaults = dict(zip(reversed(positional), reversed(function.__defaults__ or ())))
    defaults.update(function.__kwdefaults__ or {})
    fields: Dict[str, schema.Field] = {}
    context = None
    for parameter in code.co_varnames[skipped : code.co_argcount + code.co_kwonlyargcount]:
        hint = resolved.get(parameter, Any)
        if _is_context(hint):
            context = parameter
            continue
        try:
            shape = schema.shape_of(hint)
        except schema.Unsupported as error:
            raise DefinitionError(f"{name}: parameter {parameter}: {error}") from None
        shown = schema.shown_default(defaults[parameter]) if parameter in defaults else {}
        fields[parameter] = schema.Field(shape, parameter not in defaults, shown)
    return fields, context


def _is_context(hint: Any) -> bool:
    return hint is Context or Context in typing.get_args(hint)


def _dedent(text: str) -> str:
    first, *rest = text.strip().splitlines() or [""]
    indents = [len(line) - len(line.lstrip()) for line in rest if line.strip()]
    return "\n".join([first] + [line[min(indents, default=0) :].rstrip() for line in rest])
