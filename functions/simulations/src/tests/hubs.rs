use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ALL, Host, ONE, host, with_etag};

const KEY: &str = "c2VjcmV0c2VjcmV0";

fn string(host: &str, policy: &str, key: &str) -> String {
    format!("HostName={host};SharedAccessKeyName={policy};SharedAccessKey={key}")
}

fn hub(host: &str, key: &str) -> Value {
    json!({"IotHub": {"ConnectionString": string(host, "p", key)}})
}

async fn kept(host: &Host, name: &str) -> Option<String> {
    host.records.connection_string(name, "p").await.unwrap().map(|string| string.exposed().expose().to_owned())
}

#[tokio::test]
async fn without_a_connection_string_the_hub_is_that_of_the_configuration() {
    for given in [
        json!(null),
        json!({}),
        json!({"ConnectionString": null}),
        json!({"ConnectionString": "  "}),
        json!({"connectionstring": " Default "}),
    ] {
        let host = host();
        assert_eq!(host.create(&json!({"IOTHUB": given})).await["IoTHub"], json!({"ConnectionString": "default"}), "{given}");
    }
    let host = host();
    host.refuses(&json!({"IoTHub": "text"}), "IoTHub: must be an object").await;
    host.refuses(&json!({"IoTHubs": [{}, {}]}), "IoTHubs: a simulation has one hub").await;
    let listed = json!({"IoTHubs": [{"ConnectionString": string("h.example.net", "p", KEY)}]});
    assert_eq!(host.create(&listed).await["IoTHub"]["ConnectionString"], string("h.example.net", "p", ""));
}

#[tokio::test]
async fn no_answer_has_the_key_and_one_document_does() {
    let host = host();
    let created = host.post(ALL, super::simulation(&hub("h.example.net", KEY))).await;
    assert_eq!(created.json()["IoTHub"]["ConnectionString"], string("h.example.net", "p", ""));
    let patched = host.patch(ONE, json!({"ETag": created.json()["ETag"], "Enabled": true})).await;
    let conflict = host.put(ONE, with_etag(&json!("stale"), &hub("h.example.net", "b3RoZXJvdGhlcm8="))).await;
    let refused = host.put(ONE, with_etag(&json!("*"), &hub("h.example.net", &format!("{KEY}x")))).await;
    for answer in [created, patched, conflict, refused, host.get(ONE).await, host.get(ALL).await, host.get("/v1/status").await] {
        assert!(!answer.text().contains(KEY) && !answer.text().contains("b3RoZXI"), "{}", answer.text());
    }
    assert_eq!(host.documents_with(KEY).await.len(), 1);
    assert_eq!(kept(&host, "h.example.net").await, Some(string("h.example.net", "p", KEY)));
}

#[tokio::test]
async fn an_empty_key_means_the_one_given_before_for_the_same_host_and_policy() {
    let host = host();
    host.refuses(&hub("h.example.net", ""), "IoTHub.ConnectionString: has no key").await;
    host.put(ONE, super::simulation(&hub("h.example.net", ""))).await.refuses(400, "IotHubConnectionException");
    let mut etag = host.create(&hub("h.example.net", KEY)).await["ETag"].clone();
    let same = host.put(ONE, with_etag(&etag, &hub("h.example.net", ""))).await.json();
    assert_eq!(same["IoTHub"]["ConnectionString"], string("h.example.net", "p", ""));
    assert_eq!(kept(&host, "h.example.net").await, Some(string("h.example.net", "p", KEY)));
    etag = same["ETag"].clone();
    for other in [string("H.example.net", "p", ""), string("h.example.net", "P", ""), string("other.example.net", "p", "")] {
        let body = with_etag(&etag, &json!({"IoTHub": {"ConnectionString": other}}));
        host.put(ONE, body).await.refuses(400, "IotHubConnectionException");
    }
}

#[tokio::test]
async fn another_hub_or_none_makes_the_old_key_unknown() {
    let host = host();
    let first = host.create(&hub("a.example.net", KEY)).await;
    let second = host.put(ONE, with_etag(&first["ETag"], &hub("b.example.net", KEY))).await.json();
    assert_eq!((kept(&host, "a.example.net").await, kept(&host, "b.example.net").await.is_some()), (None, true));
    host.put(ONE, with_etag(&second["ETag"], &hub("a.example.net", ""))).await.refuses(400, "IotHubConnectionException");
    let third = host.put(ONE, with_etag(&second["ETag"], &json!({"IoTHub": {"ConnectionString": "DEFAULT"}}))).await.json();
    assert_eq!(third["IoTHub"]["ConnectionString"], "default");
    assert_eq!(host.documents_with(KEY).await, [""; 0]);
}

