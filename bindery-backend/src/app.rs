//! The state behind every route: the store, the guard, and what is known about this process.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use guard::{Intake, suggest};
use serde_json::Value;
use shared_types::{
    Error, ErrorCode, Operation, TaskId, for_each_operation, guarded::GuardReport, operation,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    admission::Admission,
    catalogue::{self, Entry},
    handle::{Caller, Handle, Json},
    http::body,
    keys::{Access, Keys},
    leases::Leases,
    requests::{Outcome, Requests},
    store::Store,
};

/// More findings than this are counted, but not listed.
const LISTED_FINDINGS: usize = 20;

/// What the routes need to know besides the store.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// The folder that is served.
    pub workspace: PathBuf,
    /// The database file.
    pub database: PathBuf,
    /// Whether callers are told only constant texts about faults of ours.
    pub production: bool,
    /// The most bytes that a request body can have.
    pub max_body: usize,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How many requests are carried out at once.
    pub max_requests: usize,
    /// The API keys; without any, TCP needs none.
    pub keys: Keys,
    /// How many requests a second each key may make.
    pub rate_limit: NonZeroU32,
    /// The address that TCP is listened to on; it is taken in a `Host` header.
    pub bind: IpAddr,
    /// Names in a `Host` or `Origin` header that are taken besides the loopback ones.
    pub allowed_hosts: Vec<String>,
    /// Whether assistants started this backend and may replace it.
    pub managed: bool,
    /// Ends the change feeds, and with them the last reason to stay.
    pub stop: CancellationToken,
}

impl AppOptions {
    /// Options with the usual limits, in development mode.
    pub fn new(workspace: impl Into<PathBuf>, database: impl Into<PathBuf>) -> Self {
        Self {
            workspace: workspace.into(),
            database: database.into(),
            production: false,
            max_body: 16 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            max_requests: 64,
            keys: Keys::default(),
            rate_limit: const { NonZeroU32::new(100).unwrap() },
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            allowed_hosts: Vec::new(),
            managed: false,
            stop: CancellationToken::new(),
        }
    }
}

/// The state behind every route; cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    intake: Intake,
    options: AppOptions,
    started: Instant,
    requests: Requests,
    admission: Admission,
    access: Access,
    room: Arc<Semaphore>,
    leases: Leases,
}

