//! Tool calls, whichever way they come in.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use guard::{Accepted, Intake};
use rmcp::{
    ErrorData,
    model::{CallToolResult, ContentBlock},
};
use serde_json::Value;
use shared_types::{Error, Operation, Spec, operation::HealthCheck};

use super::{protocol_error::protocol_error, render::render, untrusted};
use crate::client::{Answer, CallOptions, Client};

/// What every call of one connection shares.
pub(super) struct Calls {
    pub(super) client: Client,
    intake: Intake,
    /// Tells this session apart from others of the same assistant, so that claims do.
    session: String,
}

impl Calls {
    pub(super) fn new(client: Client, intake: Intake, session: String) -> Self {
        Self { client, intake, session }
    }

    /// Who the caller is, as the history and claims name it.
    pub(super) fn actor(&self, client: Option<&str>) -> String {
        let name = client.filter(|name| !name.is_empty()).unwrap_or("assistant");
        format!("{}/{}", name.chars().filter(|c| !c.is_control()).take(100).collect::<String>(), self.session)
    }

    /// Holds the arguments of a tool against the limits, as they were written. What else a message
    /// carries, such as a client's icons, may be longer.
    pub(super) fn check(&self, arguments: &str) -> Result<(), Error> {
        self.intake.check_bytes(arguments.as_bytes(), 0)
    }

    /// Lets `input` in.
    pub(super) fn accept(&self, spec: &Spec, input: Value) -> Result<Accepted, Error> {
        self.intake.accept(spec, input)
    }

    /// The answer to an accepted call.
    pub(super) async fn ask(&self, spec: &Spec, call: Accepted, actor: String) -> Result<Arc<Answer>, Error> {
        let options = CallOptions { actor: Some(actor), guard: call.report };
        let detail = call.input["detail"] == true;
        let answer = self.client.answer(spec, call.input, &options).await;
        match spec.name == HealthCheck::SPEC.name {
            true => self.with_client_health(answer, detail),
            false => answer,
        }
    }

    /// Adds the way to the backend to what the backend says, or to why it says nothing.
    fn with_client_health(
        &self,
        answer: Result<Arc<Answer>, Error>,
        detail: bool,
    ) -> Result<Arc<Answer>, Error> {
        let client = serde_json::to_value(self.client.health(detail)).unwrap_or_default();
        let answer = answer.map_err(|error| error.with("client", client.clone()))?;
        let mut health = Value::clone(answer.value());
        if let Some(health) = health.as_object_mut() {
            health.insert("client".to_owned(), client);
        }
        Ok(Arc::new(Answer::from(health)))
    }

    /// What becomes of `work`, also if it panics: rmcp would never answer the request.
    pub(super) async fn contain<T>(
        &self,
        method: &str,
        work: impl Future<Output = Result<T, ErrorData>>,
    ) -> Result<T, ErrorData> {
        AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
            Err(protocol_error(&self.client.disclose(method, Error::of_panic(&*panic))))
        })
    }
}

/// What a tool says, and whether it failed.
pub(super) fn told(spec: &Spec, outcome: Result<Arc<Answer>, Error>) -> (Arc<Answer>, bool) {
    match outcome {
        Ok(answer) => (answer, false),
        Err(error) => (Arc::new(Answer::from(error.to_tool_result(spec.name))), true),
    }
}

/// That, as rmcp wants it.
pub(super) fn tool_result(spec: &Spec, outcome: Result<Arc<Answer>, Error>) -> CallToolResult {
    let (answer, failed) = told(spec, outcome);
    let mut result = CallToolResult::success(vec![ContentBlock::text(answer.text(render))]);
    result.is_error = Some(failed);
    result.structured_content = Some(Value::clone(answer.value()));
    result.meta = Some(untrusted::mark());
    result
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs::File;

    use super::*;
    use crate::{Backend, Config, lifecycle::StartOptions, workspace::Workspace};

    /// What keeps calls waiting for a backend; once it is dropped they learn that there is none.
    pub(in crate::server) struct Held {
        _lock: File,
        _root: tempfile::TempDir,
    }

    /// Calls that wait, as if another process were starting the backend. Must be called inside a
    /// tokio runtime.
    pub(in crate::server) fn held() -> (Held, Arc<Calls>) {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::find(Some(root.path()), root.path(), None).unwrap();
        let lock = File::create(workspace.prepare().unwrap().join("start.lock")).unwrap();
        lock.lock().unwrap();
        let backend = Backend::start(workspace, StartOptions { binary: Some("/bin/false".into()) });
        let client = Client::one_shot(&Config::default(), backend);
        let calls = Arc::new(Calls::new(client, Intake::default(), "s".to_owned()));
        (Held { _lock: lock, _root: root }, calls)
    }

    #[tokio::test]
    async fn a_panic_becomes_an_internal_error() {
        let (_held, calls) = held();
        let outcome = calls.contain::<()>("tools/call", async { panic!("inside") }).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.code, rmcp::model::ErrorCode::INTERNAL_ERROR);
        assert!(error.message.contains("inside"), "{error}");
    }

    #[tokio::test]
    async fn an_actor_is_named_after_its_client_and_session() {
        let (_held, calls) = held();
        assert_eq!(calls.actor(Some("Zoë\n")), "Zoë/s");
        assert_eq!((calls.actor(None), calls.actor(Some(""))), ("assistant/s".into(), "assistant/s".into()));
    }
}
