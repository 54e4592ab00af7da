//! The pool, with members whose life the tests decide.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use process_host::pool::{CheckoutError, Guard, Manage, Pool, PoolConfig, Sessions};
use tokio::{sync::Semaphore, task::yield_now, time::timeout};

/// A member: its number, and whether it lives and answers.
#[derive(Debug, Clone)]
struct Member {
    number: usize,
    lives: Arc<AtomicBool>,
    answers: Arc<AtomicBool>,
}

/// Opens members as far as it has permits, and says which it closed.
#[derive(Debug, Clone)]
struct Workshop {
    permits: Arc<Semaphore>,
    failing: Arc<AtomicBool>,
    opened: Arc<AtomicUsize>,
    closed: Arc<Mutex<Vec<usize>>>,
}

impl Workshop {
    fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            failing: Arc::default(),
            opened: Arc::default(),
            closed: Arc::default(),
        }
    }

    fn closed(&self) -> Vec<usize> {
        self.closed.lock().unwrap().clone()
    }
}

impl Manage for Workshop {
    type Member = Member;
    type Error = &'static str;

    async fn open(&self) -> Result<Member, &'static str> {
        self.permits.acquire().await.unwrap().forget();
        if self.failing.load(Ordering::SeqCst) {
            return Err("no material");
        }
        let yes = || Arc::new(AtomicBool::new(true));
        Ok(Member { number: self.opened.fetch_add(1, Ordering::SeqCst), lives: yes(), answers: yes() })
    }

    fn is_usable(&self, member: &Member) -> bool {
        member.lives.load(Ordering::SeqCst)
    }

    async fn answers(&self, member: &Member) -> bool {
        member.answers.load(Ordering::SeqCst)
    }

    async fn close(&self, member: Member) {
        self.closed.lock().unwrap().push(member.number);
    }
}

fn small() -> PoolConfig {
    PoolConfig { min: 0, max: 2, max_overflow: 1, max_waiting: 3, ..PoolConfig::default() }
}

async fn take(pool: &Pool<Workshop>, count: usize) -> Vec<Guard<Workshop>> {
    let mut guards = Vec::new();
    for _ in 0..count {
        guards.push(pool.checkout().await.unwrap());
    }
    guards
}

/// A caller that waits in line. Returns once it does.
async fn in_line(
    pool: &Pool<Workshop>,
) -> tokio::task::JoinHandle<Result<Guard<Workshop>, CheckoutError<&'static str>>> {
    let before = pool.status().waiting;
    let caller = tokio::spawn({
        let pool = pool.clone();
        async move { pool.checkout().await }
    });
    until(|| pool.status().waiting > before).await;
    caller
}

