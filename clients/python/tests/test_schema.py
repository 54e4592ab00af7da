"""What type hints say as a schema, and which values they let through."""

from __future__ import annotations

import enum
import functools
import sys
from dataclasses import dataclass, field
from typing import (
    Annotated,
    Any,
    Dict,
    List,
    Literal,
    NewType,
    Optional,
    Sequence,
    Tuple,
    TypedDict,
    Union,
)

import pytest

from bindery_tools import Context, DefinitionError, Registry
from bindery_tools.schema import Mismatch


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Point(TypedDict):
    x: float
    y: float


class Partial(TypedDict, total=False):
    note: str


if sys.version_info >= (3, 11):
    from typing import NotRequired, Required

    class Mixed(TypedDict):
        a: int
        b: NotRequired[int]

    class Mostly(TypedDict, total=False):
        a: int
        b: Required[int]


@dataclass
class Person:
    name: str
    age: int | None = None
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a person has a name")


@dataclass
class Team:
    lead: Person
    others: list[Person]


@dataclass
class Tree:
    children: list[Tree]


UserId = NewType("UserId", str)


def served(function):
    registry = Registry()
    registry.tool(function)
    return registry.tools[function.__name__]


def schema_of(hint):
    def function(value): ...

    function.__annotations__ = {"value": hint}
    return served(function).arguments.schema()["properties"]["value"]


def read(hint, value):
    def function(value): ...

    function.__annotations__ = {"value": hint}
    return served(function).arguments.read({"value": value}, "arguments")["value"]


