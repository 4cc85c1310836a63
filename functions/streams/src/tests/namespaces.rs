use serde_json::json;

use super::{N, host};

#[tokio::test]
async fn there_is_one_namespace_at_first_and_more_can_be_made() {
    let host = host();
    assert_eq!(host.get("/v3/namespaces").await.json(), json!([{"name": "default"}]));
    assert_eq!(host.get(N).await.json(), json!({"name": "default"}));
    for path in ["/v3/namespaces/shop_2", "/v3/namespaces/Zoo/", "/v3/namespaces/shop_2"] {
        host.put(path, "").await.is_empty(200);
    }
    host.put(N, "").await.is_empty(200);
    assert_eq!(host.get("/v3/namespaces/").await.json(), json!([{"name": "Zoo"}, {"name": "default"}, {"name": "shop_2"}]));
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_404_until_it_is_made() {
    let host = host();
    for path in
        ["/v3/namespaces/ghost", "/v3/namespaces/ghost/streams", "/v3/namespaces/ghost/streams/s", "/v3/namespaces/ghost/apps/a/streams"]
    {
        host.get(path).await.refuses(404, "ghost");
    }
    host.put("/v3/namespaces/ghost/streams/s", "").await.refuses(404, "ghost");
    host.delete("/v3/namespaces/ghost").await.refuses(404, "ghost");
    assert!(host.get("/v3/namespaces/ghost/streams/s/events").await.status == 404);
    host.put("/v3/namespaces/ghost", "").await.is_empty(200);
    assert_eq!(host.get("/v3/namespaces/ghost/streams").await.json(), json!([]));
    host.put("/v3/namespaces/ghost/streams/s", "").await.is_empty(200);
}

#[tokio::test]
async fn that_the_namespace_is_missing_is_said_before_what_else_is_wrong() {
    let host = host();
    host.put("/v3/namespaces/ghost/streams/bad.id", "{").await.refuses(404, "ghost");
    host.put(&format!("{N}/streams/bad.id"), "{").await.refuses(400, "stream id");
}

#[tokio::test]
async fn ids_of_namespaces_are_letters_digits_and_underscores() {
    let host = host();
    for id in ["a-b", "a.b", "a%20b", "%C3%A9", "a%2Fb", "%FF"] {
        for path in [format!("/v3/namespaces/{id}"), format!("/v3/namespaces/{id}/streams"), format!("/v3/namespaces/{id}/streams/s")] {
            assert_eq!(host.get(&path).await.status, 400, "{path}");
            assert_eq!(host.put(&path, "").await.status, if path.ends_with("/streams") { 405 } else { 400 }, "{path}");
        }
    }
}

#[tokio::test]
async fn reserved_namespaces_are_neither_made_nor_removed_nor_used() {
    let host = host();
    for id in ["system", "cdap"] {
        host.put(&format!("/v3/namespaces/{id}"), "").await.refuses(403, id);
        host.delete(&format!("/v3/namespaces/{id}")).await.refuses(403, id);
        host.put(&format!("/v3/namespaces/{id}/streams/s"), "").await.refuses(404, id);
        host.get(&format!("/v3/namespaces/{id}")).await.refuses(404, id);
    }
    host.delete(N).await.refuses(403, "default");
    assert_eq!(host.get("/v3/namespaces").await.json(), json!([{"name": "default"}]));
}

#[tokio::test]
async fn only_an_empty_namespace_is_removed() {
    let host = host();
    host.put("/v3/namespaces/shop", "").await.is_empty(200);
    host.put("/v3/namespaces/shop/streams/s", "").await.is_empty(200);
    host.delete("/v3/namespaces/shop").await.refuses(409, "shop");
    assert_eq!(host.get("/v3/namespaces/shop/streams").await.json(), json!([{"name": "s"}]));
    host.delete("/v3/namespaces/shop/streams/s").await.is_empty(200);
    host.delete("/v3/namespaces/shop").await.is_empty(200);
    host.delete("/v3/namespaces/shop").await.refuses(404, "shop");
    host.put("/v3/namespaces/shop/streams/s", "").await.refuses(404, "shop");
}

#[tokio::test]
async fn equal_ids_in_two_namespaces_are_two_streams() {
    let host = host();
    host.put("/v3/namespaces/other", "").await.is_empty(200);
    for namespace in ["default", "other"] {
        let stream = format!("/v3/namespaces/{namespace}/streams/s");
        host.put(&stream, json!({"description": namespace})).await.is_empty(200);
        host.post(&stream, namespace).await.is_empty(200);
    }
    for namespace in ["default", "other"] {
        let stream = format!("/v3/namespaces/{namespace}/streams/s");
        let events = host.events(&format!("{stream}/events")).await;
        assert_eq!((events.len(), &events[0]["body"]), (1, &json!(namespace)));
        assert_eq!(host.get(&stream).await.json()["description"], namespace);
    }
    host.delete(&format!("{N}/streams/s")).await.is_empty(200);
    assert_eq!(host.events("/v3/namespaces/other/streams/s/events").await.len(), 1);
}
