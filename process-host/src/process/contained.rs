//! Children below the reaper, in control groups where those can be had.

mod control_group;
mod image;
mod landlock;
mod reaper;

use std::sync::{Arc, Weak};

use rustix::process::Signal;

pub use reaper::Reaper;

use super::{SpawnError, Streams};
use crate::{Exit, spec::ChildSpec};
use control_group::ControlGroup;
use image::Image;
use reaper::{Gifts, Name};

/// A child. Dropping it kills its process group, and what left it for as long as it is in the
/// control group.
#[derive(Debug)]
pub(super) struct Ward {
    pid: u32,
    child: reaper::Ward,
    control_group: Option<Arc<ControlGroup>>,
}

/// What remains of a child for those who signal it.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    name: Name,
    control_group: Option<Weak<ControlGroup>>,
}

impl Ward {
    pub(super) async fn start(spec: &ChildSpec, streams: Streams) -> Result<Self, SpawnError> {
        let image = Image::of(spec)?.into_memory()?;
        let ruleset = spec.sandbox.as_ref().map(landlock::ruleset).transpose()?;
        let control_group = ControlGroup::create(&spec.limits).map(Arc::new);
        let members = control_group.as_ref().map(|group| group.members());
        let mut child = Reaper::shared()?.ask(Gifts { image, streams, ruleset, members })?;
        let pid = child.started().await?;
        Ok(Self { pid, child, control_group })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn handle(&self) -> Handle {
        let control_group = self.control_group.as_ref().map(Arc::downgrade);
        Handle { name: self.child.name().clone(), control_group }
    }

    pub(super) async fn ended(&mut self) -> Exit {
        let exit = self.child.ended().await;
        self.control_group = None;
        exit
    }
}

impl Handle {
    pub(super) fn signal(&self, signal: Signal) {
        self.name.signal(signal);
        if signal == Signal::KILL
            && let Some(control_group) = self.control_group.as_ref().and_then(Weak::upgrade)
        {
            control_group.kill();
        }
    }
}
