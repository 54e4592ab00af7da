//! What a Linux kernel and the user's session offer.

use std::{fs, time::Duration};

use landlock::{ABI, Access, AccessFs, CompatLevel, Compatible, LandlockStatus, Ruleset, RulesetAttr};
use process_host::spec::{ChildSpec, Command};
use rustix::process::{PidfdFlags, getpid, pidfd_open};

use super::Finding;

/// A child that only looks around takes no longer.
const PROMPT: Duration = Duration::from_secs(10);

pub(super) async fn look() -> Vec<Finding> {
    vec![control_group().await, landlock(), pidfd()]
}

/// Tried out: a child says which control group it is in.
async fn control_group() -> Finding {
    let subject = "cgroup";
    let spec = ChildSpec::new("look", Command::new("cat").arg("/proc/self/cgroup"));
    let output = process_host::output(&spec, b"", PROMPT, 64 << 10).await;
    let groups =
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let own = format!("/process-host-{}-", std::process::id());
    if groups.contains(&own) {
        return Finding::ok(subject, "each child has a control group: limits hold for all it starts");
    }
    let why = why_no_group(&groups, &fs::read_to_string("/proc/self/mounts").unwrap_or_default());
    Finding::note(subject, format!("children have no control group: {why}; limits hold for single processes"))
        .advise(
            "systemd-run --user --scope -p Delegate=yes process-host run FILE.toml\n\
         or Delegate=yes in the unit of a service; needs cgroup v2 (all of it, not \"unified\" beside v1)",
        )
}

fn why_no_group(groups: &str, mounts: &str) -> &'static str {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    let is_mounted = mounts.lines().any(|line| line.split(' ').nth(2) == Some("cgroup2"));
    match (is_mounted, own) {
        (false, _) => "cgroup v2 is not mounted",
        (true, None) => "this process is in no group of cgroup v2",
        (true, Some("")) => "this process is in the outermost group, which is the system's",
        (true, Some(_)) => "the group of this process is not delegated to its user",
    }
}

/// Asked on a thread that ends with it, since asking confines the thread.
fn landlock() -> Finding {
    let subject = "landlock";
    let ask = || {
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V1))
            .and_then(Ruleset::create)
            .and_then(|ruleset| ruleset.restrict_self());
        ruleset.map(|status| status.landlock)
    };
    let advice = "Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK, and `landlock` in lsm= of the kernel's command line";
    match std::thread::spawn(ask).join() {
        Ok(Ok(LandlockStatus::Available { effective_abi, kernel_abi })) => {
            let version = kernel_abi.unwrap_or(effective_abi as i32);
            Finding::ok(subject, format!("version {version}: `sandbox` confines children to files"))
        }
        Ok(Ok(LandlockStatus::NotEnabled)) => {
            Finding::note(subject, "not enabled: a child with `sandbox` is refused").advise(advice)
        }
        _ => Finding::note(subject, "this kernel has none: a child with `sandbox` is refused").advise(advice),
    }
}

fn pidfd() -> Finding {
    match pidfd_open(getpid(), PidfdFlags::empty()) {
        Ok(_) => Finding::ok("pidfd", "there: a process that is not a child can be waited for"),
        Err(error) => Finding::note(
            "pidfd",
            format!("not there ({error}); Linux 5.3 or newer has it, nothing here needs it"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_group_is_explained() {
        let mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
        assert_eq!(why_no_group("0::/x\n", ""), "cgroup v2 is not mounted");
        assert!(why_no_group("0::/\n", mounts).contains("outermost"));
        assert!(why_no_group("0::/user.slice/x\n", mounts).contains("not delegated"));
        assert!(why_no_group("9:cpu:/\n", mounts).contains("in no group"));
    }

    #[tokio::test]
    async fn asking_confines_nobody() {
        assert_eq!(look().await.len(), 3);
        tempfile::tempdir().unwrap();
    }
}