impl App {
    /// An application on this store.
    pub fn new(store: Store, intake: Intake, options: AppOptions) -> Self {
        let inner = Inner {
            store,
            intake,
            started: Instant::now(),
            requests: Requests::default(),
            admission: Admission::new(options.max_requests),
            room: Arc::new(Semaphore::new(body::room(options.max_body))),
            access: Access::new(options.keys.clone(), options.rate_limit),
            options,
            leases: Leases::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The open change feeds.
    pub fn leases(&self) -> &Leases {
        &self.inner.leases
    }

    pub(crate) fn intake(&self) -> &Intake {
        &self.inner.intake
    }

    pub(crate) fn options(&self) -> &AppOptions {
        &self.inner.options
    }

    pub(crate) fn requests(&self) -> &Requests {
        &self.inner.requests
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.inner.admission
    }

    pub(crate) fn room(&self) -> &Arc<Semaphore> {
        &self.inner.room
    }

    pub(crate) fn access(&self) -> &Access {
        &self.inner.access
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.inner.started.elapsed()
    }

    /// Carries out the operation `name`: guards the input, reads it, does it, counts it. Both the
    /// REST and the JSON-RPC face end here.
    ///
    /// # Errors
    /// An [`Error`] as the caller may see it.
    pub async fn call(&self, name: &str, input: Value, caller: Caller) -> Result<Json, Error> {
        let Some(entry) = catalogue::find(name) else { return Err(unknown_operation(name)) };
        let begun = Instant::now();
        let limit = self.options().request_timeout;
        let result = match tokio::time::timeout(limit, self.carry_out(entry, input, caller)).await {
            Ok(result) => result,
            Err(_) => Err(timed_out(entry, limit)),
        };
        self.count(entry, Outcome::of(&result), begun.elapsed());
        result.map_err(|error| self.disclose(name, error))
    }

    /// What `get_task` answers about this task, if nobody has to wait for it; counted as a call.
    pub(crate) fn task_at_hand(&self, id: TaskId) -> Option<Json> {
        let begun = Instant::now();
        let entry = catalogue::find(operation::GetTask::SPEC.name)?;
        let json = self.store().task_at_hand(id)?;
        self.count(entry, Outcome::Ok, begun.elapsed());
        Some(json)
    }

    fn count(&self, entry: &Entry, outcome: Outcome, elapsed: Duration) {
        self.requests().record(entry.place, outcome, elapsed);
        let (operation, elapsed_us) = (entry.spec.name, elapsed.as_micros());
        tracing::debug!(operation, outcome = outcome.as_str(), elapsed_us);
    }

    async fn carry_out(&self, entry: &Entry, input: Value, mut caller: Caller) -> catalogue::Answer {
        let accepted = self.intake().accept(&entry.spec, input)?;
        caller.guard = merge(caller.guard, accepted.report);
        entry.run(self, accepted.input, caller).await
    }
}

/// What the client's guard found and what ours did. Text that is only flagged is found by both and
/// counts once, also where their report does not list it: ours is then taken for one of those.
fn merge(theirs: Option<GuardReport>, ours: Option<GuardReport>) -> Option<GuardReport> {
    let (mut all, ours) = match (theirs, ours) {
        (Some(theirs), Some(ours)) => (theirs, ours),
        (theirs, ours) => return theirs.or(ours),
    };
    let count = |findings: &[_]| i64::try_from(findings.len()).unwrap_or(i64::MAX);
    let unlisted = all.count.saturating_sub(count(&all.findings));
    let listed = count(&ours.findings);
    let known = |finding: &_| {
        let shared_types::guarded::GuardFinding { field, rule, found, .. } = finding;
        all.findings.iter().any(|one| (&one.field, &one.rule, &one.found) == (field, rule, found))
    };
    let new: Vec<_> = ours.findings.into_iter().filter(|finding| !known(finding)).collect();
    let repeated = listed - count(&new);
    let unknown = ours.count.saturating_sub(repeated).saturating_sub(unlisted).max(0);
    all.count = all.count.saturating_add(unknown);
    all.findings.extend(new);
    all.findings.truncate(LISTED_FINDINGS);
    Some(all)
}

fn unknown_operation(name: &str) -> Error {
    // A name longer than any of ours cannot be a slip of one, and is not worth repeating.
    let shown: String = name.chars().take(60).collect();
    let error = Error::new(ErrorCode::UnknownOperation, format!("there is no operation {shown:?}"));
    match suggest::nearest(&shown, operation::OPERATIONS.iter().map(|spec| spec.name)) {
        Some(known) => error.suggest(format!("Did you mean {known:?}?")),
        None => error.suggest("GET /api/openapi.json lists the operations."),
    }
}

fn timed_out(entry: &Entry, limit: Duration) -> Error {
    let message = format!("{} took longer than {} s", entry.spec.name, limit.as_secs());
    let error = Error::new(ErrorCode::Timeout, message);
    if entry.spec.is_read() {
        return error.suggest("Ask for less, or try again.");
    }
    error.suggest("It may still be carried out: repeat it with the same request_id to learn its result.")
}

/// The store carries out every operation but those that are about the process itself.
macro_rules! delegate_to_store {
    ($($operation:ident),+) => { $(delegate_to_store!(@ $operation);)+ };
    (@ HealthCheck) => {};
    (@ GetPoolMetrics) => {};
    (@ GetPoolHealth) => {};
    (@ $operation:ident) => {
        impl Handle<operation::$operation> for App {
            async fn handle(
                &self,
                input: <operation::$operation as Operation>::Input,
                caller: &Caller,
            ) -> Result<<operation::$operation as Operation>::Output, Error> {
                Handle::<operation::$operation>::handle(self.store(), input, caller).await
            }

            async fn answer(
                &self,
                input: <operation::$operation as Operation>::Input,
                caller: &Caller,
            ) -> Result<Json, Error> {
                Handle::<operation::$operation>::answer(self.store(), input, caller).await
            }
        }
    };
}

for_each_operation!(delegate_to_store);

#[cfg(test)]
mod tests {
    use shared_types::guarded::GuardFinding;

    use super::*;

    fn finding(field: &str) -> GuardFinding {
        let text = || field.to_owned();
        GuardFinding { field: text(), rule: "r".into(), start: 0, end: 1, found: text(), replaced_by: None }
    }

    fn report(count: i64, fields: &[&str]) -> Option<GuardReport> {
        Some(GuardReport { count, findings: fields.iter().map(|field| finding(field)).collect() })
    }

    #[test]
    fn a_finding_of_both_guards_counts_once() {
        let merged = merge(report(2, &["title", "note"]), report(2, &["note", "labels.a"]));
        assert_eq!(merged, report(3, &["title", "note", "labels.a"]));
        assert_eq!(merge(None, report(1, &["title"])), report(1, &["title"]));
    }

    #[test]
    fn findings_that_are_not_listed_count_once() {
        let fields: Vec<_> = (0..20).map(|i| i.to_string()).collect();
        let fields: Vec<_> = fields.iter().map(String::as_str).collect();
        let count = |theirs, ours| {
            let merged = merge(theirs, ours).unwrap();
            (merged.count, merged.findings.len())
        };
        // Both flag the same thirty.
        assert_eq!(count(report(30, &fields), report(30, &fields)), (30, LISTED_FINDINGS));
        // Theirs was cut short on its way.
        assert_eq!(count(report(30, &fields[..5]), report(30, &fields)), (30, LISTED_FINDINGS));
        // They removed twenty and flagged five that they do not list; ours lists these, and one more.
        let flagged = ["a", "b", "c", "d", "e", "f"];
        assert_eq!(count(report(25, &fields), report(6, &flagged)), (26, LISTED_FINDINGS));
    }
}
