"""JSON schemas from type hints, and values checked against them.

A `Shape` is what one hint allows: it says so as a JSON schema, and turns a JSON value into what
the function expects. Nothing is coerced but an integer to a float: a wrong value is a `Mismatch`.
"""

from __future__ import annotations

import collections.abc
import enum
import math
import sys
import types
import typing
from typing import Any, Callable, Literal, NoReturn, Union

from . import hints


class Mismatch(Exception):
    """A value that its hint does not allow; `path` leads to it from the arguments."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class Unsupported(Exception):
    """A hint that has no JSON schema."""


class Shape:
    """Any JSON value; the other shapes allow less."""

    label = "any value"

    def schema(self) -> dict[str, Any]:
        return {}

    def read(self, value: Any, path: str) -> Any:
        """The value as the function expects it. Raises `Mismatch`."""
        return value

    def mismatch(self, value: Any, path: str) -> NoReturn:
        raise Mismatch(path, f"expected {self.label}, got {describe(value)}")


class Plain(Shape):
    """One of JSON's own types, which Python has under the same name."""

    def __init__(self, python: type, json: str, label: str) -> None:
        self._python = python
        self._json = json
        self.label = label

    def schema(self) -> dict[str, Any]:
        return {"type": self._json}

    def read(self, value: Any, path: str) -> Any:
        if type(value) is not self._python:  # a bool is an int to isinstance
            self.mismatch(value, path)
        return value


class Number(Shape):
    label = "a number"

    def schema(self) -> dict[str, Any]:
        return {"type": "number"}

    def read(self, value: Any, path: str) -> float:
        if type(value) is float:
            return value
        if type(value) is int:
            try:
                return float(value)
            except OverflowError:
                raise Mismatch(path, "the number is too large") from None
        self.mismatch(value, path)


class Choice(Shape):
    """One of some values, as `Literal` and `Enum` name them."""

    def __init__(self, choices: list[tuple[Any, Any]]) -> None:
        for value, _ in choices:
            if not (value is None or isinstance(value, (str, int, float))):
                raise Unsupported(f"{value!r} is no JSON value")
        self._choices = choices
        self.label = "one of " + ", ".join(repr(value) for value, _ in choices)

    def schema(self) -> dict[str, Any]:
        return {"enum": [value for value, _ in self._choices]}

    def read(self, value: Any, path: str) -> Any:
        for allowed, found in self._choices:
            if type(allowed) is type(value) and allowed == value:
                return found
        self.mismatch(value, path)


