"""`python -m bindery_tools [TOOLS ...]`: serve the built-in tools, and those of the given modules."""

from __future__ import annotations

import os
import sys
from typing import List, NamedTuple, Optional

from . import builtin, log, registry, stdio
from .server import DEFAULT_GRACE_SECONDS, DEFAULT_THREADS, serve


class Options(NamedTuple):
    tools: List[str]
    builtin: bool = True
    threads: int = DEFAULT_THREADS
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    log_level: str = "INFO"


def main(arguments: Optional[List[str]] = None) -> int:
    """Serves until the end. Returns the exit code: 2 where a module of tools cannot be loaded."""
    options = _options(sys.argv[1:] if arguments is None else arguments)
    # Before any of the tools' own code runs: it may print as soon as it is imported.
    claimed = stdio.claim()
    log.level = options.log_level
    try:
        if options.builtin:
            builtin.register(registry.default)
        if options.tools:
            log.configure()
        for tools in options.tools:
            _load(tools)
    except Exception as error:
        log.logger().critical("tools cannot be loaded: %s", error, exc_info=error)
        return 2
    return serve(claimed=claimed, threads=options.threads, grace_seconds=options.grace_seconds)


def _options(arguments: List[str]) -> Options:
    if not any(argument.startswith("-") for argument in arguments):
        return Options(arguments)
    import argparse  # a third of the start-up time, where there is an option to read

    parser = argparse.ArgumentParser(prog="python -m bindery_tools", description=__doc__)
    parser.add_argument("tools", nargs="*", metavar="TOOLS", help="a file or a module with @tool functions")
    parser.add_argument("--no-builtin", dest="builtin", action="store_false", help="only the given tools")
    parser.add_argument(
        "--threads", type=_positive, default=DEFAULT_THREADS,
        help="calls of synchronous tools at a time (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--grace", dest="grace_seconds", type=float, default=DEFAULT_GRACE_SECONDS, metavar="SECONDS",
        help="how long running calls may go on after the end of the input (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        help="what goes to standard error (default: %(default)s)",
    )  # fmt: skip
    return Options(**vars(parser.parse_args(arguments)))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _load(tools: str) -> None:
    import importlib
    import importlib.util

    if not tools.endswith(".py"):
        importlib.import_module(tools)
        return
    path = os.path.abspath(tools)
    name = os.path.splitext(os.path.basename(path))[0]
    if name in sys.modules:  # a file may be called like a module that is loaded
        name = f"_tools_{name}"
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    sys.exit(main())
