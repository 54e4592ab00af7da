from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from driving import TOOLS, Driven


@pytest.fixture
def drive():
    """Starts servers, and ends those that a test leaves."""
    started = []

    def start(*arguments: str, **options) -> Driven:
        started.append(Driven(*arguments, **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def shared():
    """One server with the built-in tools, for tests that leave it as it was."""
    server = Driven()
    yield server
    server.stop()


@pytest.fixture
def plain(drive):
    """A server with the built-in tools."""
    return drive()


@pytest.fixture
def server(drive):
    """A server with the tools of `served_tools.py`."""
    return drive(str(TOOLS))


@pytest.fixture
def corpus():
    """Reads the rows of an acceptance corpus, where they lie beside the repository."""
    beside = Path(__file__).parents[4] / "shared" / "corpora"
    folder = Path(os.environ.get("BINDERY_CORPORA", beside))
    if not folder.is_dir():
        pytest.skip("the acceptance corpora are not here; BINDERY_CORPORA names their folder")
    return lambda name: map(json.loads, (folder / f"{name}.jsonl").read_bytes().splitlines())
