//! Who may talk to a server on the loopback address: programs of this machine, and no web page.
//!
//! A page of another site can make a browser send requests to `127.0.0.1`, and with DNS rebinding
//! even under a name of its own. It cannot choose `Host`, `Origin` and `Sec-Fetch-Site`: those
//! tell it apart. A page that another program serves on this machine is another site's as well.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, Uri, header, uri::Authority};
use shared_types::{Error, ErrorCode};

use crate::app::AppOptions;

/// What browsers say of a request, also where they send no `Origin`: an image, a link, a form.
const FETCH_SITE: &str = "sec-fetch-site";
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Checks that `Host` is ours.
///
/// # Errors
/// `forbidden`.
pub(super) fn check_host(headers: &HeaderMap, uri: &Uri, options: &AppOptions) -> Result<(), Error> {
    let refused = || {
        Error::new(ErrorCode::Forbidden, "the Host header names another host")
            .suggest("Use http://localhost or http://127.0.0.1, or add the name to BINDERY_ALLOWED_HOSTS.")
    };
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(only), None) = (hosts.next(), hosts.next()) else { return Err(refused()) };
    let named = only.to_str().ok().and_then(|text| text.parse().ok());
    // A target in absolute form names a host too, and takes precedence over the header.
    let allowed = |authority: &Authority| is_allowed(authority, options);
    if named.is_some_and(|authority| allowed(&authority)) && uri.authority().is_none_or(allowed) {
        return Ok(());
    }
    Err(refused())
}

/// Checks that no page of another site sends the request.
///
/// # Errors
/// `forbidden`.
pub(super) fn check_origin(headers: &HeaderMap, options: &AppOptions) -> Result<(), Error> {
    let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
    let is_ours = if origins.peek().is_some() {
        origins.all(|origin| is_own_page(origin, headers.get(header::HOST), options))
    } else {
        headers.get_all(FETCH_SITE).iter().all(|site| site == "same-origin" || site == "none")
    };
    if is_ours {
        return Ok(());
    }
    Err(Error::new(ErrorCode::Forbidden, "the request comes from a page of another site")
        .suggest("Web pages of other sites cannot use this server."))
}

/// Whether a page of this origin is one of ours, at this very `Host`, or of a site that the
/// operator trusts.
fn is_own_page(origin: &HeaderValue, host: Option<&HeaderValue>, options: &AppOptions) -> bool {
    let uri: Option<Uri> = origin.to_str().ok().and_then(|text| text.parse().ok());
    let Some(authority) = uri.as_ref().filter(|uri| uri.scheme().is_some()).and_then(Uri::authority) else {
        return false;
    };
    let is_trusted = is_named(authority, &options.allowed_hosts);
    let is_same =
        host.is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()));
    is_allowed(authority, options) && (is_same || is_trusted)
}

/// Whether the host is one of ours, on any port. Names before an `@` are not hosts.
fn is_allowed(authority: &Authority, options: &AppOptions) -> bool {
    let address = || match options.bind {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let is_ours = is_named(authority, &LOOPBACK) || is_named(authority, &[address()]);
    !authority.as_str().contains('@') && (is_ours || is_named(authority, &options.allowed_hosts))
}

fn is_named(authority: &Authority, names: &[impl AsRef<str>]) -> bool {
    names.iter().any(|name| name.as_ref().eq_ignore_ascii_case(authority.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(authority: &str) -> bool {
        let mut options = AppOptions::new("", "");
        options.bind = [192, 168, 0, 2].into();
        options.allowed_hosts = vec!["desk.example".to_owned()];
        authority.parse().is_ok_and(|authority| is_allowed(&authority, &options))
    }

    #[test]
    fn loopback_names_are_ours_on_any_port() {
        for name in [
            "localhost",
            "LOCALHOST:3000",
            "127.0.0.1:1",
            "[::1]:3000",
            "desk.example:80",
            "192.168.0.2:3000",
        ] {
            assert!(allowed(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_look_like_ours_are_not() {
        for name in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "::1",
        ] {
            assert!(!allowed(name), "{name}");
        }
        assert!(!allowed("evil@localhost"));
    }
}
