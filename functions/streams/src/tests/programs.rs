use std::sync::Arc;

use async_trait::async_trait;
use headwater_core::ids::StreamName;
use headwater_core::ports::PortError;
use headwater_core::streams::{Program, StreamUsers};
use serde_json::{Value, json};

use super::{N, S, host_over, host_with_stream};

fn program(application: &str, kind: &str, name: &str) -> Value {
    json!({"namespace": "default", "application": application, "type": kind, "program": name, "entity": "PROGRAM"})
}

fn stream(id: &str) -> Value {
    json!({"namespace": "default", "stream": id, "entity": "STREAM"})
}

#[tokio::test]
async fn what_nobody_has_used_is_an_empty_list() {
    let host = host_with_stream().await;
    for path in ["apps/x/streams", "apps/x/flows/y/streams", "data/datasets/z/programs", "streams/s/programs", "streams/nope/programs"] {
        for slash in ["", "/"] {
            let answer = host.get(&format!("{N}/{path}{slash}")).await;
            assert_eq!((answer.status.as_u16(), answer.json()), (200, json!([])), "{path}");
        }
    }
    for kind in ["flows", "mapreduce", "services", "spark", "workflows", "workers"] {
        assert_eq!(host.get(&format!("{N}/apps/x/{kind}/y/streams")).await.json(), json!([]));
    }
    for kind in ["gizmos", "Flows", "flow", "%FF"] {
        assert_eq!(host.get(&format!("{N}/apps/x/{kind}/y/streams")).await.status, 400, "{kind}");
    }
    host.get("/v3/namespaces/ghost/streams/s/programs").await.refuses(404, "ghost");
    host.get(&format!("{N}/streams/a.b/programs")).await.refuses(400, "stream id");
}

#[tokio::test]
async fn a_program_that_names_itself_is_listed_once_wherever_it_is_asked_for() {
    let host = host_with_stream().await;
    let other = format!("{N}/streams/other");
    host.put(&other, "").await.is_empty(200);
    let shop = ("x-headwater-program", "shop/flows/clicks");
    for (method, behind) in [("POST", ""), ("POST", "/async"), ("POST", "/batch"), ("GET", "/events"), ("POST", "")] {
        let answer = host.send(method, &format!("{S}{behind}"), &[shop, ("content-type", "text/plain")], "x").await;
        assert!(answer.status.is_success(), "{method} {behind}");
    }
    host.send("POST", &other, &[("x-headwater-program", "shop/spark/daily report")], "x").await.is_empty(200);
    let clicks = program("shop", "Flow", "clicks");
    for path in ["streams/s/programs", "data/datasets/s/programs"] {
        assert_eq!(host.get(&format!("{N}/{path}")).await.json(), json!([clicks]));
    }
    assert_eq!(host.get(&format!("{N}/apps/shop/streams")).await.json(), json!([stream("other"), stream("s")]));
    assert_eq!(host.get(&format!("{N}/apps/shop/flows/clicks/streams")).await.json(), json!([stream("s")]));
    assert_eq!(host.get(&format!("{N}/apps/shop/spark/daily%20report/streams")).await.json(), json!([stream("other")]));
    for path in ["apps/shop/flows/daily%20report/streams", "apps/shop/services/clicks/streams", "apps/sho/streams"] {
        assert_eq!(host.get(&format!("{N}/{path}")).await.json(), json!([]), "{path}");
    }
    host.delete(S).await.is_empty(200);
    assert_eq!(host.get(&format!("{N}/apps/shop/streams")).await.json(), json!([stream("other")]));
}

#[tokio::test]
async fn a_program_that_is_named_wrongly_is_refused_and_one_that_failed_has_used_nothing() {
    let host = host_with_stream().await;
    for name in ["shop", "shop/gizmos/x", "a/flows/b/c", "//", "shop/flows/"] {
        for (method, behind) in [("POST", ""), ("POST", "/async"), ("POST", "/batch"), ("GET", "/events")] {
            let answer =
                host.send(method, &format!("{S}{behind}"), &[("x-headwater-program", name), ("content-type", "text/plain")], "x").await;
            answer.refuses(400, "X-Headwater-Program");
        }
    }
    assert_eq!(host.bodies().await, [""; 0]);
    let shop = ("x-headwater-program", "shop/flows/clicks");
    host.send("POST", &format!("{S}/batch"), &[shop], "x").await.refuses(406, "");
    host.send("GET", &format!("{S}/events?limit=0"), &[shop], "").await.refuses(400, "limit");
    assert_eq!(host.get(&format!("{S}/programs")).await.json(), json!([]));
    host.send("POST", S, &[("x-headwater-program", "")], "x").await.is_empty(200);
}

/// A group whose programs use what they are told to.
#[derive(Debug)]
struct Jobs(Vec<(StreamName, Program)>);

#[async_trait]
impl StreamUsers for Jobs {
    async fn uses(&self) -> Result<Vec<(StreamName, Program)>, PortError> {
        Ok(self.0.clone())
    }
}

#[tokio::test]
async fn what_other_groups_do_with_streams_is_listed_as_well() {
    let name = |id: &str| StreamName { namespace: "default".try_into().unwrap(), stream: id.try_into().unwrap() };
    let job = || Program::parse("datagen/workflows/clicks").unwrap();
    let jobs = Jobs(vec![(name("s"), job()), (name("gone"), job()), (name("s"), job())]);
    let host = host_over(|streams| streams, vec![Arc::new(jobs)], None);
    assert_eq!(host.get(&format!("{S}/programs")).await.json(), json!([]), "a stream that is not there is used");
    host.put(S, "").await.is_empty(200);
    host.send("POST", S, &[("x-headwater-program", "shop/flows/f")], "x").await.is_empty(200);
    let wanted = json!([program("datagen", "Workflow", "clicks"), program("shop", "Flow", "f")]);
    assert_eq!(host.get(&format!("{S}/programs")).await.json(), wanted);
    assert_eq!(host.get(&format!("{N}/apps/datagen/streams")).await.json(), json!([stream("s")]));
    assert_eq!(host.get(&format!("{N}/apps/datagen/workflows/clicks/streams")).await.json(), json!([stream("s")]));
}