class Items(Shape):
    """A list of any length, as a list or a tuple."""

    label = "a list"

    def __init__(self, item: Shape, build: Callable[[list[Any]], Any]) -> None:
        self._item = item
        self._build = build

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self._item.schema()}

    def read(self, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            self.mismatch(value, path)
        return self._build([self._item.read(item, f"{path}[{i}]") for i, item in enumerate(value)])


class Fixed(Shape):
    """A tuple with a shape for each place."""

    def __init__(self, places: list[Shape]) -> None:
        self._places = places
        self.label = f"a list of {len(places)}"

    def schema(self) -> dict[str, Any]:
        count = len(self._places)
        places = [place.schema() for place in self._places]
        return {"type": "array", "prefixItems": places, "minItems": count, "maxItems": count}

    def read(self, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            self.mismatch(value, path)
        if len(value) != len(self._places):
            raise Mismatch(path, f"expected {self.label}, got {len(value)}")
        pairs = enumerate(zip(self._places, value))
        return tuple(place.read(item, f"{path}[{i}]") for i, (place, item) in pairs)


class Mapping(Shape):
    """An object with names of any kind."""

    label = "an object"

    def __init__(self, item: Shape) -> None:
        self._item = item

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self._item.schema()}

    def read(self, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            self.mismatch(value, path)
        return {name: self._item.read(item, member(path, name)) for name, item in value.items()}


class Field(typing.NamedTuple):
    shape: Shape
    required: bool
    default: dict[str, Any] = {}
    """`{"default": value}` for the schema where there is one to show."""


class Record(Shape):
    """An object with the names it has: a function's arguments, a TypedDict, a dataclass."""

    label = "an object"

    def __init__(self, fields: dict[str, Field], build: Callable[..., Any] = dict) -> None:
        self._fields = fields
        self._build = build

    def schema(self) -> dict[str, Any]:
        properties = {
            name: {**field.shape.schema(), **field.default} for name, field in self._fields.items()
        }
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        required = [name for name, field in self._fields.items() if field.required]
        if required:
            schema["required"] = required
        schema["additionalProperties"] = False
        return schema

    def read(self, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            self.mismatch(value, path)
        for name in value:
            if name not in self._fields:
                raise Mismatch(member(path, name), f"unknown; known are {', '.join(self._fields) or 'none'}")
        found = {}
        for name, field in self._fields.items():
            if name in value:
                found[name] = field.shape.read(value[name], member(path, name))
            elif field.required:
                raise Mismatch(member(path, name), "missing")
        try:
            return self._build(**found)
        except (TypeError, ValueError) as error:  # a dataclass that checks its own values
            raise Mismatch(path, str(error)) from None


class Choices(Shape):
    """One of several shapes; the first that fits is taken."""

    def __init__(self, shapes: list[Shape]) -> None:
        # An integer stays one where both numbers are allowed.
        self._shapes = sorted(shapes, key=lambda shape: isinstance(shape, Number))
        self.label = " or ".join(shape.label for shape in shapes)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [shape.schema() for shape in self._shapes]}

    def read(self, value: Any, path: str) -> Any:
        deepest = None
        for shape in self._shapes:
            try:
                return shape.read(value, path)
            except Mismatch as mismatch:
                if len(mismatch.path) > len(path):
                    deepest = mismatch
        if deepest is not None:
            raise deepest
        self.mismatch(value, path)


class Described(Shape):
    """A shape with the words of `Annotated`."""

    def __init__(self, shape: Shape, description: str) -> None:
        self._shape = shape
        self._description = description
        self.label = shape.label

    def schema(self) -> dict[str, Any]:
        return {**self._shape.schema(), "description": self._description}

    def read(self, value: Any, path: str) -> Any:
        return self._shape.read(value, path)


NULL = Plain(type(None), "null", "null")
_PLAIN: dict[Any, Shape] = {
    str: Plain(str, "string", "a string"),
    int: Plain(int, "integer", "an integer"),
    bool: Plain(bool, "boolean", "true or false"),
    float: Number(),
    type(None): NULL,
    None: NULL,
    Any: Shape(),
    object: Shape(),
    list: Items(Shape(), list),
    tuple: Items(Shape(), tuple),
    dict: Mapping(Shape()),
}
_SEQUENCES = (list, collections.abc.Sequence, collections.abc.Iterable)
_MAPPINGS = (dict, collections.abc.Mapping)
_UNION_TYPE = getattr(types, "UnionType", Union)


def shape_of(hint: Any, within: tuple[type, ...] = ()) -> Shape:
    """The shape of one resolved hint. Raises `Unsupported`.

    `within` holds the classes that the hint is a part of: none may be a part of itself.
    """
    try:
        if hint in _PLAIN:
            return _PLAIN[hint]
    except TypeError:  # an unhashable Literal
        pass
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hasattr(hint, "__metadata__"):
        shape = shape_of(hint.__origin__, within)
        words = [text for text in hint.__metadata__ if isinstance(text, str)]
        return Described(shape, words[0]) if words else shape
    if origin is Literal:
        return Choice([(value, value) for value in parts])
    if origin in (Union, _UNION_TYPE):
        return Choices([shape_of(part, within) for part in parts])
    if origin is tuple:
        if len(parts) == 2 and parts[1] is Ellipsis:
            return Items(shape_of(parts[0], within), tuple)
        return Fixed([shape_of(part, within) for part in parts if part != ()])
    if origin in _SEQUENCES or hint in _SEQUENCES:
        return Items(shape_of(parts[0], within) if parts else Shape(), list)
    if origin in _MAPPINGS or hint in _MAPPINGS:
        if parts and shape_of(parts[0]) is not _PLAIN[str]:
            raise Unsupported("the names in a JSON object are text: dict[str, ...]")
        return Mapping(shape_of(parts[1], within) if parts else Shape())
    if hasattr(hint, "__supertype__"):
        return shape_of(hint.__supertype__, within)
    if isinstance(hint, type):
        return _shape_of_class(hint, within)
    raise Unsupported(f"{hint!r} has no JSON schema")


def _shape_of_class(hint: type, within: tuple[type, ...]) -> Shape:
    if hint in within:
        raise Unsupported(f"{hint.__name__} is a part of itself")
    if issubclass(hint, enum.Enum):
        return Choice([(value.value, value) for value in hint])
    if issubclass(hint, dict) and hasattr(hint, "__total__"):
        return Record(_typed_dict_fields(hint, within + (hint,)))
    if hasattr(hint, "__dataclass_fields__"):
        return Record(_dataclass_fields(hint, within + (hint,)), hint)
    raise Unsupported(f"{hint.__name__} has no JSON schema")


def _typed_dict_fields(owner: Any, within: tuple[type, ...]) -> dict[str, Field]:
    fields = {}
    for name, hint in hints.resolve(owner).items():
        required = name in owner.__required_keys__
        # Python's own answer is wrong where the hint was text when the class was made.
        while getattr(typing.get_origin(hint), "_name", "") in ("Required", "NotRequired", "ReadOnly"):
            word = typing.get_origin(hint)._name
            required = required if word == "ReadOnly" else word == "Required"
            hint = typing.get_args(hint)[0]
        fields[name] = Field(shape_of(hint, within), required)
    return fields


def _dataclass_fields(owner: Any, within: tuple[type, ...]) -> dict[str, Field]:
    # Whoever made a dataclass has imported this; nobody else should pay for it.
    dataclasses = sys.modules["dataclasses"]
    missing = dataclasses.MISSING
    resolved = hints.resolve(owner)
    fields = {}
    for field in dataclasses.fields(owner):
        if field.init:
            required = field.default is missing and field.default_factory is missing
            shown = {} if field.default is missing else shown_default(field.default)
            fields[field.name] = Field(shape_of(resolved[field.name], within), required, shown)
    return fields


def shown_default(value: Any) -> dict[str, Any]:
    """`{"default": value}` where the value is plain JSON, else nothing."""
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, (str, int)):
        return {"default": value}
    if isinstance(value, float) and math.isfinite(value):
        return {"default": value}
    if isinstance(value, (list, tuple)) and all("default" in shown_default(item) for item in value):
        return {"default": list(value)}
    return {}


def member(path: str, name: str) -> str:
    if name.isidentifier() and len(name) <= 100:
        return f"{path}.{name}"
    return f"{path}[{_short(repr(name))}]"


def describe(value: Any) -> str:
    """A JSON value in a few words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {_short(repr(value))}"
    if isinstance(value, str):
        return f"the string {_short(repr(value))}"
    return "a list" if isinstance(value, list) else "an object"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
