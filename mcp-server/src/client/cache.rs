//! Answers that were read before and have not changed since.
//!
//! One number, the generation, carries the whole law: any change, our own or one the feed reports,
//! makes it larger; an answer is stored under the generation read before its request was sent, and
//! is served only while that generation lasts. While the feed is not connected nobody would tell
//! us of a change, so nothing is stored or served.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use shared_types::Spec;

/// The most bytes of JSON text that the stored answers may have together.
const CAPACITY: u64 = 16 * 1024 * 1024;

/// Reads whose answers change without a change to the store: states of the process, the operator's
/// roles file, and counts that depend on the time of day.
const NEVER_STORED: [&str; 5] =
    ["health_check", "get_pool_metrics", "get_pool_health", "list_roles", "get_dashboard_stats"];

#[derive(Debug, Clone)]
struct Answer {
    generation: u64,
    value: Arc<Value>,
    bytes: usize,
}

/// The stored answers of one client.
#[derive(Debug)]
pub(super) struct Cache {
    answers: Option<moka::future::Cache<String, Answer>>,
    generation: AtomicU64,
    is_told_of_changes: AtomicBool,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Cache {
    /// A cache that keeps an answer at most `ttl`; with zero it keeps none.
    pub(super) fn new(ttl: Duration) -> Self {
        let answers = (!ttl.is_zero()).then(|| {
            moka::future::Cache::builder()
                .max_capacity(CAPACITY)
                .weigher(|key: &String, answer: &Answer| {
                    u32::try_from(key.len() + answer.bytes).unwrap_or(u32::MAX)
                })
                .time_to_live(ttl)
                .build()
        });
        Self {
            answers,
            generation: AtomicU64::new(0),
            is_told_of_changes: AtomicBool::new(false),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The answer under `key`, if nothing changed since it was asked for.
    pub(super) async fn get(&self, key: &str) -> Option<Arc<Value>> {
        let generation = self.generation()?;
        let found = match &self.answers {
            Some(answers) => answers.get(key).await.filter(|answer| answer.generation == generation),
            None => return None,
        };
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found.map(|answer| answer.value)
    }

    /// The generation under which an answer asked for now may be stored; `None` while we would not
    /// be told of changes.
    pub(super) fn generation(&self) -> Option<u64> {
        let generation = self.generation.load(Ordering::SeqCst);
        self.is_told_of_changes.load(Ordering::SeqCst).then_some(generation)
    }

    /// Stores an answer that was asked for in `generation`.
    pub(super) async fn put(&self, key: String, generation: u64, value: &Arc<Value>, bytes: usize) {
        if let Some(answers) = &self.answers
            && self.generation() == Some(generation)
        {
            answers.insert(key, Answer { generation, value: Arc::clone(value), bytes }).await;
        }
    }

    /// Something changed: whatever was read before is old.
    pub(super) fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Says whether the feed is connected. What happened while it was not is unknown, so whatever
    /// was read before is old.
    pub(super) fn set_told_of_changes(&self, told: bool) {
        self.invalidate();
        self.is_told_of_changes.store(told, Ordering::SeqCst);
    }

    /// Whether the feed is connected.
    pub(super) fn is_told_of_changes(&self) -> bool {
        self.is_told_of_changes.load(Ordering::SeqCst)
    }

    /// Answers served from here, of all that were looked for, of 1.
    pub(super) fn hit_rate(&self) -> f64 {
        let hits = self.hits.load(Ordering::Relaxed) as f64;
        let all = hits + self.misses.load(Ordering::Relaxed) as f64;
        if all == 0.0 { 0.0 } else { hits / all }
    }

    /// How many answers are stored, old ones included until they are dropped.
    pub(super) fn len(&self) -> u64 {
        self.answers.as_ref().map_or(0, moka::future::Cache::entry_count)
    }

    /// Invalidates when it is dropped: however a write ends, even when its caller gives up, it may
    /// have been carried out.
    pub(super) fn invalidate_at_end(&self) -> impl Drop + '_ {
        struct AtEnd<'a>(&'a Cache);
        impl Drop for AtEnd<'_> {
            fn drop(&mut self) {
                self.0.invalidate();
            }
        }
        AtEnd(self)
    }
}

/// The key of an answer: the operation and its input in one canonical form. `None` when the answer
/// must not be stored.
pub(super) fn key(spec: &Spec, input: &Value) -> Option<String> {
    let depends_on_the_clock = || ["ready", "overdue"].iter().any(|field| is_set(&input[field]));
    if !spec.is_read() || NEVER_STORED.contains(&spec.name) || depends_on_the_clock() {
        return None;
    }
    Some(format!("{} {}", spec.name, canonical(input)))
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// The value with the keys of every object in order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            members.into_iter().map(|(name, value)| (name.clone(), canonical(value))).collect()
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_types::operation::find;

    use super::*;

    async fn stored(cache: &Cache, generation: u64) -> bool {
        cache.put("key".to_owned(), generation, &Arc::new(json!(1)), 1).await;
        cache.get("key").await.is_some()
    }

    #[tokio::test]
    async fn an_answer_lasts_until_something_changes() {
        let cache = Cache::new(Duration::from_secs(60));
        cache.set_told_of_changes(true);
        assert!(stored(&cache, cache.generation().unwrap()).await);
        cache.invalidate();
        assert!(cache.get("key").await.is_none());
    }

    #[tokio::test]
    async fn an_answer_asked_for_before_a_change_is_not_stored_after_it() {
        let cache = Cache::new(Duration::from_secs(60));
        cache.set_told_of_changes(true);
        let asked_in = cache.generation().unwrap();
        cache.invalidate();
        assert!(!stored(&cache, asked_in).await);
    }

    #[tokio::test]
    async fn nothing_is_served_while_changes_would_go_unnoticed() {
        let cache = Cache::new(Duration::from_secs(60));
        assert_eq!(cache.generation(), None);
        cache.set_told_of_changes(true);
        assert!(stored(&cache, cache.generation().unwrap()).await);
        cache.set_told_of_changes(false);
        assert!(cache.get("key").await.is_none());
        cache.set_told_of_changes(true);
        assert!(cache.get("key").await.is_none(), "it may have changed in between");
    }

    #[tokio::test]
    async fn without_a_lifetime_nothing_is_stored() {
        let cache = Cache::new(Duration::ZERO);
        cache.set_told_of_changes(true);
        assert!(!stored(&cache, cache.generation().unwrap()).await);
    }

    #[test]
    fn the_order_of_fields_makes_no_difference() {
        let key = |input| key(find("list_tasks").unwrap(), &input);
        assert_eq!(
            key(json!({ "a": { "b": 1, "c": 2 }, "d": 3 })),
            key(json!({ "d": 3, "a": { "c": 2, "b": 1 } }))
        );
        assert_ne!(key(json!({ "tags": ["a", "b"] })), key(json!({ "tags": ["b", "a"] })));
    }

    #[test]
    fn what_changes_by_itself_is_not_stored() {
        let key = |name, input| key(find(name).unwrap(), &input);
        assert_eq!(key("create_task", json!({})), None);
        assert_eq!(key("health_check", json!({})), None);
        assert_eq!(key("list_tasks", json!({ "ready": true })), None);
        assert!(key("list_tasks", json!({ "ready": false })).is_some());
    }
}
