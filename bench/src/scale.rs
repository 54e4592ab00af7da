//! A large store beside a small one: putting tasks in, asking for them, starting with them.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::{Value, json};

use crate::{
    load::{self, Address},
    mcp,
    measure::{Effort, Goal, Row, alone, compare, median},
    server::Server,
    startup::first_answer,
};

/// Tasks in the large store; the small one has a hundredth.
const MANY: usize = 1_000_000;

/// Tasks that an assistant puts in by one call.
const BATCH: usize = 1_000;

/// How long one round asks.
const ROUND: Duration = Duration::from_secs(2);

/// Every row.
pub(crate) fn run(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let many = effort.of(MANY).max(2 * BATCH);
    let small = Filled::with(many / 100)?;
    let large = Filled::with(many)?;
    let mut rows = import(&large.pace, effort)?;
    rows.extend(reads(&small, &large, effort)?);
    rows.push(memory(&large, effort)?);
    rows.push(start(large, effort)?);
    Ok(rows)
}

/// A store that was filled through MCP.
struct Filled {
    server: Server,
    ids: Vec<String>,
    /// Tasks a second, of each batch.
    pace: Vec<f64>,
    /// How many rounds have asked. Each asks for other tasks: what a round has read is kept.
    rounds: Cell<u64>,
}

impl Filled {
    fn with(tasks: usize) -> anyhow::Result<Self> {
        let server = Server::backend(&[])?;
        let mut assistant = mcp::assistant_in(server.workspace()?, &[])?;
        let mut filled =
            Self { server, ids: Vec::with_capacity(tasks), pace: Vec::new(), rounds: Cell::new(0) };
        while filled.ids.len() < tasks {
            let from = filled.ids.len();
            let batch: Vec<_> = (from..tasks.min(from + BATCH)).map(task).collect();
            let begun = Instant::now();
            let answer = assistant.call("create_task", &json!({ "tasks": batch }))?;
            filled.pace.push(batch.len() as f64 / begun.elapsed().as_secs_f64());
            let created = answer["result"]["structuredContent"]["tasks"].as_array().context("its tasks")?;
            filled.ids.extend(created.iter().filter_map(|task| task["id"].as_str()).map(str::to_owned));
            anyhow::ensure!(filled.ids.len() == from + batch.len(), "{answer}");
        }
        Ok(filled)
    }

    /// The median time of an answer when one caller asks, in µs.
    fn p50(&self, time: Duration, target: impl Fn(u64) -> String) -> anyhow::Result<f64> {
        let round = self.rounds.replace(self.rounds.get() + 1);
        let request = |n, bytes: &mut Vec<u8>| load::get(&target((round << 32) + n), bytes);
        let outcome = load::load(&self.server.unix, 1, time, request)?;
        Ok(outcome.latencies.value_at_quantile(0.5) as f64 / 1e3)
    }
}

fn import(pace: &[f64], effort: Effort) -> anyhow::Result<Vec<Row>> {
    let tenth = pace.len().div_ceil(10);
    let (first, last) = (median(pace[..tenth].to_vec()), median(pace[pace.len() - tenth..].to_vec()));
    let whole = pace.len() as f64 / pace.iter().map(|pace| 1.0 / pace).sum::<f64>();
    Ok(vec![
        alone(
            "tasks put in by assistants, 1 000 a call",
            "/s",
            Goal::AtLeast(6000.0),
            effort.once(),
            || Ok(whole),
        )?,
        compare(
            "the last tenth of them beside the first",
            "/s",
            Goal::RatioAtLeast(0.8),
            effort.once(),
            || Ok(first),
            || Ok(last),
        )?,
    ])
}

/// What is asked for, how much slower the large store may be, and the target of question number `n`.
type Question = (&'static str, f64, fn(&Filled, u64) -> String);

const QUESTIONS: [Question; 4] = [
    ("GET one of all tasks, large store beside small", 2.0, |store, n| {
        format!("/api/tasks/{}", store.ids[spread(n) as usize % store.ids.len()])
    }),
    ("GET a list of 50, large store beside small", 1.3, |_, n| {
        format!("/api/tasks?limit=50&status={}", if n.is_multiple_of(2) { "todo" } else { "doing" })
    }),
    ("GET the ready queue, large store beside small", 1.5, |_, _| "/api/tasks?ready=true&limit=20".into()),
    ("search, large store beside small", 4.0, |_, n| {
        format!("/api/search?query={}+{}", word(spread(n)), word(spread(n + 1)))
    }),
];

fn reads(small: &Filled, large: &Filled, effort: Effort) -> anyhow::Result<Vec<Row>> {
    let time = effort.time(ROUND);
    let rows = QUESTIONS.iter().map(|(what, limit, target)| {
        let p50 = |store: &Filled| store.p50(time, |n| target(store, n));
        compare(what, "µs", Goal::RatioAtMost(*limit), effort, || p50(small), || p50(large))
    });
    rows.collect()
}

/// What the large store's backend takes while 64 callers read and write.
fn memory(large: &Filled, effort: Effort) -> anyhow::Result<Row> {
    let load = |address: &Address| {
        load::load(address, 64, effort.time(ROUND) * 5, |n, bytes| match n % 4 {
            0 => load::post("/api/tasks", &task(n as usize).to_string(), bytes),
            at => load::get(&(QUESTIONS[at as usize].2)(large, n), bytes),
        })
    };
    alone("backend's memory, large store under load", "MB", Goal::AtMost(250.0), effort.once(), || {
        load(&large.server.tcp)?;
        Ok(large.server.resident()? as f64 / 1e6)
    })
}

fn start(large: Filled, effort: Effort) -> anyhow::Result<Row> {
    let folder = large.server.stop()?.context("it has a folder of its own")?;
    let starts = effort.of(20).max(2);
    compare(
        "start to first answer, large store beside none",
        "ms",
        Goal::RatioAtMost(1.2),
        effort,
        || first_answer(starts, || Server::backend(&[]), "/health/ready"),
        || first_answer(starts, || Server::backend_in(folder.path(), &[]), "/health/ready"),
    )
}

/// Task number `n`: every fourth is being worked on, some words are in most tasks and most in few.
fn task(n: usize) -> Value {
    const PRIORITIES: [&str; 4] = ["low", "normal", "normal", "high"];
    let words = |from: u64, count: u64| {
        (0..count).map(|at| word(spread(n as u64 * 64 + from + at))).collect::<Vec<_>>().join(" ")
    };
    json!({
        "title": words(0, 6),
        "description": words(6, 24),
        "status": if n.is_multiple_of(4) { "doing" } else { "todo" },
        "priority": PRIORITIES[n / 4 % 4],
        "tags": [word(spread(n as u64) % 50)],
    })
}

/// A number that looks like chance, and is the same each time.
fn spread(n: u64) -> u64 {
    let mut value = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value ^ (value >> 31)
}

/// One of 4 096 words; the lower its number, the more often it comes, as in any language.
fn word(chance: u64) -> String {
    const SYLLABLES: [&str; 16] = [
        "ka", "lo", "mi", "ten", "sur", "vi", "dra", "pel", "no", "qua", "rim", "sto", "ge", "fla", "bu",
        "zor",
    ];
    let part = (chance % 65_536) as f64 / 65_536.0;
    let number = (4096f64.powf(part) - 1.0) as usize;
    [number / 256, number / 16, number].map(|at| SYLLABLES[at % 16]).concat()
}
