//! Rounds, and what is told of them.

use std::time::Duration;

use serde::Serialize;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Rounds of each, floor and ours in turn.
    pub(crate) rounds: usize,
    /// The work of a round, as a part of the full one.
    pub(crate) share: f64,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: 7, share: 1.0 };
    pub(crate) const QUICK: Self = Self { rounds: 2, share: 0.02 };

    /// The same in a single round.
    pub(crate) fn once(self) -> Self {
        Self { rounds: 1, ..self }
    }

    /// So long a round, of a full one.
    pub(crate) fn time(self, full: Duration) -> Duration {
        full.mul_f64(self.share).max(Duration::from_millis(100))
    }

    /// So much of `full` repetitions.
    pub(crate) fn of(self, full: usize) -> usize {
        ((full as f64 * self.share) as usize).max(1)
    }
}

/// What a round came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// In the unit of its row.
    pub(crate) value: f64,
    /// Microseconds of processor time that the server took for each request.
    pub(crate) cpu_us: Option<f64>,
}

impl From<f64> for Sample {
    fn from(value: f64) -> Self {
        Self { value, cpu_us: None }
    }
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    /// The median of what the bare way reaches; absent where there is none to compare with.
    pub(crate) floor: Option<f64>,
    /// The median of what we reach.
    pub(crate) ours: f64,
    /// The median of the ratios of the rounds: ours to floor.
    pub(crate) ratio: Option<f64>,
    pub(crate) goal: Goal,
    /// Microseconds of processor time for each request, of the floor and of ours, where a server of its
    /// own was measured: the steadiest figure.
    pub(crate) cpu_us: Option<(f64, f64)>,
}

/// What a row should reach.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// At least this part of the floor.
    RatioAtLeast(f64),
    /// At most this many times the floor.
    RatioAtMost(f64),
    /// At least this, in the row's unit.
    AtLeast(f64),
    /// At most this, in the row's unit.
    AtMost(f64),
    /// Nothing: it is only told.
    Told,
}

impl Row {
    /// Whether it reaches its goal; `None` when it has none.
    pub(crate) fn is_met(&self) -> Option<bool> {
        match self.goal {
            Goal::RatioAtLeast(goal) => Some(self.ratio.is_some_and(|ratio| ratio >= goal)),
            Goal::RatioAtMost(goal) => Some(self.ratio.is_some_and(|ratio| ratio <= goal)),
            Goal::AtLeast(goal) => Some(self.ours >= goal),
            Goal::AtMost(goal) => Some(self.ours <= goal),
            Goal::Told => None,
        }
    }
}

/// The middle of `values`, the mean of the two middle ones of an even number; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => 0.0,
        0 => f64::midpoint(values[half - 1], values[half]),
        _ => values[half],
    }
}

/// Measures floor and ours in turn, and pairs the rounds.
pub(crate) fn compare<F: Into<Sample>, O: Into<Sample>>(
    what: &'static str,
    unit: &'static str,
    goal: Goal,
    effort: Effort,
    mut floor: impl FnMut() -> anyhow::Result<F>,
    mut ours: impl FnMut() -> anyhow::Result<O>,
) -> anyhow::Result<Row> {
    let (mut floors, mut all_ours): (Vec<Sample>, Vec<Sample>) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        floors.push(floor()?.into());
        all_ours.push(ours()?.into());
    }
    let ratios = floors.iter().zip(&all_ours).map(|(floor, ours)| ours.value / floor.value).collect();
    Ok(Row {
        what,
        unit,
        floor: Some(median(values(&floors))),
        ours: median(values(&all_ours)),
        ratio: Some(median(ratios)),
        goal,
        cpu_us: cpu(&floors).zip(cpu(&all_ours)),
    })
}

/// Measures ours alone.
pub(crate) fn alone(
    what: &'static str,
    unit: &'static str,
    goal: Goal,
    effort: Effort,
    mut ours: impl FnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<Row> {
    let rounds = (0..effort.rounds).map(|_| ours()).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Row { what, unit, floor: None, ours: median(rounds), ratio: None, goal, cpu_us: None })
}

fn values(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(|sample| sample.value).collect()
}

fn cpu(samples: &[Sample]) -> Option<f64> {
    samples.iter().map(|sample| sample.cpu_us).collect::<Option<_>>().map(median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_paired_and_their_middle_is_told() {
        let (mut floors, mut ours) = ([10.0, 20.0, 40.0].into_iter(), [5.0, 12.0, 16.0].into_iter());
        let effort = Effort { rounds: 3, share: 1.0 };
        let goal = Goal::RatioAtLeast(0.5);
        let row =
            compare("x", "1/s", goal, effort, || Ok(floors.next().unwrap()), || Ok(ours.next().unwrap()));
        let row = row.unwrap();
        assert_eq!((row.floor, row.ours, row.ratio), (Some(20.0), 12.0, Some(0.5)));
        assert_eq!(row.is_met(), Some(true));
        assert_eq!(median(vec![3.0, 1.0, 2.0, 4.0]), 2.5);
    }
}
