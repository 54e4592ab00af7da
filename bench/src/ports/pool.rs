//! A pool without contention.

use std::time::{Duration, Instant};

use process_host::{Pool, PoolConfig, port::Ports, spec::ChildSpec};

/// Microseconds to check a port out and return it.
pub(super) async fn checkout(spec: &ChildSpec, times: usize) -> anyhow::Result<f64> {
    let pool = Pool::start(Ports::new(spec.clone()), PoolConfig::default());
    drop(pool.checkout().await?);
    let start = Instant::now();
    for _ in 0..times {
        drop(pool.checkout().await?);
    }
    let each = start.elapsed().as_secs_f64() * 1e6 / times as f64;
    pool.close(Duration::from_secs(10)).await;
    Ok(each)
}
