//! How many descriptors a host may have.

use rustix::process::{Resource, getrlimit};

use super::Finding;

/// With no more than these, what looks like enough is soon too little.
const FEW: u64 = 1024;
/// What a host needs for itself, and for each child: three pipes, and one that tells of its end.
const OWN: u64 = 24;
const EACH: u64 = 4;

pub(super) fn look() -> Finding {
    let subject = "open files";
    let limit = getrlimit(Resource::Nofile);
    match (limit.current, limit.maximum) {
        (None, _) => Finding::ok(subject, "without limit"),
        (Some(now), most) if now <= FEW => {
            let children = now.saturating_sub(OWN) / EACH;
            let most = most.map_or_else(|| "unlimited".to_owned(), |most| most.to_string());
            Finding::note(subject, format!("{now} allowed: enough for about {children} children"))
                .advise(format!("`ulimit -n {most}` before, or LimitNOFILE= in the unit"))
        }
        (Some(now), _) => {
            Finding::ok(subject, format!("{now} allowed: enough for about {} children", (now - OWN) / EACH))
        }
    }
}
