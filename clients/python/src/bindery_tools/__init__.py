"""Serve Python functions as tools over JSON-RPC 2.0 on standard input and output.

    from bindery_tools import tool

    @tool
    def greet(name: str) -> dict:
        '''Say hello.'''
        return {"greeting": f"Hello, {name}"}

`python -m bindery_tools my_tools.py` serves it beside the built-in tools.
"""

from .calls import Cancelled
from .context import Context
from .registry import DefinitionError, Registry, executor, tool
from .server import Server, serve

__all__ = [
    "Cancelled",
    "Context",
    "DefinitionError",
    "Registry",
    "Server",
    "executor",
    "serve",
    "tool",
]
__version__ = "0.1.0"
