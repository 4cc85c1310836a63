//! The console without a socket, over stores in memory and a clock that stands still.

mod jobs;
mod live;
mod load_tests;
mod signing;
mod simulations;
mod streams;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::middleware::from_fn;
use headwater_adapters::javascript::JavaScript;
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_adapters::{HubSet, ManualClock, OsEntropy, SimulationsSetup, Stores};
use headwater_core::datagen::Stock;
use headwater_core::load_tests::Settings;
use headwater_core::ports::{Clock, Entropy, Targets, Timestamp};
use headwater_core::secret::Secret;
use headwater_core::streams::StreamUsage;
use headwater_web::{House, Token, with_house_layers};
use tower::ServiceExt as _;

use crate::{Console, Services, Setup, Troubles, same_site};

/// When every test begins: 2023-11-14T22:13:20.123Z.
pub(crate) const START: i64 = 1_700_000_000_123;

/// A host with nothing but the console.
pub(crate) struct Host {
    routes: Router,
    pub(crate) console: Console,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) troubles: Troubles,
    pub(crate) services: Services,
    pub(crate) stores: Stores,
    /// The code of forms, as anybody's who needs no token.
    form_code: String,
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code that the forms of this page carry.
    #[track_caller]
    pub(crate) fn form_code(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"form\" value=\"").unwrap_or_else(|| panic!("no form in {}", self.text));
        rest.split('"').next().unwrap().to_owned()
    }
}

pub(crate) fn host() -> Host {
    host_with(None)
}

pub(crate) fn host_with(token: Option<&str>) -> Host {
    let manual = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
    let clock: Arc<dyn Clock> = Arc::clone(&manual) as _;
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let stores = Stores::in_memory(&clock);
    let streams = stores.streams(&clock, &entropy);
    let tables = stores.tables(&streams, &clock, &entropy);
    let targets =
        TargetSet::new(Arc::clone(&stores.files), OutboundHosts::default()).with_streams(streams.clone()).with_tables(tables.clone());
    let targets: Arc<dyn Targets> = Arc::new(targets);
    let config = (headwater_adapters::iot_hub::IotHubConfig::default(), OutboundHosts::default());
    let hubs = HubSet::new(Arc::clone(&stores.documents), streams.clone(), Arc::clone(&targets), config, &clock, &entropy);
    let setup =
        SimulationsSetup { hub: None, hubs: Arc::new(hubs), engine: Arc::new(JavaScript::new()), targets: Arc::clone(&targets), keeps: 10 };
    let services = Services {
        datagen: stores.datagen(Arc::new(Stock), targets, &clock, &entropy),
        simulations: stores.simulations_group(setup, &clock, &entropy).service,
        usage: StreamUsage::new(streams.clone(), Vec::new()),
        streams,
        tables,
        load_tests: stores.load_tests(&clock, &entropy, Settings::default()),
    };
    let troubles = Troubles::new(Arc::clone(&clock));
    let token = token.map(Secret::new);
    let setup =
        Setup { services, troubles: troubles.clone(), token: token.clone(), period: Duration::from_secs(1), clock: Arc::clone(&clock) };
    let console = Console::new(setup, &*entropy);
    let token = token.map(|token| Token::new(token).with_door(console.door()));
    let house = House { token, clock, entropy, largest_reply: None, dialects: &[] };
    let routes = with_house_layers(console.clone().router(), house).layer(from_fn(same_site));
    let session = console.guard.session(&HeaderMap::new());
    let form_code = session.map(|session| console.guard.form_code(&session)).unwrap_or_default();
    Host { routes, services: console.services.clone(), console, clock: manual, troubles, stores, form_code }
}

impl Host {
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.routes.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// The body of an answer that does not end by itself.
    pub(crate) async fn open(&self, path: &str) -> Body {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.routes.clone().oneshot(request).await.unwrap().into_body()
    }

    /// A page, as a browser asks for it.
    pub(crate) async fn page(&self, path: &str) -> Answer {
        self.send("GET", path, &[("accept", "text/html,application/xhtml+xml")], "").await
    }

    /// Posts the fields of a form of a page, with its code.
    pub(crate) async fn post(&self, page: &Answer, path: &str, fields: &[(&str, &str)]) -> Answer {
        let code = page.form_code();
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("form", &code).extend_pairs(fields).finish();
        self.send("POST", path, &[("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")], &body).await
    }
    /// Posts a form with its code, without the page that it stands on.
    pub(crate) async fn fill(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let code = [("form", self.form_code.as_str())];
        self.post_anyhow(path, &code.iter().chain(fields).copied().collect::<Vec<_>>()).await
    }

    /// Posts what somebody else may have made.
    pub(crate) async fn post_anyhow(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, &[("content-type", "application/x-www-form-urlencoded")], &body).await
    }
}
