//! One store through all of its faces, so that a test can hold them against one another.

use serde_json::{Map, Value, json};
use shared_types::{ErrorCode, Method, Spec, guarded::GuardReport, operation};

use crate::{
    Session, Workspace,
    http::{self, Response, percent_encoded},
};

/// A way into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// A tool of `bindery-mcp`.
    Mcp,
    /// A route of the backend.
    Rest,
    /// A method on the backend's `/rpc`.
    JsonRpc,
}

impl Face {
    /// Every face.
    pub const ALL: [Self; 3] = [Self::Mcp, Self::Rest, Self::JsonRpc];

    /// Whether the operation can be called this way.
    ///
    /// # Panics
    /// When there is no such operation.
    pub fn offers(self, operation: &str) -> bool {
        self != Self::Mcp || spec(operation).tool
    }
}

/// A refusal of the caller's input. A fault of the system is none: a test stops at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// What is wrong.
    pub code: ErrorCode,
    /// The whole answer.
    pub answer: Value,
}

/// The operation's output, or why it was refused.
pub type Answer = Result<Value, Refusal>;

/// A text after it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The text as it is read back.
    pub text: Value,
    /// What the guard said of it.
    pub report: Option<GuardReport>,
}

/// A workspace, its backend, and an assistant's session.
pub struct Faces {
    workspace: Workspace,
    session: Session,
    address: String,
    backend: Value,
}

impl Faces {
    /// A fresh workspace with everything running.
    #[expect(clippy::new_without_default, reason = "it starts processes")]
    pub fn new() -> Self {
        let workspace = Workspace::new();
        let mut session = workspace.session();
        session.call("health_check", &json!({}));
        let backend = workspace.backend();
        let address = backend["url"].as_str().expect("it listens on TCP").replace("http://", "");
        Self { workspace, session, address, backend }
    }

    /// The workspace.
    pub const fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The assistant's session.
    pub const fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Sends any request to the backend.
    pub fn http(&self, method: &str, target: &str, body: Option<&[u8]>) -> Response {
        http::exchange(&self.address, method, target, &[], body)
    }

    /// Carries out an operation.
    ///
    /// # Panics
    /// When the face does not offer it, or the answer is a fault of the system.
    pub fn call(&mut self, face: Face, operation: &str, input: &Value) -> Answer {
        match face {
            Face::Rest => {
                let (method, target, body) = rest_request(spec(operation), input);
                rest_answer(&self.http(method, &target, body.as_deref()))
            }
            _ => self.send(face, operation, input.to_string().as_bytes()),
        }
    }

    /// Sends bytes as the whole input of an operation; by REST, to its first route.
    ///
    /// # Panics
    /// When the face does not offer it, or the answer is a fault of the system.
    pub fn send(&mut self, face: Face, operation: &str, input: &[u8]) -> Answer {
        match face {
            Face::Mcp => mcp_answer(&self.call_tool(operation, input)),
            Face::Rest => rest_answer(&self.http("POST", spec(operation).routes[0].path, Some(input))),
            Face::JsonRpc => {
                let head = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{operation}","params":"#);
                let response = self.http("POST", "/rpc", Some(&[head.as_bytes(), input, b"}"].concat()));
                assert_eq!(response.status, 200, "{response:?}");
                rpc_answer(&json(&response.body))
            }
        }
    }

