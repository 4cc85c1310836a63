use std::time::Duration;

use axum::http::StatusCode;

use super::{Answer, Host, host, host_with};

const HTML: (&str, &str) = ("accept", "text/html");

async fn sign_in(host: &Host, body: &str) -> Answer {
    host.send("POST", "/console/sign-in", &[("sec-fetch-site", "same-origin")], body).await
}

/// The cookie of somebody who has signed in, as a browser sends it.
async fn cookie(host: &Host) -> String {
    let answer = sign_in(host, "token=the+right+%C3%B6ne&to=%2F").await;
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn without_a_token_everybody_may_look() {
    let host = host();
    let page = host.page("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("<h1>Overview</h1>") && !page.text.contains("Sign out"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!((page.header("x-content-type-options"), page.header("vary")), ("nosniff", "accept"));
    assert_eq!(host.page("/console/sign-in").await.status, StatusCode::SEE_OTHER);
    assert_eq!(sign_in(&host, "token=any&to=%2Fconsole%2Fjobs").await.header("location"), "/console/jobs");
}

#[tokio::test]
async fn what_is_refused_is_a_page_for_browsers_and_json_for_programs() {
    let host = host();
    for (method, path, status, words) in [
        ("GET", "/console/nothing", StatusCode::NOT_FOUND, "there is nothing at /console/nothing"),
        ("GET", "/console/jobs/", StatusCode::NOT_FOUND, "there is nothing at"),
        ("GET", "/console/streams/%ff/%ff", StatusCode::BAD_REQUEST, "UTF-8"),
        ("GET", "/console/jobs/%ff", StatusCode::BAD_REQUEST, "not percent-encoded UTF-8"),
        ("GET", "/console/load-tests?after=a&amp;after=b&after=c", StatusCode::BAD_REQUEST, "duplicate field"),
        ("DELETE", "/console/jobs", StatusCode::METHOD_NOT_ALLOWED, "does not take the method DELETE"),
        ("GET", "/console/sign-out", StatusCode::METHOD_NOT_ALLOWED, "does not take the method GET"),
        ("POST", "/console/jobs/new", StatusCode::FORBIDDEN, "This form is too old"),
        ("GET", "/console/jobs/nothing", StatusCode::NOT_FOUND, "nothing"),
    ] {
        let page = host.send(method, path, &[HTML], "").await;
        assert_eq!((page.status, page.header("content-type")), (status, "text/html; charset=utf-8"), "{path}: {}", page.text);
        assert!(
            page.text.contains(words) && page.text.contains("<nav") && !page.header("content-security-policy").is_empty(),
            "{path}: {}",
            page.text
        );
    }
    let refused = host.send("DELETE", "/console/jobs", &[HTML], "").await;
    assert_eq!(refused.header("allow"), "GET,HEAD");
    let program = host.send("GET", "/console/nothing", &[], "").await;
    assert_eq!((program.status, program.text.as_str()), (StatusCode::NOT_FOUND, r#"{"message":"there is nothing at /console/nothing"}"#));
    for path in ["/console", "/console/"] {
        assert_eq!(host.page(path).await.header("location"), "/", "{path}");
    }
}

#[tokio::test]
async fn the_token_itself_opens_pages_and_forms() {
    let host = host_with(Some("t"));
    let mine = ("authorization", "Bearer t");
    let page = host.send("GET", "/console/jobs", &[HTML, mine], "").await;
    assert!(page.status == StatusCode::OK && !page.text.contains("Sign out"), "{}", page.text);
    let form = format!("form={}", host.send("GET", "/console/jobs/new", &[HTML, mine], "").await.form_code());
    assert_eq!(host.send("POST", "/console/sign-out", &[HTML, mine], &form).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whoever_sends_a_form_too_late_is_asked_to_sign_in() {
    let host = host_with(Some("t"));
    let late = [HTML, ("referer", "http://h/console/streams/default/a?limit=5")];
    let page = host.send("POST", "/console/streams/default/a/send", &late, "form=x").await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(page.text.contains("was not taken") && page.text.contains("value=\"/console/streams/default/a?limit=5\""), "{}", page.text);
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(host.send("POST", "/start", &late, "{}").await.header("content-type"), "application/json");
    assert_eq!(host.send("HEAD", "/console/jobs", &[HTML], "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_program_gets_the_message_that_was_always_there() {
    let host = host();
    for accept in ["*/*", "application/json", "text/*"] {
        let answer = host.send("GET", "/", &[("accept", accept)], "").await;
        assert_eq!(answer.header("content-type"), "application/json", "{accept}");
        assert_eq!(answer.text, r#"{"message":"Data Generator server. POST to /start to initiate an data generator."}"#);
    }
}

#[tokio::test]
async fn with_a_token_one_signs_in_first() {
    let host = host_with(Some("the right öne"));
    let sent_away = host.page("/console/sign-out?a=b c".replace(' ', "+").as_str()).await;
    assert_eq!(
        (sent_away.status, sent_away.header("location")),
        (StatusCode::SEE_OTHER, "/console/sign-in?to=%2Fconsole%2Fsign%2Dout%3Fa%3Db%2Bc")
    );
    assert_eq!(host.send("GET", "/live", &[], "").await.status, StatusCode::UNAUTHORIZED);
    let page = host.page("/console/sign-in?to=%2Fconsole%2Fjobs").await;
    assert!(page.status == StatusCode::OK && page.text.contains("value=\"/console/jobs\""), "{}", page.text);
    for wrong in ["token=the+wrong+one", "token=", "", "token=the+right+%C3%B6ne+"] {
        let answer = sign_in(&host, wrong).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (StatusCode::FORBIDDEN, ""), "{wrong}");
        assert!(answer.text.contains("not the token"));
    }
    let answer = sign_in(&host, "token=the+right+%C3%B6ne&to=%2Fconsole%2Fjobs").await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/console/jobs"));
    let set = answer.header("set-cookie");
    for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.contains("Secure") && !set.contains("right"), "{set}");
    let over_tls = host.send("POST", "/console/sign-in", &[("x-forwarded-proto", "https")], "token=the+right+%C3%B6ne").await;
    assert!(over_tls.header("set-cookie").ends_with("; Secure"));
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let host = host_with(Some("t"));
    for to in ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "", "/a%0d%0ab"] {
        let to = to.replace(':', "%3A").replace('/', "%2F").replace('\\', "%5C");
        assert_eq!(sign_in(&host, &format!("token=t&to={to}")).await.header("location"), "/", "{to}");
    }
}

#[tokio::test]
async fn a_cookie_holds_for_half_a_day_and_opens_what_it_should() {
    let host = host_with(Some("the right öne"));
    let cookie = cookie(&host).await;
    let mine = ("cookie", format!("other=1; {cookie}"));
    let mine = (mine.0, mine.1.as_str());
    let page = host.send("GET", "/", &[HTML, mine], "").await;
    assert!(page.status == StatusCode::OK && page.text.contains("Sign out"));
    assert_eq!(host.send("GET", "/live", &[("accept", "application/json"), mine], "").await.status, StatusCode::OK);
    // What programs change stays with the token: a cookie is sent by the browser whether its owner wants it or not.
    assert_eq!(host.send("POST", "/start", &[mine], "{}").await.status, StatusCode::UNAUTHORIZED);
    for (altered, what) in [
        (cookie.replace('=', "=9"), "another end"),
        (cookie[..cookie.len() - 1].to_owned(), "a shorter code"),
        ("headwater_session=".to_owned(), "none"),
        ("headwater_session=99999999999.".to_owned(), "no code"),
    ] {
        assert_eq!(host.send("GET", "/", &[HTML, ("cookie", &altered)], "").await.status, StatusCode::SEE_OTHER, "{what}");
    }
    host.clock.advance(Duration::from_secs(12 * 3600 + 1));
    assert_eq!(host.send("GET", "/", &[HTML, mine], "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_cookie_of_another_token_opens_nothing() {
    let cookie = cookie(&host_with(Some("the right öne"))).await;
    let host = host_with(Some("another"));
    assert_eq!(host.send("GET", "/", &[HTML, ("cookie", &cookie)], "").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn forms_are_taken_from_our_own_pages_only() {
    let host = host_with(Some("the right öne"));
    let cookie = cookie(&host).await;
    let mine = ("cookie", cookie.as_str());
    let code = host.send("GET", "/", &[HTML, mine], "").await.form_code();
    let form = format!("form={code}");
    for (headers, body, status) in [
        (vec![mine], String::new(), StatusCode::FORBIDDEN),
        (vec![mine], "form=".to_owned(), StatusCode::FORBIDDEN),
        (vec![mine], format!("form={}", code.replace(&code[..1], "x")), StatusCode::FORBIDDEN),
        (vec![mine, ("sec-fetch-site", "cross-site")], form.clone(), StatusCode::FORBIDDEN),
        (vec![mine, ("sec-fetch-site", "same-site")], form.clone(), StatusCode::FORBIDDEN),
        (vec![], form.clone(), StatusCode::UNAUTHORIZED),
        (vec![mine, ("sec-fetch-site", "same-origin")], form.clone(), StatusCode::SEE_OTHER),
    ] {
        let answer = host.send("POST", "/console/sign-out", &headers, &body).await;
        assert_eq!(answer.status, status, "{headers:?} {body}: {}", answer.text);
        let ends = answer.header("set-cookie").contains("Max-Age=0");
        assert_eq!(ends, status == StatusCode::SEE_OTHER, "{headers:?} {body}");
    }
}
