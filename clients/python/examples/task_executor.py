"""Runs a task of Bindery: counts the words of its files, a step at a time.

Serve it with `python -m bindery_tools examples/task_executor.py`; it answers the method
`execute_task` beside the tools, reports progress, and stops where it is when it is cancelled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from bindery_tools import Context, executor, tool


@tool
def count_words(path: Annotated[str, "a text file"]) -> dict[str, Any]:
    """Count the words of a file."""
    return {"words": len(Path(path).read_text(encoding="utf-8", errors="replace").split())}


@executor
def run(task: dict[str, Any], brief: str, ctx: Context) -> dict[str, Any]:
    """Takes the task's `files`, or counts the words of its brief where it names none."""
    files = task.get("files") or []
    if not files:
        ctx.progress({"message": "counting the brief"})
        return {"status": "done", "notes": f"{task.get('title', 'task')}: {len(brief.split())} words"}
    notes = []
    for done, path in enumerate(files):
        ctx.check()
        ctx.progress(done / len(files))
        notes.append(f"{path}: {count_words(path)['words']} words")
    ctx.progress(1)
    return {"status": "done", "notes": "\n".join(notes)}
