//! What a child costs its host while it does nothing.

use process_host::{
    Supervisor,
    spec::{ChildSpec, Command, Stdio, SupervisorSpec},
};

/// Kilobytes of the host's resident memory for each of `count` supervised, connected, idle children.
pub(super) async fn memory(count: usize) -> anyhow::Result<f64> {
    raise_open_files();
    // The first ones pay for what all share.
    let few = supervise(50).await?;
    let before = resident()?;
    let many = supervise(count).await?;
    let after = resident()?;
    many.stop().await;
    few.stop().await;
    Ok((after - before) / count as f64)
}

async fn supervise(count: usize) -> anyhow::Result<Supervisor> {
    let child = |number: usize| ChildSpec {
        stdio: Stdio::JsonRpc,
        ..ChildSpec::new(number.to_string(), Command::new("/bin/cat"))
    };
    let children = (0..count).map(child).map(Into::into).collect();
    let supervisor = Supervisor::start(SupervisorSpec { children, ..SupervisorSpec::default() })?;
    for number in 0..count {
        let child = super::pipe(supervisor.child(&number.to_string()))?;
        super::pipe(child.connection().await)?;
    }
    Ok(supervisor)
}

/// Kilobytes of private memory, as `/proc` has it.
fn resident() -> anyhow::Result<f64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let kilobytes = |name: &str| {
        let line = rollup.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse::<f64>().ok())
    };
    let (clean, dirty) = (kilobytes("Private_Clean:"), kilobytes("Private_Dirty:"));
    super::pipe(clean.zip(dirty).map(|(clean, dirty)| clean + dirty))
}

fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
