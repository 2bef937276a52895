//! From a request's headers to a session: Bearer for clients, a cookie for browsers.

use super::{Session, Token};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::limits::Network;
use crate::state::State;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use takt_core::{AccountId, ViewerId};

const COOKIE: &str = "__Host-takt";
/// Over plain HTTP a browser takes no `__Host-` cookie.
const COOKIE_PLAIN: &str = "takt";
const COOKIE_AGE_S: u32 = 400 * 86_400;

/// The network and the client a request comes from.
#[derive(Debug, Clone)]
pub struct Caller {
    pub network: Network,
    /// The `User-Agent`, for the list of sessions.
    pub client: String,
}

impl FromRequestParts<State> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let address =
            client_address(&state.config, peer.unwrap_or(IpAddr::from([127, 0, 0, 1])), &parts.headers);
        let client = parts.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        Ok(Self { network: address.into(), client: client.to_owned() })
    }
}

/// The last address of `X-Forwarded-For` that is not itself a trusted proxy, if the peer is one.
fn client_address(config: &Config, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = |ip: &IpAddr| config.http.trusted_proxies.iter().any(|proxy| proxy.parse() == Ok(*ip));
    if !trusted(&peer) {
        return peer;
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let hops: Vec<IpAddr> =
        forwarded.flat_map(|v| v.split(',')).filter_map(|ip| ip.trim().parse().ok()).collect();
    hops.into_iter().rev().find(|ip| !trusted(ip)).unwrap_or(peer)
}

/// The session of a request, if it has one. A Bearer token that names none is refused; a stale cookie is ignored.
#[derive(Debug, Clone, Copy)]
pub struct MaybeSession(pub Option<Session>);

impl FromRequestParts<State> for MaybeSession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self> {
        let session = match bearer(&parts.headers)? {
            Some(token) => Some(super::find(state, token).await?.ok_or_else(Error::unauthenticated)?),
            None => match cookie(&state.config, &parts.headers) {
                Some(token) => super::find(state, token).await?,
                None => None,
            },
        };
        if let Some(session) = session {
            state.limits.request(session.viewer)?;
        }
        Ok(Self(session))
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().map_err(|_| Error::unauthenticated())?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Error::unauthenticated()),
    }
}

fn cookie<'a>(config: &Config, headers: &'a HeaderMap) -> Option<&'a str> {
    let name = cookie_name(config);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut pairs = cookies.flat_map(|v| v.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn cookie_name(config: &Config) -> &'static str {
    if config.http.cookie_secure { COOKIE } else { COOKIE_PLAIN }
}

/// A session with or without an account; refused where there is none.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    pub id: ViewerId,
    pub account: Option<AccountId>,
}

impl FromRequestParts<State> for Viewer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self> {
        let MaybeSession(session) = MaybeSession::from_request_parts(parts, state).await?;
        let session = session.ok_or_else(Error::unauthenticated)?;
        Ok(Self { id: session.viewer, account: session.account })
    }
}

/// A session with an account; refused otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub id: AccountId,
    pub session: Session,
}

impl FromRequestParts<State> for Account {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self> {
        let MaybeSession(session) = MaybeSession::from_request_parts(parts, state).await?;
        let (session, id) = super::require_account(session)?;
        Ok(Self { id, session })
    }
}

/// The answer with the browser's cookie set to `token`.
pub fn with_cookie(config: &Config, token: &Token, answer: impl IntoResponse) -> Response {
    set_cookie(config, token.reveal(), COOKIE_AGE_S, answer)
}

/// The answer with the browser's cookie removed.
pub fn without_cookie(config: &Config, answer: impl IntoResponse) -> Response {
    set_cookie(config, "", 0, answer)
}

fn set_cookie(config: &Config, value: &str, age_s: u32, answer: impl IntoResponse) -> Response {
    let secure = if config.http.cookie_secure { "; Secure" } else { "" };
    let name = cookie_name(config);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}");
    let mut response = answer.into_response();
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_are_believed_only_from_trusted_proxies() {
        let mut config = Config::default();
        let proxy = IpAddr::from([10, 0, 0, 1]);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("1.1.1.1, 203.0.113.9, 10.0.0.1"));
        assert_eq!(client_address(&config, proxy, &headers), proxy);
        config.http.trusted_proxies = vec!["10.0.0.1".into()];
        assert_eq!(client_address(&config, proxy, &headers), IpAddr::from([203, 0, 113, 9]));
    }

    #[test]
    fn tokens_come_from_either_header() {
        let config = Config::default();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; __Host-takt=secret; c=d"));
        assert_eq!(cookie(&config, &headers), Some("secret"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer  token"));
        assert_eq!(bearer(&headers).unwrap(), Some("token"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic abc"));
        assert!(bearer(&headers).is_err());
    }
}
