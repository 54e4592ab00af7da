"""Drives bindery-mcp with the official Python client: every tool, a resource, a prompt.

Usage: drive.py BINARY WORKSPACE MODE, where MODE is auto, legacy or a protocol version.
Prints one line a step and exits with 1 at the first thing that is wrong.
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters
from mcp.types import PromptReference

TOOLS = {
    "create_task", "get_task", "update_task", "list_tasks", "delete_task", "complete_task",
    "execute_task", "assign_role_to_task", "list_roles", "create_project", "search_entities",
    "get_dashboard_stats", "index_document", "health_check",
}


async def call(client: Client, tool: str, **arguments):
    """Calls a tool and returns its structured content, which the text must agree with."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, f"{tool}: {result.content}"
    assert result.structured_content is not None, tool
    assert result.content and result.content[0].text, tool
    print(f"  {tool}: {json.dumps(result.structured_content)[:100]}")
    return result.structured_content


async def drive(client: Client, mode: str) -> None:
    listed = {tool.name for tool in (await client.list_tools()).tools}
    assert listed == TOOLS, listed ^ TOOLS
    name = f"Python {mode}"
    project = (await call(client, "create_project", name=name))["project"]
    plan = await call(client, "create_task", tasks=[
        {"ref": "a", "title": "Draw", "project_id": name, "tags": ["plan"]},
        {"ref": "b", "title": "Build", "project_id": name, "depends_on": ["a"]},
    ])
    first, second = (row["id"] for row in plan["tasks"])
    task = (await call(client, "get_task", task_id=second))["task"]
    assert task["depends_on"] == [first] and task["project_id"] == project["id"]
    await call(client, "update_task", task_id=first, note="started", priority="high")
    await call(client, "assign_role_to_task", task_id=first, role="architect")
    ready = await call(client, "list_tasks", ready=True, project_id=name)
    assert [row["id"] for row in ready["tasks"]] == [first]
    claim = await call(client, "execute_task", next=True, project_id=name)
    assert claim["task"]["id"] == first and claim["role"]["brief"]
    done = await call(client, "complete_task", task_id=first, execution_id=claim["execution"]["id"])
    assert done["unblocked"] == [second]
    await call(client, "index_document", uri=f"docs/{mode}.md", content=f"# Guide\n\nThe {mode} zeppelin flies.")
    hits = (await call(client, "search_entities", query=f"{mode} zeppelin"))["hits"]
    assert hits and hits[0]["kind"] == "document"
    await call(client, "delete_task", task_id=second)
    await call(client, "list_roles")
    assert (await call(client, "get_dashboard_stats", project_id=name))["by_status"]["done"] == 1
    assert (await call(client, "health_check"))["status"] == "healthy"

    wrong = await client.call_tool("get_task", {"task_id": "0000000000000"})
    assert wrong.is_error and wrong.structured_content["error_code"] == "not_found"

    templates = (await client.list_resource_templates()).resource_templates
    assert {t.uri_template for t in templates} == {"bindery://task/{id}", "bindery://project/{id}"}
    read = await client.read_resource(f"bindery://task/{first}")
    assert json.loads(read.contents[0].text)["task"]["status"] == "done"
    assert (await client.list_resources()).resources[0].uri == "bindery://dashboard"
    prompt = await client.get_prompt("plan_project", {"goal": "fly"})
    assert "fly" in prompt.messages[0].content.text
    completion = await client.complete(PromptReference(name="next_task"), {"name": "role", "value": "te"})
    assert completion.completion.values == ["tester"]


async def main() -> None:
    binary, workspace, mode = sys.argv[1:]
    server = StdioServerParameters(command=binary, args=["--workspace", workspace])
    async with Client(server, mode=mode, read_timeout_seconds=60) as client:
        await drive(client, mode)
    print(f"ok {mode}")


asyncio.run(main())
