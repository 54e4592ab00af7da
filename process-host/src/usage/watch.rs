//! Whether what a child uses is too much, or worth a word.

use super::Usage;
use crate::{
    events::{EventKind, Resource},
    spec::ChildSpec,
};

/// An alert is over below this part of its threshold, so that one that hovers there is told once.
const OVER: f64 = 0.9;

const MIB: f64 = (1 << 20) as f64;

/// Watches what one child uses.
#[derive(Debug)]
pub(crate) struct Watch {
    rss_limit: Option<f64>,
    thresholds: Vec<Threshold>,
}

#[derive(Debug)]
struct Threshold {
    what: Resource,
    at: f64,
    reached: bool,
}

impl Watch {
    pub(crate) fn new(spec: &ChildSpec) -> Self {
        let alerts = &spec.alerts;
        let thresholds = [
            (Resource::CpuPercent, alerts.cpu_percent),
            (Resource::RssMb, alerts.rss_mb.map(|mib| mib as f64)),
            (Resource::OpenFiles, alerts.open_files.map(|number| number as f64)),
        ];
        let thresholds = thresholds
            .into_iter()
            .filter_map(|(what, at)| Some(Threshold { what, at: at?, reached: false }))
            .collect();
        Self { rss_limit: spec.limits.rss_mb.map(|mib| mib as f64), thresholds }
    }

    /// What is to be told of this usage: alerts that begin or end, once each.
    pub(crate) fn alerts(&mut self, usage: &Usage) -> Vec<EventKind> {
        self.thresholds.iter_mut().filter_map(|threshold| threshold.look(usage)).collect()
    }

    /// That it uses more than it may, if it does.
    pub(crate) fn limit(&self, usage: &Usage) -> Option<EventKind> {
        let value = amount(Resource::RssMb, usage);
        let limit = self.rss_limit.filter(|limit| value > *limit)?;
        Some(EventKind::Limit { what: Resource::RssMb, value, limit })
    }

    /// Another process begins with no alert.
    pub(crate) fn forget(&mut self) {
        self.thresholds.iter_mut().for_each(|threshold| threshold.reached = false);
    }
}

impl Threshold {
    fn look(&mut self, usage: &Usage) -> Option<EventKind> {
        let (what, value, threshold) = (self.what, amount(self.what, usage), self.at);
        if !self.reached && value >= threshold {
            self.reached = true;
            return Some(EventKind::Alert { what, value, threshold });
        }
        if self.reached && value < threshold * OVER {
            self.reached = false;
            return Some(EventKind::AlertOver { what, value });
        }
        None
    }
}

fn amount(what: Resource, usage: &Usage) -> f64 {
    match what {
        Resource::CpuPercent => usage.cpu_percent,
        Resource::RssMb => usage.rss_bytes as f64 / MIB,
        Resource::OpenFiles => usage.open_files as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Command;

    #[test]
    fn an_alert_is_told_once_until_it_is_well_over() {
        let mut spec = ChildSpec::new("it", Command::new("it"));
        spec.alerts.open_files = Some(100);
        let mut watch = Watch::new(&spec);
        let mut told = Vec::new();
        for open_files in [99, 100, 120, 95, 101, 89, 100] {
            for alert in watch.alerts(&Usage { open_files, ..Usage::default() }) {
                told.push((open_files, matches!(alert, EventKind::Alert { .. })));
            }
        }
        assert_eq!(told, [(100, true), (89, false), (100, true)]);
    }

    #[test]
    fn more_memory_than_allowed_is_too_much() {
        let mut spec = ChildSpec::new("it", Command::new("it"));
        spec.limits.rss_mb = Some(2);
        let watch = Watch::new(&spec);
        let using = |rss_bytes| watch.limit(&Usage { rss_bytes, ..Usage::default() });
        assert_eq!(using(2 << 20), None);
        let limit = EventKind::Limit { what: Resource::RssMb, value: 3.0, limit: 2.0 };
        assert_eq!(using(3 << 20), Some(limit));
    }
}
