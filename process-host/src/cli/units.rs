//! Amounts as people read them: short, and with no more digits than mean something.

use std::time::Duration;

/// A length of time that goes on: `8s`, `3m 12s`, `2h 5m`, `4d 1h`.
pub(super) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A length of time that was measured: `85 µs`, `1.2 ms`, `340 ms`, `2.5 s`.
pub(super) fn took(took: Duration) -> String {
    let micros = took.as_secs_f64() * 1e6;
    match micros {
        ..1000.0 => format!("{micros:.0} µs"),
        ..10_000.0 => format!("{:.1} ms", micros / 1e3),
        ..1e6 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}

/// An amount of memory: `512K`, `12.3M`, `1.5G`.
pub(super) fn bytes(bytes: u64) -> String {
    let kib = bytes as f64 / 1024.0;
    match kib {
        ..1024.0 => format!("{kib:.0}K"),
        ..1_048_576.0 => format!("{:.1}M", kib / 1024.0),
        _ => format!("{:.1}G", kib / 1_048_576.0),
    }
}

/// How often in a second: `9.5/s`, `1240/s`, `85k/s`.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        ..100.0 => format!("{per_second:.1}/s"),
        ..10_000.0 => format!("{per_second:.0}/s"),
        _ => format!("{:.0}k/s", per_second / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        let seconds = |seconds| age(Duration::from_secs(seconds));
        assert_eq!([8, 192, 7505, 349_200].map(seconds), ["8s", "3m 12s", "2h 5m", "4d 1h"]);
        let micros = |micros| took(Duration::from_micros(micros));
        assert_eq!([85, 1240, 340_200, 2_510_000].map(micros), ["85 µs", "1.2 ms", "340 ms", "2.5 s"]);
        assert_eq!([1 << 19, 12_900_000, 3 << 29].map(bytes), ["512K", "12.3M", "1.5G"]);
        assert_eq!([9.5, 1240.0, 85_000.0].map(rate), ["9.5/s", "1240/s", "85k/s"]);
    }
}
