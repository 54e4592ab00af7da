//! How much a reliability test does.

/// `long` when `BINDERY_LONG` is set, as for the figures in `docs/reliability.md`; else `short`.
pub fn effort(short: usize, long: usize) -> usize {
    if std::env::var_os("BINDERY_LONG").is_some() { long } else { short }
}