    fn call_tool(&mut self, tool: &str, arguments: &[u8]) -> Value {
        assert!(spec(tool).tool, "{tool} is no tool");
        let id = self.session.unused_id();
        let head = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":"#
        );
        self.session.send_line([head.as_bytes(), arguments, b"}}"].concat());
        loop {
            let message = self.session.receive();
            // A line that cannot be read has no id to be answered under.
            if message["id"] == id || message["id"].is_null() && message["error"].is_object() {
                return message;
            }
        }
    }

    /// Stores a text as a task's description and reads it back.
    ///
    /// # Panics
    /// When either is refused.
    pub fn store(&mut self, face: Face, text: &str) -> Stored {
        let new = json!({"title": "Text", "description": text});
        let written = self.call(face, "create_task", &new).unwrap_or_else(|why| panic!("{text:?}: {why:?}"));
        let id = json!({"task_id": written["task"]["id"]});
        let read = self.call(face, "get_task", &id).unwrap_or_else(|why| panic!("{id}: {why:?}"));
        let report = serde_json::from_value(written["guard"].clone()).expect("a report, or none");
        Stored { text: read["task"]["description"].clone(), report }
    }

    /// Checks that both processes are those that were started, answer, and have not panicked.
    ///
    /// # Panics
    /// When something of this does not hold.
    pub fn check_health(&mut self) {
        for face in Face::ALL {
            let health = self.call(face, "health_check", &json!({})).expect("it is healthy");
            assert_eq!(health["status"], "healthy", "{face:?}: {health}");
        }
        assert_eq!(self.workspace.backend()["pid"], self.backend["pid"], "the backend was replaced");
        for log in [self.session.log(), self.workspace.backend_log()] {
            let panic = log.lines().find(|line| line.contains("panicked"));
            assert_eq!(panic, None);
        }
    }
}

fn spec(operation: &str) -> &'static Spec {
    operation::find(operation).unwrap_or_else(|| panic!("there is no operation {operation}"))
}

/// The request of the first route whose path the input can fill.
fn rest_request(spec: &Spec, input: &Value) -> (&'static str, String, Option<Vec<u8>>) {
    let mut fields = input.as_object().cloned().unwrap_or_default();
    let names = |path: &'static str| path.split(['{', '}']).skip(1).step_by(2);
    let fits = |path| names(path).all(|name| input[name].is_string());
    let route = spec.routes.iter().find(|route| fits(route.path)).expect("the input fills a path");
    let mut target = route.path.to_owned();
    for name in names(route.path) {
        let value = fields.remove(name).unwrap_or_default();
        target = target.replace(&format!("{{{name}}}"), &percent_encoded(value.as_str().unwrap_or_default()));
    }
    let method = match route.method {
        Method::Get => return ("GET", format!("{target}?{}", query(&fields)), None),
        Method::Post => "POST",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    (method, target, Some(Value::Object(fields).to_string().into_bytes()))
}

fn query(fields: &Map<String, Value>) -> String {
    let pairs = fields.iter().filter(|(_, value)| !value.is_null()).flat_map(|(name, value)| {
        let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        values.iter().map(move |value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{name}={}", percent_encoded(&text))
        })
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(bytes)))
}

fn rest_answer(response: &Response) -> Answer {
    let answer = json(&response.body);
    if response.status == 200 {
        return Ok(answer);
    }
    let refusal = refusal(&answer["code"], &answer);
    assert_eq!(response.status, refusal.code.http_status(), "{answer}");
    Err(refusal)
}

fn rpc_answer(answer: &Value) -> Answer {
    let error = &answer["error"];
    if error.is_null() {
        return Ok(answer["result"].clone());
    }
    let refusal = refusal(&error["data"]["code"], answer);
    assert_eq!(error["code"], refusal.code.rpc_code(), "{answer}");
    Err(refusal)
}

/// A tool's error is part of its result; an error of the protocol has only its number.
fn mcp_answer(answer: &Value) -> Answer {
    let (result, error) = (&answer["result"], &answer["error"]);
    if error.is_object() {
        let code = ErrorCode::ALL.iter().find(|code| error["code"] == code.rpc_code());
        return Err(refusal(&json!(code), answer));
    }
    if result["isError"] == false {
        return Ok(result["structuredContent"].clone());
    }
    Err(refusal(&result["structuredContent"]["error_code"], answer))
}

/// The refusal with this code; a fault of ours stops the test.
fn refusal(code: &Value, answer: &Value) -> Refusal {
    let code: ErrorCode =
        serde_json::from_value(code.clone()).unwrap_or_else(|_| panic!("no code: {answer}"));
    assert!(code.http_status() < 500, "a fault: {answer}");
    Refusal { code, answer: answer.clone() }
}
