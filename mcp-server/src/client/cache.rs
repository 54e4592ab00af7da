//! Answers that were read before and have not changed since.
//!
//! Two rules carry the law. One number, the generation, grows with every change, our own or one
//! that the feed tells; an answer is stored under the generation read before its request was sent,
//! and is served only while that generation lasts. And it is served only under a proof that every
//! change up to a moment ago was heard; see [`currency`].

mod counts;
mod currency;
mod flights;
mod key;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use shared_types::{Error, health::ClientFigures};
use tokio::{sync::Mutex, time::timeout};

use self::{
    counts::Counts,
    currency::{CURRENT_FOR, Currency},
    flights::Flights,
};
pub(super) use self::{counts::Miss, flights::Flight, key::key};
use super::Answer;
use crate::lifecycle::Endpoint;

/// The most bytes of JSON text that the stored answers may have together.
const CAPACITY: u64 = 16 * 1024 * 1024;

#[derive(Debug, Clone)]
struct Kept {
    generation: u64,
    answer: Arc<Answer>,
}

/// The stored answers of one client.
#[derive(Debug)]
pub(super) struct Cache {
    answers: Option<moka::future::Cache<String, Kept>>,
    currency: Currency,
    flights: Flights,
    counts: Counts,
    /// Held while the backend is asked for a proof: one answer serves all who wait for it.
    proving: Mutex<()>,
}

impl Cache {
    /// A cache that keeps an answer at most `ttl`; with zero it keeps none.
    pub(super) fn new(ttl: Duration) -> Self {
        let answers = (!ttl.is_zero()).then(|| {
            moka::future::Cache::builder()
                .max_capacity(CAPACITY)
                .weigher(|key: &String, kept: &Kept| {
                    u32::try_from(key.len() + kept.answer.json().len()).unwrap_or(u32::MAX)
                })
                .time_to_live(ttl)
                .build()
        });
        Self {
            answers,
            currency: Currency::default(),
            flights: Flights::default(),
            counts: Counts::default(),
            proving: Mutex::default(),
        }
    }

    /// The answer under `key`, if nothing changed since it was asked for; else why not.
    pub(super) async fn get(&self, key: &str) -> Result<Arc<Answer>, Miss> {
        let found = self.find(key).await;
        if found.is_ok() {
            self.counts.hit();
        }
        found
    }

    async fn find(&self, key: &str) -> Result<Arc<Answer>, Miss> {
        let answers = self.answers.as_ref().ok_or(Miss::NotCacheable)?;
        let generation = self.currency.generation().ok_or(Miss::FeedDown)?;
        let found = answers.get(key).await.ok_or(Miss::Absent)?;
        if found.generation != generation {
            return Err(Miss::Changed);
        }
        if !self.is_proven_current().await {
            return Err(Miss::Unproven);
        }
        // Looked at after the proof: a change may have been heard meanwhile.
        match self.currency.generation() == Some(generation) {
            true => Ok(found.answer),
            false => Err(Miss::Changed),
        }
    }

    /// Whether every change up to a moment ago was heard; asks the backend if need be. A backend
    /// that takes longer than the proof would last is not waited for.
    async fn is_proven_current(&self) -> bool {
        if !self.currency.is_proven(Instant::now()) {
            // What it comes to is looked up below.
            let _ = timeout(CURRENT_FOR, self.prove()).await;
        }
        self.currency.is_proven(Instant::now())
    }

    async fn prove(&self) {
        let _turn = self.proving.lock().await;
        let asked = Instant::now();
        if self.currency.is_proven(asked) {
            return;
        }
        if let Some(source) = self.currency.source()
            && let Some(position) = source.position().await
        {
            self.currency.prove(&source, &position, asked);
        }
    }

    /// The generation under which an answer asked for now may be stored; `None` when it may not.
    pub(super) fn generation(&self) -> Option<u64> {
        self.currency.generation().filter(|_| self.answers.is_some())
    }

    /// Stores an answer that was asked for in `generation`.
    pub(super) async fn put(&self, key: String, generation: u64, answer: &Arc<Answer>) {
        if let Some(answers) = &self.answers
            && self.generation() == Some(generation)
        {
            answers.insert(key, Kept { generation, answer: Arc::clone(answer) }).await;
        }
    }

    /// The read underway under `key` that a read in `generation` may share, or else `work` as one.
    pub(super) fn board(
        &self,
        key: &str,
        generation: u64,
        why: Miss,
        work: impl Future<Output = Result<Arc<Answer>, Error>> + Send + 'static,
    ) -> Flight {
        let (flight, joined) = self.flights.board(key, generation, work);
        match joined {
            true => self.counts.joined(),
            false => self.counts.miss(why),
        }
        flight
    }

