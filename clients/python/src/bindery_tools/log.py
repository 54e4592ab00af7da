"""Logging to standard error.

`logging` is imported and set up when somebody logs or when tools are loaded that may: a server
that has nothing to say starts without it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

level = "INFO"


def configure() -> None:
    """Sends every logger of the process to standard error, unless that was arranged already."""
    import logging

    logging.basicConfig(
        stream=sys.stderr,
        level=level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def logger() -> logging.Logger:
    configure()

    import logging

    return logging.getLogger("bindery_tools")
