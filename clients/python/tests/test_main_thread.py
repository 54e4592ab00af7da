"""The end of the main thread, whenever it is asked for."""

from __future__ import annotations

import asyncio
from typing import List

from bindery_tools.main_thread import MainThread


def test_an_end_that_is_asked_for_again_cuts_off_nobody_who_tidies_up() -> None:
    main_thread = MainThread()
    tidied: List[bool] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            main_thread.end(1)
            await asyncio.sleep(0.01)
            tidied.append(True)

    main_thread.spawn(work, lambda cancel: main_thread.end(0))
    assert main_thread.run() == 0
    assert tidied == [True]
