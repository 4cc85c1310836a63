//! The pages of tables: what they show, what their forms do, and what pictures are drawn from.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use futures::StreamExt as _;
use headwater_adapters::iot_hub::IotHubConfig;
use headwater_adapters::javascript::JavaScript;
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_adapters::{HubSet, OsEntropy, SimulationsSetup, Stores, SystemClock};
use headwater_core::datagen::Stock;
use headwater_core::ids::TableName;
use headwater_core::load_tests;
use headwater_core::ports::{Clock, Entropy, Targets};
use headwater_core::streams::StreamUsage;
use headwater_core::tables::{Definition, Rows, TableService};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{Console, Services, Setup, Troubles};

/// A console whose tables nobody feeds but the test.
struct Host {
    routes: Router,
    tables: TableService,
    form_code: String,
}

struct Answer {
    status: StatusCode,
    location: String,
    text: String,
}

fn host() -> Host {
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    let stores = Stores::in_memory(&clock);
    let streams = stores.streams(&clock, &entropy);
    let tables = stores.tables(&streams, &clock, &entropy);
    let targets: Arc<dyn Targets> = Arc::new(TargetSet::new(Arc::clone(&stores.files), OutboundHosts::default()));
    let config = (IotHubConfig::default(), OutboundHosts::default());
    let hubs = HubSet::new(Arc::clone(&stores.documents), streams.clone(), Arc::clone(&targets), config, &clock, &entropy);
    let setup =
        SimulationsSetup { hub: None, hubs: Arc::new(hubs), engine: Arc::new(JavaScript::new()), targets: Arc::clone(&targets), keeps: 1 };
    let services = Services {
        datagen: stores.datagen(Arc::new(Stock), targets, &clock, &entropy),
        simulations: stores.simulations_group(setup, &clock, &entropy).service,
        usage: StreamUsage::new(streams.clone(), Vec::new()),
        streams,
        tables: tables.clone(),
        load_tests: stores.load_tests(&clock, &entropy, load_tests::Settings::default()),
    };
    let troubles = Troubles::new(Arc::clone(&clock));
    let console = Console::new(Setup { services, troubles, token: None, period: Duration::from_secs(1), clock }, &*entropy);
    let session = console.guard.session(&http::HeaderMap::new()).expect("anybody may look");
    let form_code = console.guard.form_code(&session);
    Host { routes: console.router(), tables, form_code }
}

impl Host {
    async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.routes.clone().oneshot(request).await.unwrap().into_parts();
        let location = parts.headers.get("location").map_or("", |value| value.to_str().unwrap()).to_owned();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, location, text }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form with its code.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let code = [("form", self.form_code.as_str())];
        self.send(path, &code.iter().chain(fields).copied().collect::<Vec<_>>()).await
    }

    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.ask(request.body(Body::from(body)).unwrap()).await
    }

    async fn define(&self, table: &str, definition: Value) -> TableName {
        let name = TableName::try_from(table).unwrap();
        self.tables.define(&name, Definition::parse(definition.to_string().as_bytes()).unwrap()).await.unwrap();
        name
    }

    async fn push(&self, table: &TableName, samples: Vec<f64>) {
        let mut append = self.tables.append(table).await.unwrap();
        append.push(Rows::of_samples(samples)).await.unwrap();
        append.commit().await.unwrap();
    }

    async fn watch(&self, path: &str) -> Events {
        let answer = self.routes.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        Events(answer.into_body().into_data_stream())
    }
}

/// Server-sent events, as they come.
struct Events(BodyDataStream);

impl Events {
    /// The next event's name and data; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            let piece = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await.expect("an event, or the end")?.unwrap();
            let text = String::from_utf8(piece.to_vec()).unwrap();
            if let Some((name, data)) = text.strip_prefix("event: ").and_then(|text| text.trim_end().split_once("\ndata: ")) {
                return Some((name.to_owned(), serde_json::from_str(data).unwrap()));
            }
        }
    }

    async fn frame(&mut self) -> Value {
        let (name, data) = self.next().await.unwrap();
        assert_eq!(name, "frame", "{data}");
        data
    }
}

fn sine(count: usize, from: usize) -> Vec<f64> {
    (from..from + count).map(|at| 0.5 * libm::cos(std::f64::consts::TAU * 440.0 * at as f64 / 8000.0)).collect()
}