async fn until(condition: impl Fn() -> bool) {
    timeout(Duration::from_secs(3600), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .expect("it should have happened by now");
}

#[tokio::test(start_paused = true)]
async fn the_member_used_last_is_given_first_and_overflow_is_closed() {
    let workshop = Workshop::new();
    let pool = Pool::start(workshop.clone(), small());
    let mut guards = take(&pool, 3).await;
    assert_eq!(guards.iter().map(|guard| guard.number).collect::<Vec<_>>(), [0, 1, 2]);
    // One too many: whichever comes back first is not kept.
    drop(guards.remove(1));
    until(|| workshop.closed() == [1]).await;
    drop(guards.remove(0));
    drop(guards.remove(0));
    assert_eq!(pool.checkout().await.unwrap().number, 2);
    assert_eq!((pool.status().idle, pool.status().busy), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_served_in_order() {
    let pool = Pool::start(Workshop::new(), small());
    let mut guards = take(&pool, 3).await;
    let first = in_line(&pool).await;
    let second = in_line(&pool).await;
    drop(guards.pop());
    assert_eq!(first.await.unwrap().unwrap().number, 2);
    // `first` was dropped with its result, and what it held went on.
    assert_eq!(second.await.unwrap().unwrap().number, 2);
    assert_eq!(pool.status().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn the_line_has_an_end_and_so_has_patience() {
    let pool = Pool::start(Workshop::new(), small());
    let guards = take(&pool, 3).await;
    let waiting = [in_line(&pool).await, in_line(&pool).await, in_line(&pool).await];
    assert_eq!(pool.checkout().await.unwrap_err(), CheckoutError::Full { waiting: 3 });
    for caller in waiting {
        let CheckoutError::Timeout { waited } = caller.await.unwrap().unwrap_err() else {
            panic!("not a timeout")
        };
        assert!(waited >= Duration::from_secs(5));
    }
    let status = pool.status();
    assert_eq!((status.timeouts_total, status.refused_total, status.busy), (3, 1, 3));
    drop(guards);
    assert_eq!(pool.status().idle, 2);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_died_in_use_is_replaced_for_whoever_waits() {
    let workshop = Workshop::new();
    let pool = Pool::start(workshop.clone(), small());
    let mut guards = take(&pool, 3).await;
    let waiting = in_line(&pool).await;
    let dead = guards.remove(1);
    dead.lives.store(false, Ordering::SeqCst);
    drop(dead);
    assert_eq!(waiting.await.unwrap().unwrap().number, 3);
    until(|| workshop.closed().contains(&1)).await;
    assert_eq!(pool.status().broken_total, 1);
}

#[tokio::test(start_paused = true)]
async fn a_member_is_checked_before_it_is_given_out() {
    let pool = Pool::start(Workshop::new(), small());
    let (dead, silent) = {
        let guards = take(&pool, 2).await;
        (guards[0].lives.clone(), guards[1].answers.clone())
    };
    dead.store(false, Ordering::SeqCst);
    silent.store(false, Ordering::SeqCst);
    // One that was just used need not answer; one idle for 5 s must.
    assert_eq!(pool.checkout().await.unwrap().number, 1);
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(pool.checkout().await.unwrap().number, 2);
    assert_eq!(pool.status().broken_total, 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_opening_is_told_and_loses_no_place() {
    let workshop = Workshop::new();
    let pool = Pool::start(workshop.clone(), small());
    workshop.failing.store(true, Ordering::SeqCst);
    assert_eq!(pool.checkout().await.unwrap_err(), CheckoutError::Open("no material"));
    workshop.failing.store(false, Ordering::SeqCst);
    assert_eq!(take(&pool, 3).await.len(), 3);
    assert_eq!(pool.status().failed_total, 1);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_opening_goes_to_the_next_in_line() {
    let workshop = Workshop { permits: Arc::new(Semaphore::new(0)), ..Workshop::new() };
    let config = PoolConfig { max: 1, max_overflow: 0, ..small() };
    let pool = Pool::start(workshop.clone(), config);
    let mut abandoned = Box::pin(pool.checkout());
    assert!(futures::poll!(&mut abandoned).is_pending());
    let waiting = in_line(&pool).await;
    drop(abandoned);
    workshop.permits.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap().number, 0);
}

#[tokio::test(start_paused = true)]
async fn members_are_kept_ready_and_idle_ones_closed() {
    let workshop = Workshop::new();
    let pool = Pool::start(workshop.clone(), PoolConfig { min: 1, ..small() });
    until(|| pool.status().idle == 1).await;
    drop(take(&pool, 2).await);
    assert_eq!(pool.status().idle, 2);
    until(|| pool.status().idle == 1).await;
    assert_eq!(pool.status().reaped_total, 1);
    pool.checkout().await.unwrap().lives.store(false, Ordering::SeqCst);
    until(|| pool.status().idle == 1).await;
    assert_eq!((workshop.closed().len(), pool.status().opened_total), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_what_is_in_use() {
    let workshop = Workshop::new();
    let pool = Pool::start(workshop.clone(), small());
    let mut guards = take(&pool, 3).await;
    drop(guards.pop());
    assert!(!pool.close(Duration::from_secs(1)).await);
    assert_eq!(pool.checkout().await.unwrap_err(), CheckoutError::Closed);
    drop(guards);
    assert!(pool.close(Duration::from_secs(1)).await);
    let mut closed = workshop.closed();
    closed.sort_unstable();
    assert_eq!(closed, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_closes_the_pool() {
    let workshop = Workshop::new();
    let pool = Pool::start(workshop.clone(), PoolConfig { min: 2, ..small() });
    until(|| pool.status().idle == 2).await;
    drop(pool);
    until(|| workshop.closed().len() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_keeps_its_member_until_it_ends() {
    let pool = Pool::start(Workshop::new(), small());
    let sessions = Sessions::new(pool.clone(), Duration::from_secs(60));
    let anna = sessions.checkout("anna").await.unwrap().number;
    let bert = sessions.checkout("bert").await.unwrap().number;
    assert_ne!(anna, bert);
    let held = sessions.checkout("anna").await.unwrap();
    assert_eq!(held.number, anna);
    let mut second = Box::pin(sessions.checkout("anna"));
    assert!(futures::poll!(&mut second).is_pending());
    held.lives.store(false, Ordering::SeqCst);
    drop(held);
    let replaced = second.await.unwrap();
    assert_ne!(replaced.number, anna);
    drop(replaced);
    sessions.end("bert");
    assert_eq!(pool.status().idle, 1);
    tokio::time::advance(Duration::from_secs(61)).await;
    sessions.expire();
    assert_eq!((sessions.count(), pool.status().busy, pool.status().idle), (0, 0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_callers_do_no_place_is_lost_and_none_is_given_twice() {
    let workshop = Workshop::new();
    let config = PoolConfig { max: 3, max_overflow: 2, max_waiting: 1000, ..PoolConfig::default() };
    let pool = Pool::start(workshop.clone(), config);
    let in_use: Arc<Mutex<Vec<usize>>> = Arc::default();
    let callers: Vec<_> = (0..40_u64)
        .map(|seed| {
            let (pool, in_use, mut chance) =
                (pool.clone(), Arc::clone(&in_use), fastrand::Rng::with_seed(seed));
            tokio::spawn(async move {
                for _ in 0..200 {
                    let patience = Duration::from_micros(chance.u64(0..500));
                    let Ok(Ok(guard)) = timeout(patience, pool.checkout()).await else { continue };
                    {
                        let mut in_use = in_use.lock().unwrap();
                        assert!(!in_use.contains(&guard.number), "{} is used twice", guard.number);
                        in_use.push(guard.number);
                        assert!(in_use.len() <= 5);
                    }
                    yield_now().await;
                    if chance.u8(..) < 20 {
                        guard.lives.store(false, Ordering::SeqCst);
                    }
                    in_use.lock().unwrap().retain(|number| *number != guard.number);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let status = pool.status();
    assert_eq!((status.busy, status.waiting), (0, 0), "{status:?}");
    assert!(pool.close(Duration::from_secs(10)).await);
    assert_eq!(workshop.closed().len(), workshop.opened.load(Ordering::SeqCst));
}
