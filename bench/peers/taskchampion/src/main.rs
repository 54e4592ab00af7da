//! Answers the tool calls `create_task` and `get_task` from a TaskChampion replica in the folder that the
//! first argument names: no guard, no schema, nothing but the store and a line of JSON each way.

use std::io::{BufRead, Write};

use anyhow::Context;
use serde_json::{Value, json};
use taskchampion::{
    Operations, Replica, Status, Uuid,
    storage::{AccessMode, Storage},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).context("the folder of the replica is missing")?;
    let storage = taskchampion::SqliteStorage::new(folder, AccessMode::ReadWrite, true).await?;
    let mut replica = Replica::new(storage);
    let (input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    for line in input.lines() {
        let request: Value = serde_json::from_str(&line?)?;
        if request["id"].is_null() {
            continue;
        }
        let result = match request["params"]["name"].as_str() {
            Some(tool) => call(&mut replica, tool, &request["params"]["arguments"]).await?,
            None => json!({}),
        };
        let result = json!({ "content": [], "structuredContent": result });
        writeln!(output, "{}", json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }))?;
        output.flush()?;
    }
    Ok(())
}

async fn call<S: Storage>(replica: &mut Replica<S>, tool: &str, arguments: &Value) -> anyhow::Result<Value> {
    if tool == "get_task" {
        let id = arguments["task_id"].as_str().context("task_id")?.parse()?;
        let task = replica.get_task(id).await?.context("there is no such task")?;
        return Ok(json!({ "task": { "id": id.to_string(), "title": task.get_description() } }));
    }
    let title = arguments["title"].as_str().context("title")?;
    let mut operations = Operations::new();
    let mut task = replica.create_task(Uuid::new_v4(), &mut operations).await?;
    task.set_description(title.to_owned(), &mut operations)?;
    task.set_status(Status::Pending, &mut operations)?;
    let id = task.get_uuid();
    replica.commit_operations(operations).await?;
    Ok(json!({ "task": { "id": id.to_string() } }))
}