#[tokio::test]
async fn a_table_is_defined_by_its_form_and_by_json_and_listed() {
    let host = host();
    assert!(host.get("/console/tables").await.text.contains("No table yet"));
    let fields =
        [("by", "form"), ("name", "tone"), ("element", "sample"), ("sampleRate", "8000"), ("window", "800"), ("function", "hamming")];
    let made = host.post("/console/tables", &fields).await;
    assert_eq!((made.status, made.location.as_str()), (StatusCode::SEE_OTHER, "/console/tables/tone"));
    let made = host.post("/console/tables", &[("by", "json"), ("name", "j s"), ("definition", r#"{"element":"json"}"#)]).await;
    assert_eq!((made.status, made.location.as_str()), (StatusCode::SEE_OTHER, "/console/tables/j%20s"));
    let list = host.get("/console/tables").await.text;
    for part in ["windows of 800, then hamming", "href=\"/console/tables/j%20s\"", ">8000<", "pushed"] {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert_eq!(host.get(&made.location).await.status, StatusCode::OK);
}

#[tokio::test]
async fn mistakes_stand_at_their_fields_and_what_was_filled_in_stays() {
    let host = host();
    let fields = [("by", "form"), ("name", "a/b"), ("element", "sample"), ("sampleRate", "<b>fast"), ("bins", "1024")];
    let refused = host.post("/console/tables", &fields).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    for part in ["<code>sampleRate</code>", "<code>operations[0].fft</code>", "value=\"a/b\" required aria-invalid=\"true\""] {
        assert!(refused.text.contains(part), "{part}: {}", refused.text);
    }
    assert!(!refused.text.contains("<b>fast") && refused.text.contains("fast"));
    let refused =
        host.post("/console/tables", &[("by", "form"), ("name", "x"), ("element", "sample"), ("from", "table"), ("table", "y")]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text.contains("<code>source.table</code>: y is not found"), "{}", refused.text);
    host.define("x", json!({"element": "json"})).await;
    assert_eq!(host.post("/console/tables", &[("by", "form"), ("name", "x"), ("element", "list")]).await.status, StatusCode::CONFLICT);
    // Without the code of the form nothing is done.
    assert_eq!(host.send("/console/tables", &[("by", "form"), ("name", "z"), ("element", "list")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(host.get("/console/tables/z").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn elements_are_appended_by_hand_all_or_none() {
    let host = host();
    host.define("n", json!({"element": "sample", "sampleRate": 10})).await;
    let page = "/console/tables/n/append";
    assert_eq!(host.post(page, &[("format", "csv"), ("elements", "1, 2;3\n\n-4.5")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(host.post(page, &[("format", "lines"), ("elements", "5\n6")]).await.status, StatusCode::SEE_OTHER);
    let refused = host.post(page, &[("format", "csv"), ("elements", "7\nseven")]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text.contains("line 2:") && refused.text.contains("7\nseven"), "{}", refused.text);
    assert_eq!(host.post(page, &[("format", "lines"), ("elements", "8\n{}")]).await.status, StatusCode::BAD_REQUEST);
    let shown = host.get("/console/tables/n").await.text;
    assert!(shown.contains("<code>−4.5</code>") && shown.contains("0.500 s") && shown.contains("/audio/n/stream/wav"), "{shown}");
    assert_eq!(host.tables.describe(&TableName::try_from("n").unwrap()).await.unwrap().rows, 6);
    // What nobody may append to has no form for it.
    host.post("/console/tables/n/finish", &[]).await;
    assert_eq!(host.post(page, &[("format", "lines"), ("elements", "9")]).await.status, StatusCode::CONFLICT);
    assert!(!host.get("/console/tables/n").await.text.contains("action=\"/console/tables/n/append"));
}

#[tokio::test]
async fn a_table_is_deleted_when_the_box_is_ticked_and_hostile_text_stays_text() {
    let host = host();
    let name = host.define("<script>", json!({"element": "json"})).await;
    let mut append = host.tables.append(&name).await.unwrap();
    let mut rows = Rows::new(append.element(), 1);
    rows.push_json(br#"{"<img src=x>": 1}"#).unwrap();
    append.push(rows).await.unwrap();
    append.commit().await.unwrap();
    let path = "/console/tables/%3Cscript%3E";
    let page = host.get(path).await.text;
    assert!(!page.contains("<script>") && !page.contains("<img src=x>") && page.contains("img src=x"), "{page}");
    let unsure = host.post(&format!("{path}/delete"), &[]).await;
    assert_eq!(unsure.status, StatusCode::BAD_REQUEST);
    assert!(unsure.text.contains("Tick the box"));
    let deleted = host.post(&format!("{path}/delete"), &[("sure", "yes")]).await;
    assert_eq!((deleted.status, deleted.location.as_str()), (StatusCode::SEE_OTHER, "/console/tables"));
    assert_eq!(host.get(path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn samples_become_a_waveform_and_a_spectrum_that_go_on() {
    let host = host();
    let name = host.define("tone", json!({"element": "sample", "sampleRate": 8000})).await;
    host.push(&name, sine(8000, 0)).await;
    let mut events = host.watch("/console/tables/tone/watch?span=0.05").await;
    let frame = events.frame().await;
    assert_eq!(frame["words"], "value from −0.5 to 0.5");
    assert_eq!(frame["spectrum"]["words"], "strongest at 440 Hz, −6.0 dB");
    assert_eq!((&frame["step"], &frame["about"]["rows"]), (&json!(0.00025), &json!(8000)));
    let columns = frame["lines"][0]["low"].as_array().unwrap().len();
    assert_eq!((columns, frame["begin"].as_f64().unwrap() + columns as f64 * 0.00025), (200, 1.0));
    assert!(frame["spectrum"]["points"].as_array().unwrap().len() <= 512);
    host.push(&name, vec![2.0; 80]).await;
    let frame = events.frame().await;
    assert_eq!((&frame["lines"][0]["high"][199], &frame["about"]), (&json!(2.0), &Value::Null));
    assert!((frame["at"].as_f64().unwrap() - 1.009_875).abs() < 1e-9, "{}", frame["at"]);
    // No finer than the picture, however long it is.
    let mut longer = host.watch("/console/tables/tone/watch?span=30").await;
    assert!(longer.frame().await["lines"][0]["low"].as_array().unwrap().len() <= 300);
    host.tables.finish(&name).await.unwrap();
    assert_eq!(events.next().await, Some(("end".to_owned(), json!({"why": "finished"}))));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn spectra_become_a_spectrogram_of_which_the_news_are_sent() {
    let host = host();
    let operations = json!([{"window": {"size": 800}}, {"windowFunction": "hamming"}, {"fft": {"binCount": 1024}}]);
    let name = host.define("spectra", json!({"element": "sample", "sampleRate": 8000, "operations": operations})).await;
    let page = host.get("/console/tables/spectra").await.text;
    assert!(page.contains("data-spectrogram") && page.contains("Nothing in it yet") && !page.contains("<audio"), "{page}");
    host.push(&name, sine(8000, 0)).await;
    let mut events = host.watch("/console/tables/spectra/watch").await;
    let frame = events.frame().await;
    assert_eq!(frame["spectrum"]["words"], "strongest at 440 Hz, −6.0 dB");
    assert_eq!(frame["spectrogram"]["columns"].as_array().unwrap().len(), 10);
    host.push(&name, sine(800, 8000)).await;
    assert_eq!(events.frame().await["spectrogram"]["columns"].as_array().unwrap().len(), 1);
    host.tables.remove(&name).await.unwrap();
    assert_eq!(events.next().await, Some(("end".to_owned(), json!({"why": "removed"}))));
}

#[tokio::test]
async fn objects_become_a_line_for_each_number_and_rows() {
    let host = host();
    let name = host.define("weather", json!({"element": "json", "sampleRate": 1})).await;
    let mut append = host.tables.append(&name).await.unwrap();
    let mut rows = Rows::new(append.element(), 1);
    for minute in 0..30 {
        rows.push_json(json!({"celsius": minute, "place": "<i>", "wind": 3}).to_string().as_bytes()).unwrap();
    }
    append.push(rows).await.unwrap();
    append.commit().await.unwrap();
    let mut events = host.watch("/console/tables/weather/watch?span=30").await;
    let frame = events.frame().await;
    let names: Vec<&str> = frame["lines"].as_array().unwrap().iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["celsius", "wind"]);
    assert_eq!(frame["words"], "celsius from 0 to 29; wind from 3 to 3");
    assert_eq!((frame["rows"].as_array().unwrap().len(), &frame["spectrum"]), (12, &Value::Null));
    // The host ends: whoever watches is let go without a word, and comes back.
    host.tables.end();
    assert_eq!(events.next().await, None);
}