    /// Counts an answer that is asked for and will not be stored.
    pub(super) fn miss(&self, why: Miss) {
        self.counts.miss(why);
    }

    /// A feed of `source`, asked for at `asked`, has told everything up to `seq`.
    pub(super) fn feed_opened(&self, source: Arc<Endpoint>, seq: i64, asked: Instant) {
        self.currency.opened(source, seq, asked);
    }

    /// The feed told of the change `seq`.
    pub(super) fn feed_told(&self, seq: i64) {
        self.currency.heard(seq);
    }

    /// The feed ended; says whether it was open.
    pub(super) fn feed_closed(&self) -> bool {
        let was_open = self.is_told_of_changes();
        self.currency.closed();
        was_open
    }

    /// Whether the feed is open.
    pub(super) fn is_told_of_changes(&self) -> bool {
        self.currency.generation().is_some()
    }

    /// Answers served from here, of all that could have been, of 1.
    pub(super) fn hit_rate(&self) -> f64 {
        let misses = self.counts.misses();
        let asked = misses.absent + misses.changed + misses.unproven + misses.feed_down;
        let spared = self.counts.hits() + self.counts.shared();
        match spared + asked {
            0 => 0.0,
            all => spared as f64 / all as f64,
        }
    }

    /// Adds the cache's figures to `figures`. Old answers count until they are dropped.
    pub(super) fn fill(&self, figures: &mut ClientFigures) {
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        if let Some(answers) = &self.answers {
            figures.cached_answers = count(answers.entry_count());
            figures.cached_bytes = count(answers.weighted_size());
        }
        figures.hits = self.counts.hits();
        figures.shared = self.counts.shared();
        figures.misses = self.counts.misses();
    }

    /// Invalidates when it is dropped: however a write ends, even when its caller gives up, it may
    /// have been carried out.
    pub(super) fn invalidate_at_end(&self) -> impl Drop + '_ {
        struct AtEnd<'a>(&'a Currency);
        impl Drop for AtEnd<'_> {
            fn drop(&mut self) {
                self.0.changed();
            }
        }
        AtEnd(&self.currency)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn stored(cache: &Cache, generation: u64) -> Result<Arc<Answer>, Miss> {
        cache.put("key".to_owned(), generation, &Arc::new(Answer::from(json!(1)))).await;
        cache.get("key").await
    }

    fn following(ttl: Duration) -> (Cache, Arc<Endpoint>) {
        let cache = Cache::new(ttl);
        let source = Arc::new(Endpoint::silent());
        // A proof that outlasts the test, however slow it is.
        cache.feed_opened(Arc::clone(&source), 1, Instant::now() + LONG);
        (cache, source)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn an_answer_lasts_until_something_changes() {
        let (cache, _) = following(LONG);
        assert!(stored(&cache, cache.generation().unwrap()).await.is_ok());
        drop(cache.invalidate_at_end());
        assert_eq!(cache.get("key").await, Err(Miss::Changed));
        assert!(stored(&cache, cache.generation().unwrap()).await.is_ok());
        cache.feed_told(2);
        assert_eq!(cache.get("key").await, Err(Miss::Changed));
    }

    #[tokio::test]
    async fn an_answer_asked_for_before_a_change_is_not_stored_after_it() {
        let (cache, _) = following(LONG);
        let asked_in = cache.generation().unwrap();
        cache.feed_told(2);
        assert_eq!(stored(&cache, asked_in).await, Err(Miss::Absent));
    }

    #[tokio::test]
    async fn nothing_is_served_while_changes_would_go_unnoticed() {
        let (cache, source) = following(LONG);
        assert!(stored(&cache, cache.generation().unwrap()).await.is_ok());
        cache.feed_closed();
        assert_eq!((cache.get("key").await, cache.generation()), (Err(Miss::FeedDown), None));
        cache.feed_opened(source, 1, Instant::now());
        assert_eq!(cache.get("key").await, Err(Miss::Changed), "it may have changed in between");
    }

    #[tokio::test]
    async fn nothing_is_served_on_an_old_proof() {
        let (cache, source) = following(LONG);
        cache.feed_opened(source, 1, Instant::now() - CURRENT_FOR);
        assert_eq!(stored(&cache, cache.generation().unwrap()).await, Err(Miss::Unproven));
    }

    #[tokio::test]
    async fn without_a_lifetime_nothing_is_stored() {
        let (cache, _) = following(Duration::ZERO);
        assert_eq!((stored(&cache, 1).await, cache.generation()), (Err(Miss::NotCacheable), None));
    }
}
