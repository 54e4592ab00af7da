//! One attempt: a request over a pooled connection, within limits and a deadline.

use std::time::Duration;

use reqwest::{
    Response,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use shared_types::{Error, ErrorCode, guarded::GuardReport, health::ClientFigures};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{
    Answer, CallOptions,
    failure::{Failure, Kind},
    route::Prepared,
};
use crate::lifecycle::{Endpoint, endpoint::innermost};

/// Requests in flight at once; the others wait for their turn.
const IN_FLIGHT: usize = 10;
/// The most bytes an answer may have.
const ANSWER_LIMIT: usize = 32 * 1024 * 1024;
/// The most bytes the guard's report may have as a header. Servers refuse long headers.
const REPORT_LIMIT: usize = 8 * 1024;

const ACTOR: HeaderName = HeaderName::from_static("bindery-actor");
const GUARD: HeaderName = HeaderName::from_static("bindery-guard");

/// Sends requests, a bounded number at a time.
#[derive(Debug)]
pub(super) struct Transport {
    slots: Semaphore,
}

impl Transport {
    pub(super) fn new() -> Self {
        Self { slots: Semaphore::new(IN_FLIGHT) }
    }

    /// Adds how busy the way is to `figures`.
    pub(super) fn fill(&self, figures: &mut ClientFigures) {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        figures.in_flight = count(IN_FLIGHT.saturating_sub(self.slots.available_permits()));
        figures.max_in_flight = count(IN_FLIGHT);
    }

    /// Sends `request` to `endpoint` and reads the answer, all before `deadline`.
    pub(super) async fn send(
        &self,
        endpoint: &Endpoint,
        request: &Prepared,
        headers: &HeaderMap,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let slot = timeout_at(deadline, self.slots.acquire()).await;
        let Ok(Ok(_slot)) = slot else {
            let error = Error::new(ErrorCode::Overloaded, format!("{IN_FLIGHT} calls are already in flight"))
                .suggest("Wait for some of them, or put several changes in one call.");
            return Err(Failure::new(Kind::NotSent, error));
        };
        match timeout_at(deadline, exchange(endpoint, request, headers)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let error = Error::new(ErrorCode::Timeout, "the backend did not answer in time")
                    .suggest("A write may have been carried out: repeat it with the same request_id.");
                Err(Failure::new(Kind::TimedOut, error))
            }
        }
    }
}

async fn exchange(endpoint: &Endpoint, request: &Prepared, headers: &HeaderMap) -> Result<Answer, Failure> {
    let mut builder = endpoint
        .http()
        .request(request.method.clone(), request.url(endpoint.base()))
        .headers(headers.clone());
    if let Some(body) = &request.body {
        builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
    }
    let response = builder.send().await.map_err(|error| disconnected(&error))?;
    let status = response.status();
    let is_problem = is_problem(&response);
    let retry_after = retry_after(&response);
    let answer = Answer::read(read(response).await?);
    if status.is_success() {
        return answer.map_err(|_| faulty("the backend's answer is not JSON"));
    }
    let mut answer = answer.ok();
    // An unhealthy backend says so with a status for machines and its whole health for people.
    if let Some(answer) = answer.take_if(|answer| !is_problem && answer.value().is_object()) {
        return Ok(answer);
    }
    let error = answer.as_ref().and_then(|answer| Error::from_problem(answer.value())).unwrap_or_else(|| {
        Error::new(ErrorCode::Internal, format!("the backend answered {status} without a reason"))
    });
    Err(Failure { retry_after, ..Failure::answered(status.as_u16(), error) })
}

/// Whether the answer is an error; with any other type the body is the operation's output.
fn is_problem(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_none_or(|kind| !kind.starts_with("application/json"))
}

/// What the backend asks for in whole seconds. A date, which HTTP also allows, would need clocks
/// that agree; our backend sends none.
fn retry_after(response: &Response) -> Option<Duration> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| disconnected(&error))? {
        if bytes.len() + chunk.len() > ANSWER_LIMIT {
            let error = Error::new(
                ErrorCode::LimitExceeded,
                format!("the answer is larger than {ANSWER_LIMIT} bytes"),
            )
            .suggest("Ask for less: a smaller limit, fewer fields.");
            return Err(Failure::new(Kind::Rejected, error));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn disconnected(error: &reqwest::Error) -> Failure {
    let cause = innermost(error);
    let error = Error::new(ErrorCode::BackendUnavailable, format!("the backend cannot be reached: {cause}"))
        .suggest("Run `bindery-mcp doctor` to see what is wrong.");
    Failure::new(Kind::Disconnected, error)
}

fn faulty(message: &str) -> Failure {
    Failure::new(Kind::Faulty, Error::new(ErrorCode::Internal, message))
}

/// The headers that say who asks and what the guard found.
pub(super) fn headers(options: &CallOptions) -> HeaderMap {
    let actor = options.actor.as_deref().map(percent_encoded);
    let guard = options.guard.as_ref().and_then(ascii_report);
    [(ACTOR, actor), (GUARD, guard)]
        .into_iter()
        .filter_map(|(name, text)| Some((name, HeaderValue::from_str(&text?).ok()?)))
        .collect()
}

/// `text` with everything but unreserved characters as `%XX`.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

/// The report as JSON in ASCII, as headers want it, with as many findings as fit.
fn ascii_report(report: &GuardReport) -> Option<String> {
    let mut report = report.clone();
    loop {
        let text = ascii_json(&serde_json::to_string(&report).ok()?);
        if text.len() <= REPORT_LIMIT || report.findings.pop().is_none() {
            return Some(text);
        }
    }
}

/// JSON text whose strings spell everything outside printable ASCII as `\uXXXX`.
fn ascii_json(json: &str) -> String {
    let mut units = [0; 2];
    json.chars().fold(String::with_capacity(json.len()), |mut ascii, character| {
        match character {
            ' '..='~' => ascii.push(character),
            _ => {
                for unit in character.encode_utf16(&mut units) {
                    ascii.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        ascii
    })
}

#[cfg(test)]
mod tests {
    use shared_types::guarded::GuardFinding;

    use super::*;

    fn report(found: &str, findings: usize) -> GuardReport {
        let finding = GuardFinding {
            field: "title".into(),
            rule: "control".into(),
            start: 0,
            end: 1,
            found: found.into(),
            replaced_by: None,
        };
        GuardReport { count: findings as i64, findings: vec![finding; findings] }
    }

    #[test]
    fn any_actor_and_finding_fits_in_a_header() {
        let options = CallOptions {
            actor: Some("Zoë\n50% sure".into()),
            guard: Some(report("\u{7f}\u{202e}🦀\n\"", 1)),
        };
        let headers = headers(&options);
        assert_eq!(headers[ACTOR], "Zo%C3%AB%0A50%25%20sure");
        let sent: GuardReport = serde_json::from_str(headers[GUARD].to_str().unwrap()).unwrap();
        assert_eq!(Some(sent), options.guard);
    }

    #[test]
    fn a_long_report_keeps_its_count_and_loses_findings() {
        let sent = ascii_report(&report(&"x".repeat(1000), 20)).unwrap();
        let sent: GuardReport = serde_json::from_str(&sent).unwrap();
        assert_eq!(sent.count, 20);
        assert!((1..20).contains(&sent.findings.len()));
    }
}
