//! What every request meets before its route, and every response after it.
//!
//! Most of what is asked can be answered on the spot: a task that is kept or quickly read, or that there is no room
//! for a request now. Such an answer is made before the router, behind the same checks as all others.

use std::{
    any::Any,
    convert::Infallible,
    future::{Ready, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll},
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::{
    FutureExt,
    future::{BoxFuture, Either},
};
use tower::Service;

use super::{at_hand, keys, origin, problem, problem::Problem, stopping};
use crate::app::App;

/// What a response says unless its route has said something else: browsers are to take it for what
/// it is, and to keep nothing of it.
static USUAL: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

type Answered = Result<Response, Infallible>;

/// Where a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Over TCP, where any web page can try its luck.
    Tcp,
    /// On the Unix socket. A client without a port has no host to name, and no browser gets here. Who
    /// gets here is the owner, and needs no key.
    Socket,
}

/// The routes behind their checks; cheap to clone.
#[derive(Clone)]
pub struct Face {
    app: App,
    routes: Router,
    door: Door,
}

impl Face {
    pub(super) const fn new(app: App, routes: Router, door: Door) -> Self {
        Self { app, routes, door }
    }

    /// The answer, if it takes no route to find it.
    fn at_once<B: HttpBody>(&self, request: &mut Request<B>) -> Option<Response> {
        self.refusal(request)
            .or_else(|| at_hand::answer(&self.app, request))
            .or_else(|| at_hand::refusal(&self.app, request.uri().path()))
    }

    fn refusal<B>(&self, request: &mut Request<B>) -> Option<Response> {
        let options = self.app.options();
        let is_ours = match self.door {
            Door::Tcp => origin::check_host(request.headers(), request.uri(), options),
            Door::Socket => Ok(()),
        };
        // An `Origin` that is sent on the socket is checked all the same.
        if let Err(error) = is_ours.and_then(|()| origin::check_origin(request.headers(), options)) {
            return Some(Problem(error).into_response());
        }
        stopping::refusal(&self.app, request.uri()).or_else(|| match self.door {
            Door::Tcp => keys::refusal(&self.app, request),
            Door::Socket => None,
        })
    }

    fn panicked(&self, panic: Box<dyn Any + Send>) -> Response {
        problem::from_panic(&self.app, panic)
    }
}

impl<B> Service<Request<B>> for Face
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Answered>, BoxFuture<'static, Answered>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let at_once = catch_unwind(AssertUnwindSafe(|| self.at_once(&mut request)));
        if let Some(response) = at_once.unwrap_or_else(|panic| Some(self.panicked(panic))) {
            return Either::Left(ready(Ok(with_usual_headers(response))));
        }
        let mut face = self.clone();
        Either::Right(Box::pin(async move {
            let routed = async { face.routes.call(request.map(Body::new)).await };
            let response = match AssertUnwindSafe(routed).catch_unwind().await {
                Ok(Ok(response)) => response,
                Err(panic) => face.panicked(panic),
            };
            Ok(with_usual_headers(response))
        }))
    }
}

fn with_usual_headers(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.reserve(USUAL.len());
    for (name, value) in &USUAL {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    response
}
