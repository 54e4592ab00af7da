"""The usual Python way to put a REST backend before assistants: FastMCP, and httpx behind it."""

import os

import httpx
from fastmcp import FastMCP

mcp = FastMCP("tasks")
backend = httpx.AsyncClient(base_url=os.environ["BACKEND"])


@mcp.tool
async def create_task(title: str) -> dict:
    """Creates a task."""
    answer = await backend.post("/api/tasks", json={"title": title})
    answer.raise_for_status()
    return answer.json()


@mcp.tool
async def get_task(task_id: str) -> dict:
    """Reads a task."""
    answer = await backend.get(f"/api/tasks/{task_id}")
    answer.raise_for_status()
    return answer.json()


mcp.run(show_banner=False)
