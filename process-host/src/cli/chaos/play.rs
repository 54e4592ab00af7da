//! Which tree is used, and who comes to harm in it.

use std::{error::Error, time::Duration};

use process_host::spec::{
    Backoff, Check as HealthCheck, ChildSpec, Command, Member, Restart, Stdio, SupervisorSpec,
};

use super::stage::Stage;

/// Which tree is used, and who comes to harm.
#[derive(Debug)]
pub(super) struct Play {
    spec: SupervisorSpec,
    pub(super) victim: ChildSpec,
    pub(super) path: String,
    /// Whether the tree is the one of this program.
    pub(super) is_own: bool,
}

/// A child of this program.
pub(super) fn peer(name: &str, behaviour: &str, stdio: Stdio) -> Result<ChildSpec, std::io::Error> {
    let mut spec = ChildSpec::new(name, Command::new(std::env::current_exe()?).args(["peer", behaviour]));
    spec.stdio = stdio;
    spec.backoff =
        Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1), jitter: 0.0 };
    (spec.shutdown.after_stdin, spec.shutdown.after_term) =
        (Duration::from_millis(200), Duration::from_millis(500));
    Ok(spec)
}

impl Play {
    /// The tree of a file, or one of this program; and who comes to harm in it.
    ///
    /// # Errors
    /// When there is nobody who could.
    pub(super) fn new(spec: Option<SupervisorSpec>, child: Option<String>) -> Result<Self, Box<dyn Error>> {
        let is_own = spec.is_none();
        let spec = match spec {
            Some(spec) => spec,
            None => own_tree()?,
        };
        let mut children = Vec::new();
        walk("", &spec, &mut |path, child| children.push((path, child.clone())));
        let found = match &child {
            Some(wanted) => children.iter().find(|(path, _)| path == wanted),
            None => children.iter().find(|(_, child)| child.restart != Restart::Temporary),
        };
        match found {
            Some((path, victim)) => {
                Ok(Self { victim: victim.clone(), path: path.clone(), is_own, spec: spec.clone() })
            }
            None => {
                let paths: Vec<_> = children.iter().map(|(path, _)| path.as_str()).collect();
                let wanted = child.map_or_else(
                    || "there is no child that would be started again".to_owned(),
                    |child| format!("there is no child {child}"),
                );
                Err(format!("{wanted}; there are: {}", paths.join(", ")).into())
            }
        }
    }

    /// Starts the tree with these children beside, and waits until all are up.
    ///
    /// # Errors
    /// When they do not come up.
    pub(super) async fn start(
        &self,
        beside: impl IntoIterator<Item = ChildSpec>,
    ) -> Result<Stage<'_>, Box<dyn Error>> {
        let mut spec = self.spec.clone();
        spec.children.extend(beside.into_iter().map(Member::from));
        Stage::set(self, spec).await
    }

    /// Starts the tree, with `change` made to the child that comes to harm.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) async fn start_changed(
        &self,
        change: impl Fn(&mut ChildSpec),
    ) -> Result<Stage<'_>, Box<dyn Error>> {
        let mut spec = self.spec.clone();
        alter(&mut spec, &self.path, &change);
        Stage::set(self, spec).await
    }

    /// The supervisor right above the child that comes to harm, and its path.
    pub(super) fn superior(&self) -> (&SupervisorSpec, &str) {
        let (above, _) = self.path.rsplit_once('/').unwrap_or_default();
        let names = above.split('/').filter(|name| !name.is_empty());
        let superior = names.fold(&self.spec, |spec, name| {
            let below = spec.children.iter().find_map(|member| match member {
                Member::Supervisor(below) if below.name == name => Some(below),
                _ => None,
            });
            below.unwrap_or(spec)
        });
        (superior, above)
    }

    /// How long a restart may take: the longest wait before it, and then some.
    pub(super) fn patience(&self) -> Duration {
        self.victim.backoff.longest + Duration::from_secs(5)
    }
}

fn own_tree() -> Result<SupervisorSpec, std::io::Error> {
    let mut echo = peer("echo", "echo", Stdio::JsonRpc)?;
    echo.health.check = HealthCheck::Ping;
    (echo.health.interval, echo.health.timeout, echo.health.failures) =
        (Duration::from_millis(200), Duration::from_millis(500), 2);
    let mut worker = ChildSpec::new("worker", Command::new("sleep").arg("1000000"));
    worker.shutdown.after_term = Duration::from_secs(1);
    Ok(SupervisorSpec { children: vec![echo.into(), worker.into()], ..SupervisorSpec::default() })
}

fn walk(above: &str, spec: &SupervisorSpec, visit: &mut impl FnMut(String, &ChildSpec)) {
    for member in &spec.children {
        let path =
            if above.is_empty() { member.name().to_owned() } else { format!("{above}/{}", member.name()) };
        match member {
            Member::Child(child) => visit(path, child),
            Member::Supervisor(below) => walk(&path, below, visit),
        }
    }
}

fn alter(spec: &mut SupervisorSpec, path: &str, change: &impl Fn(&mut ChildSpec)) {
    let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    for member in &mut spec.children {
        match (member, rest) {
            (Member::Child(child), None) if child.name == name => change(child),
            (Member::Supervisor(below), Some(rest)) if below.name == name => alter(below, rest, change),
            _ => {}
        }
    }
}
