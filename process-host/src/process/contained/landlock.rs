//! Confines a child to files that were named, by Landlock.

use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr,
};

use crate::process::SpawnError;
use crate::spec::Sandbox;

/// What is handled: everything that this version knows. A system that knows less confines as far as
/// it can, but one that knows nothing refuses.
const KNOWN: ABI = ABI::V5;

/// The rule set for `sandbox`, to be entered by the child.
pub(super) fn ruleset(sandbox: &Sandbox) -> Result<OwnedFd, SpawnError> {
    let build = || -> Result<Option<OwnedFd>, Box<dyn std::error::Error>> {
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(KNOWN))?
            .create()?;
        let groups = [
            (&sandbox.readonly, AccessFs::from_read(KNOWN)),
            (&sandbox.readwrite, AccessFs::from_all(KNOWN)),
        ];
        for (paths, access) in groups {
            for path in paths {
                let place = PathFd::new(path).map_err(|error| format!("{}: {error}", path.display()))?;
                let access = if path.is_dir() { access } else { access & AccessFs::from_file(KNOWN) };
                ruleset = ruleset.add_rule(PathBeneath::new(place, access))?;
            }
        }
        Ok(ruleset.into())
    };
    match build() {
        Ok(Some(ruleset)) => Ok(ruleset),
        Ok(None) => Err(SpawnError::Sandbox("this system has no Landlock (Linux 5.13 or newer has)".into())),
        Err(error) => Err(SpawnError::Sandbox(error.to_string())),
    }
}
