//! Who may look, and whose forms are taken.
//!
//! With a token, whoever signs in with it gets a cookie that holds for half a day: when it ends, and a code over that which only this
//! token makes. So it needs no place in the store, holds on all hosts of one token, and goes with the token. Each form carries a code,
//! too, which another site cannot know; and what a browser sends from another site is refused before that.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use headwater_core::ports::{Clock, Entropy};
use headwater_core::secret::Secret;
use headwater_web::{Door, Entry, Problem};
use http::header::{ACCEPT, AUTHORIZATION, COOKIE, HOST, ORIGIN, REFERER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};
use subtle::ConstantTimeEq as _;

use crate::{paths, signing};

/// The name of the cookie.
const COOKIE_NAME: &str = "headwater_session";

/// How long somebody stays signed in.
const SIGNED_IN: Duration = Duration::from_secs(12 * 3600);

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Knows the token, and what follows from it.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    token: Option<Secret>,
    key: Key,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Key(hmac::Key);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// Somebody who may look. Without a token that is anybody.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// What the form code is over.
    mark: String,
    /// Whether there is anything to sign out of: not for those who come with the token itself.
    pub(crate) signed_in: bool,
}

impl Guard {
    /// A guard over a token; without one, over a draw that is as good as long as the process lives.
    pub(crate) fn new(token: Option<Secret>, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let drawn = [entropy.draw(), entropy.draw(), entropy.draw(), entropy.draw()].map(u64::to_le_bytes).concat();
        let material = token.as_ref().map_or(drawn.as_slice(), |token| token.expose().as_bytes());
        let key = digest::digest(&digest::SHA256, &[b"headwater console\0", material].concat());
        Self { token, key: Key(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref())), clock }
    }

    /// Whether one has to sign in at all.
    pub(crate) fn asks(&self) -> bool {
        self.token.is_some()
    }

    /// A new session's cookie, if the token is the right one.
    pub(crate) fn sign_in(&self, given: &str, over_tls: bool) -> Option<String> {
        let token = self.token.as_ref()?;
        if !bool::from(token.expose().as_bytes().ct_eq(given.as_bytes())) {
            return None;
        }
        let ends = self.clock.now().plus(SIGNED_IN).as_micros() / 1_000_000;
        let secure = if over_tls { "; Secure" } else { "" };
        let code = self.code(&format!("session {ends}"));
        Some(format!("{COOKIE_NAME}={ends}.{code}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}", SIGNED_IN.as_secs()))
    }

    /// The cookie that ends a session.
    pub(crate) fn sign_out() -> String {
        format!("{COOKIE_NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }

    /// The session that a request belongs to, if its sender may look.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let Some(token) = &self.token else { return Some(Session { mark: "anybody".to_owned(), signed_in: false }) };
        if headwater_web::bears(headers, token) {
            return Some(Session { mark: "token".to_owned(), signed_in: false });
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        let mut values = cookies.filter_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
        values.find_map(|value| {
            let (ends, code) = value.split_once('.')?;
            let is_ours = bool::from(self.code(&format!("session {ends}")).as_bytes().ct_eq(code.as_bytes()));
            let holds = ends.parse::<i64>().ok()? > self.clock.now().as_micros() / 1_000_000;
            (is_ours && holds).then(|| Session { mark: value.to_owned(), signed_in: true })
        })
    }

    /// The code that forms of a session carry.
    pub(crate) fn form_code(&self, session: &Session) -> String {
        self.code(&format!("form {}", session.mark))
    }

    /// Whether a form carries the code of the session.
    pub(crate) fn knows_form(&self, session: &Session, given: &str) -> bool {
        self.form_code(session).as_bytes().ct_eq(given.as_bytes()).into()
    }

    fn code(&self, of: &str) -> String {
        hmac::sign(&self.key.0, of.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A browser with the cookie may come in without the token: to look at everything, to change what the console's forms change.
impl Door for Guard {
    fn entry(&self, request: &Parts) -> Entry {
        let path = request.uri.path();
        if path == paths::SIGN_IN || path.starts_with(paths::ASSETS) {
            return Entry::Open;
        }
        let looks = matches!(request.method, Method::GET | Method::HEAD);
        if (looks || path.starts_with(paths::PREFIX)) && self.session(&request.headers).is_some() {
            return Entry::Open;
        }
        if !wants_page(&request.headers) {
            return Entry::Closed;
        }
        if looks {
            let back = request.uri.path_and_query().map_or("/", |path| path.as_str());
            let back = utf8_percent_encode(back, NON_ALPHANUMERIC);
            return Entry::Elsewhere(Redirect::to(&format!("{}?to={back}", paths::SIGN_IN)).into_response().into());
        }
        if !path.starts_with(paths::PREFIX) {
            return Entry::Closed;
        }
        // A form that was filled in while the session ended. The page that it stands on is where to go on.
        let referer = request.headers.get(REFERER).and_then(|value| value.to_str().ok()?.parse::<Uri>().ok());
        let back = referer.as_ref().and_then(Uri::path_and_query).map_or("/", |path| path.as_str());
        Entry::Elsewhere(signing::ended(back).into())
    }
}

/// Whether a page is wanted, and not what programs read: browsers name HTML, and like it best; programs that take anything do not.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = || headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let liking = |wanted: &str| {
        let of = |kind: &str| {
            let mut parts = kind.split(';').map(str::trim);
            parts.next().filter(|kind| kind.eq_ignore_ascii_case(wanted))?;
            let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            Some(quality.map_or(1.0, |quality| quality.parse::<f32>().unwrap_or(0.0)))
        };
        accepted().filter_map(of).fold(0.0, f32::max)
    };
    liking("text/html") > 0.0 && liking("text/html") >= liking("application/json")
}

/// Refuses what a browser sends from another site's page: such a page may post forms to any server that the browser can reach, also to
/// one on loopback that wants no token. Layered around all routes of a host that browsers visit.
pub async fn same_site(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !safe && is_elsewhere(request.headers()) {
        return Problem::new(StatusCode::FORBIDDEN, "a browser may not send this from a page of another site").into_response();
    }
    next.run(request).await
}

/// Whether a browser says that a page of another site sends this. Browsers leave out `Sec-Fetch-Site` where the connection is neither
/// encrypted nor local; there the origin has to be the host that was asked, or the one that a proxy was.
fn is_elsewhere(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return matches!(site.as_bytes(), b"cross-site" | b"same-site");
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // No page of another site can add the token, nor ask a proxy for another host.
    let (Some(origin), false) = (text(ORIGIN), headers.contains_key(AUTHORIZATION)) else { return false };
    let ours = [text(HOST), text(FORWARDED_HOST)];
    let theirs = origin.split_once("://").map_or("", |(_, host)| host);
    !ours.into_iter().flatten().any(|host| host.eq_ignore_ascii_case(theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(HeaderName, &'static str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.clone(), http::HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_page_is_for_those_who_like_it_best() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, wanted) in [
            (browser, true),
            ("TEXT/HTML; q=0.5", true),
            ("text/html, application/json", true),
            ("*/*", false),
            ("application/json", false),
            ("text/html;q=0, application/json", false),
            ("application/json, text/html;q=0.1", false),
            ("text/html;q=?", false),
            ("", false),
        ] {
            assert_eq!(wants_page(&headers(&[(ACCEPT, accept)])), wanted, "{accept}");
        }
    }

    #[test]
    fn what_comes_from_elsewhere_is_told_by_the_site_or_else_by_the_origin() {
        for (given, elsewhere) in [
            (&[][..], false),
            (&[(SEC_FETCH_SITE, "same-origin"), (ORIGIN, "http://evil.example")], false),
            (&[(SEC_FETCH_SITE, "none")], false),
            (&[(SEC_FETCH_SITE, "cross-site"), (AUTHORIZATION, "Bearer t")], true),
            (&[(ORIGIN, "http://evil.example"), (HOST, "10.0.0.7:9999")], true),
            (&[(ORIGIN, "http://10.0.0.7"), (HOST, "10.0.0.7:9999")], true),
            (&[(ORIGIN, "null"), (HOST, "10.0.0.7:9999")], true),
            (&[(ORIGIN, "http://evil.example")], true),
            (&[(ORIGIN, "http://Headwater.lan:9999"), (HOST, "headwater.lan:9999")], false),
            (&[(ORIGIN, "https://proxy.example"), (HOST, "inside:9999"), (FORWARDED_HOST, "proxy.example")], false),
            (&[(ORIGIN, "http://evil.example"), (HOST, "10.0.0.7:9999"), (AUTHORIZATION, "Bearer t")], false),
        ] {
            assert_eq!(is_elsewhere(&headers(given)), elsewhere, "{given:?}");
        }
    }
}