POINT = {
    "type": "object",
    "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
    "required": ["x", "y"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "hint, schema",
    [
        (str, {"type": "string"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        ("Any", {}),
        (list, {"type": "array", "items": {}}),
        (dict, {"type": "object", "additionalProperties": {}}),
        (List[int], {"type": "array", "items": {"type": "integer"}}),
        ("list[int]", {"type": "array", "items": {"type": "integer"}}),
        (Sequence[int], {"type": "array", "items": {"type": "integer"}}),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        (
            Tuple[int, str],
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ),
        (Dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Optional[str], {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("str | None", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("list[int | str]", {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}),
        (Literal["a", 1, None], {"enum": ["a", 1, None]}),
        (Colour, {"enum": ["red", "blue"]}),
        (Level, {"enum": [1]}),
        (UserId, {"type": "string"}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (Annotated[int, 3], {"type": "integer"}),
        (Point, POINT),
        (Partial, {"type": "object", "properties": {"note": {"type": "string"}}, "additionalProperties": False}),
        (
            Person,
            {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "age": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["name"],
                "additionalProperties": False,
            },
        ),
    ],
)  # fmt: skip
def test_schemas(hint, schema):
    assert schema_of(hint) == schema


@pytest.mark.parametrize(
    "hint, value, found",
    [
        (str, "a", "a"),
        (float, 1, 1.0),
        (float, 1.5, 1.5),
        (Union[float, int], 1, 1),
        (Union[float, str], 1, 1.0),
        (None, None, None),
        (Any, {"a": [1]}, {"a": [1]}),
        (Tuple[int, str], [1, "a"], (1, "a")),
        ("tuple[int, ...]", [1, 2], (1, 2)),
        (Dict[str, float], {"a": 1}, {"a": 1.0}),
        (Colour, "red", Colour.RED),
        (Literal[1, "1"], "1", "1"),
        (Point, {"x": 1, "y": 2.5}, {"x": 1.0, "y": 2.5}),
        (Partial, {}, {}),
        (Person, {"name": "Ada"}, Person("Ada", None, [])),
        (Optional[Person], None, None),
        ("list[Person | str]", ["x", {"name": "Ada"}], ["x", Person("Ada")]),
    ],
)  # fmt: skip
def test_values_that_fit(hint, value, found):
    result = read(hint, value)
    assert result == found and type(result) is type(found)


@pytest.mark.parametrize(
    "hint, value, words",
    [
        (str, 1, "arguments.value: expected a string, got the number 1"),
        (int, "1", "arguments.value: expected an integer, got the string '1'"),
        (int, 1.0, "expected an integer, got the number 1.0"),
        (int, True, "expected an integer, got true"),
        (float, True, "expected a number, got true"),
        (float, "1.5", "expected a number"),
        (float, 10**400, "too large"),
        (bool, 1, "expected true or false"),
        (bool, None, "expected true or false, got null"),
        (None, 0, "expected null"),
        (list, {}, "expected a list, got an object"),
        (dict, [], "expected an object, got a list"),
        (List[int], [1, "x"], "arguments.value[1]: expected an integer"),
        (Dict[str, int], {"a b": "x"}, "arguments.value['a b']: expected an integer"),
        (Tuple[int, str], [1], "expected a list of 2, got 1"),
        (Literal[1], True, "expected one of 1"),
        (Literal["a"], "b", "expected one of 'a', got the string 'b'"),
        (Colour, "RED", "expected one of 'red', 'blue'"),
        (Optional[int], "x", "expected an integer or null, got the string 'x'"),
        (Point, {"x": 1}, "arguments.value.y: missing"),
        (Point, {"x": 1, "y": 2, "z": 3}, "arguments.value.z: unknown; known are x, y"),
        (Person, {"name": ""}, "arguments.value: a person has a name"),
        (Team, {"lead": {"name": "Ada"}, "others": [{"name": 1}]}, "arguments.value.others[0].name: expected a string"),
        (Optional[Person], {"name": 1}, "arguments.value.name: expected a string"),
        (str, ["x"] * 1000, "got a list"),
        (int, "x" * 1000, "…"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(hint, value, words):
    with pytest.raises(Mismatch) as mismatch:
        read(hint, value)
    assert words in str(mismatch.value) and len(str(mismatch.value)) < 200


@pytest.mark.parametrize(
    "hint, words",
    [
        (set, "set has no JSON schema"),
        (bytes, "bytes has no JSON schema"),
        (Dict[int, str], "the names in a JSON object are text"),
        (Tree, "Tree is a part of itself"),
        ("Nowhere", "Nowhere"),
        (Literal[b"x"], "no JSON value"),
    ],
)
def test_hints_without_schema_are_refused_when_the_tool_is_defined(hint, words):
    with pytest.raises(DefinitionError, match=words) as refused:
        schema_of(hint)
    assert "function" in str(refused.value)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="these words are of Python 3.11")
def test_a_typed_dict_says_which_names_are_required():
    assert schema_of(Mixed)["required"] == ["a"]
    assert schema_of(Mostly)["required"] == ["b"]


def test_a_function_says_all_there_is_to_know():
    def search(query: str, limit: int = 10, colour: Colour = Colour.RED, *, ctx: Context, deep=False) -> dict:
        """Search everything.

        And then
          some more.
        """

    tool = served(search)
    assert tool.listing() == {
        "name": "search",
        "description": "Search everything.\n\nAnd then\n  some more.",
        "input_schema": {
            "type": "object",
            "properties": {
                "query": {"type": "string"},
                "limit": {"type": "integer", "default": 10},
                "colour": {"enum": ["red", "blue"], "default": "red"},
                "deep": {"default": False},
            },
            "required": ["query"],
            "additionalProperties": False,
        },
    }
    assert tool.context == "ctx"
    assert tool.arguments.read({"query": "x"}, "arguments") == {"query": "x"}


def test_name_and_description_can_be_given():
    registry = Registry()
    registry.tool(lambda x: x, name="same", description="Give x back.")
    listed = registry.listing()[0]
    assert (listed["name"], listed["description"]) == ("same", "Give x back.")


def test_the_context_may_be_optional():
    def function(ctx: Optional[Context] = None): ...

    assert served(function).context == "ctx"


def test_methods_and_wrapped_functions():
    class Counter:
        def add(self, n: int) -> int:
            return n + 1

    registry = Registry()
    registry.tool(Counter().add)
    tool = registry.tools["add"]
    assert tool.start({"n": 1}, None, "arguments") == 2
    assert list(tool.arguments.schema()["properties"]) == ["n"]

    def plain(n: int) -> int:
        return n

    @functools.wraps(plain)
    def wrapper(*args, **kwargs):
        return plain(*args, **kwargs) * 10

    tool = served(wrapper)
    assert tool.start({"n": 1}, None, "arguments") == 10


@pytest.mark.parametrize(
    "function, words",
    [
        (lambda *args: 1, r"\*args"),
        (lambda **kwargs: 1, r"\*args"),
        (lambda x, /: 1, "passed by name"),
        (len, "only functions"),
        (functools.partial(print), "only functions"),
    ],
)
def test_functions_that_cannot_be_tools(function, words):
    with pytest.raises(DefinitionError, match=words):
        Registry().tool(function)


def test_names_are_taken_once():
    registry = Registry()

    def same(): ...

    registry.tool(same)
    with pytest.raises(DefinitionError, match="same already"):
        registry.tool(same)


def test_an_executor_takes_task_and_brief():
    registry = Registry()
    with pytest.raises(DefinitionError, match="task, brief"):
        registry.set_executor(lambda task: None)
    registry.set_executor(lambda task, brief: None)
    with pytest.raises(DefinitionError, match="an executor already"):
        registry.set_executor(lambda task, brief: None)


def test_the_decorator_leaves_the_function_alone():
    import bindery_tools

    def decorated(x: int) -> int:
        return x

    assert bindery_tools.tool(decorated) is decorated
    assert bindery_tools.tool(name="other")(decorated) is decorated
    del bindery_tools.registry.default.tools["decorated"], bindery_tools.registry.default.tools["other"]