#[tokio::test]
async fn a_write_that_fails_leaves_the_keys_as_they_were() {
    let host = host();
    let first = host.create(&hub("a.example.net", KEY)).await;
    *host.devices.refusal.lock().unwrap() = Some("no".to_owned());
    for other in [hub("b.example.net", "b3RoZXJvdGhlcm8="), hub("a.example.net", "b3RoZXJvdGhlcm8=")] {
        host.put(ONE, with_etag(&first["ETag"], &other)).await.refuses(400, "BadRequestException");
    }
    assert_eq!((kept(&host, "a.example.net").await, kept(&host, "b.example.net").await), (Some(string("a.example.net", "p", KEY)), None));
}

#[tokio::test]
async fn a_connection_string_of_another_form_is_refused_and_not_repeated() {
    let host = host();
    for text in
        ["foobar", "HostName=h", &string("", "p", KEY), &string("h", "", KEY), &string("h/../x", "p", KEY), &string("h", "p", "c2Vjx")]
    {
        let answer = host.put(ONE, super::simulation(&json!({"IoTHub": {"ConnectionString": text}}))).await;
        let said = answer.refuses(400, "InvalidIotHubConnectionStringFormatException");
        assert!(!said.contains("c2V"), "{said}");
    }
    let long = string(&"h".repeat(2000), "p", KEY);
    host.put(ONE, super::simulation(&json!({"IoTHub": {"ConnectionString": long}})))
        .await
        .refuses(400, "InvalidIotHubConnectionStringFormatException");
    assert!(host.records.stored().await.unwrap().is_none());
}

#[tokio::test]
async fn a_target_is_shown_without_its_secrets_and_may_be_put_back_so() {
    let host = host();
    let target = json!({"type": "http", "url": "http://user:word@127.0.0.1:9/in?token=abc", "headers": {"x-api-key": "sesame"}});
    let made = host.create(&json!({"Target": target})).await;
    let shown = made["Target"].clone();
    assert!(["user", "word", "abc", "sesame"].iter().all(|secret| !made.to_string().contains(secret)), "{made}");
    let again = host.put(ONE, with_etag(&made["ETag"], &json!({"Target": shown, "Name": "x"}))).await.json();
    assert_eq!(again["Target"], shown);
    assert_eq!(host.documents_with("sesame").await.len(), 1, "the secret was kept");
    let mut half = shown.clone();
    half["url"] = json!("http://127.0.0.1:9/elsewhere");
    let said = host.put(ONE, with_etag(&again["ETag"], &json!({"Target": half}))).await.refuses(400, "BadRequestException");
    assert!(said.starts_with("Target: has ********"), "{said}");
    let without = host.put(ONE, with_etag(&again["ETag"], &json!({}))).await.json();
    assert_eq!(without.get("Target"), None);
    assert_eq!(host.documents_with("sesame").await, [""; 0]);
}

#[tokio::test]
async fn a_target_is_checked_and_stands_beside_no_hub() {
    let host = host();
    host.refuses(&json!({"Target": {"type": "nonsense"}}), "unknown target type").await;
    host.refuses(&json!({"Target": {"type": "stream"}}), "target.stream: is required").await;
    host.refuses(&json!({"Target": "x"}), "Target: must be an object").await;
    let mut both = hub("h.example.net", KEY);
    both["Target"] = json!({"type": "stream", "stream": "s"});
    host.refuses(&both, "a simulation has a hub or a target").await;
    assert_eq!(host.documents_with("").await, [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_key_is_ever_shown(raw in proptest::collection::vec(any::<u8>(), 9..48)) {
        let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, raw);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let seen = runtime.block_on(async {
            let host = host();
            let answer = host.put(ONE, super::simulation(&hub("h.example.net", &key))).await;
            assert_eq!(kept(&host, "h.example.net").await, Some(string("h.example.net", "p", &key)));
            format!("{}{}", answer.text(), host.get(ONE).await.text())
        });
        prop_assert!(!seen.contains(&key));
    }
}
