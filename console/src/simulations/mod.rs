//! The pages of simulations: the one there is, with its form, its figures and its last messages; and the device models.

mod changing;
mod request;

use askama::Template;
use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use headwater_core::ids::StreamName;
use headwater_core::mistakes::Mistake;
use headwater_core::ports::PortError;
use headwater_core::simulations::model::Word as _;
use headwater_core::simulations::{KnownModel, ModelError, ShelfError, SimulationError, SimulationView};
use headwater_web::{Problem, Segment};
use http::StatusCode;
use serde_json::{Value, json};

use self::request::Fields;
use crate::guard::Session;
use crate::live::Fleet;
use crate::page::{Page, show as show_page};
use crate::recent::Told;
use crate::{Console, recent, shown};

/// The section of the menu.
const SECTION: &str = "/console/simulations";

/// Messages that are shown.
const MESSAGES: usize = 12;

pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/console/simulations", get(show).post(changing::save))
        .route("/console/simulations/enabled", post(changing::enable))
        .route("/console/simulations/delete", post(changing::delete))
        .route("/console/simulations/messages", get(messages))
        .route("/console/simulations/models/{id}", get(model))
}

/// What a page has to say of a form that failed.
#[derive(Debug, Default)]
struct Failure {
    /// What holds for all of it.
    text: Option<String>,
    mistakes: Vec<Mistake>,
}

impl Failure {
    fn told(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), mistakes: Vec::new() }
    }
}

#[derive(Template)]
#[template(path = "simulations.html")]
struct Simulations {
    page: Page,
    view: Option<SimulationView>,
    fleet: Fleet,
    fields: Fields,
    models: Vec<ModelRow>,
    stream: Option<StreamName>,
    messages: Vec<Told>,
    failure: Failure,
}

/// A device model, in a line.
struct ModelRow {
    id: String,
    name: String,
    protocol: &'static str,
    state: String,
    messages: String,
    stock: bool,
}

impl ModelRow {
    fn of(known: &KnownModel) -> Self {
        let model = known.model();
        let messages: Vec<String> = model.telemetry.iter().map(|sent| sent.interval.to_string()).collect();
        Self {
            id: model.id.clone(),
            name: model.name.clone(),
            protocol: model.protocol.word(),
            state: model.simulation.interval.to_string(),
            messages: messages.join(", "),
            stock: matches!(known, KnownModel::Stock(_)),
        }
    }
}

impl Simulations {
    /// What is wrong with a field of one line, or nothing.
    fn wrong(&self, field: &str) -> String {
        let here = self.failure.mistakes.iter().filter(|mistake| request::field_of(&mistake.path) == Some(field));
        here.map(|mistake| mistake.problem.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// What is wrong elsewhere.
    fn elsewhere(&self) -> Vec<String> {
        let mistakes = self.failure.mistakes.iter().filter(|mistake| request::field_of(&mistake.path).is_none());
        mistakes.map(|mistake| self.fields.told(mistake)).collect()
    }

    /// Where messages go, in words, without secrets.
    fn hub(&self) -> String {
        let Some(view) = &self.view else { return String::new() };
        let shown = view.to_json();
        match (shown.get("Target"), view.simulation.settings.hub.shown(), &self.stream) {
            (Some(target), ..) => format!("a target: {target}"),
            (None, hub, None) if hub == "default" => "the Azure IoT Hub of the configuration".to_owned(),
            (None, hub, None) => format!("an Azure IoT Hub: {hub}"),
            (None, _, Some(_)) => "the local hub".to_owned(),
        }
    }

    /// What a model is called; its id, if it is gone.
    fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.models.iter().find(|model| model.id == id).map_or(id, |model| model.name.as_str())
    }

    fn knows(&self, id: &str) -> bool {
        self.models.iter().any(|model| model.id == id)
    }
}

async fn show(State(console): State<Console>, session: Session) -> Response {
    match stored(&console).await {
        Ok(view) => {
            let fields = Fields::of_stored(view.as_ref());
            render(&console, &session, view, fields, Failure::default(), StatusCode::OK).await
        }
        Err(error) => Page::of(&console, &session, "Simulations").in_section(SECTION).store_failed(&error),
    }
}

/// The simulation, if there is one.
async fn stored(console: &Console) -> Result<Option<SimulationView>, PortError> {
    match console.services.simulations.list().await {
        Ok(views) => Ok(views.into_iter().next()),
        Err(SimulationError::Store(error)) => Err(error),
        Err(other) => Err(PortError::unavailable("the simulation", other)),
    }
}

async fn render(
    console: &Console,
    session: &Session,
    view: Option<SimulationView>,
    fields: Fields,
    failure: Failure,
    status: StatusCode,
) -> Response {
    let page = Page::of(console, session, "Simulations").in_section(SECTION);
    let service = &console.services.simulations;
    let stream = view.as_ref().and_then(|view| service.stream_of(&view.simulation));
    let gathered = futures::try_join!(console.live.now(), service.models().list(), last_messages(console, stream.as_ref()));
    match gathered {
        Ok((now, known, messages)) => {
            let models: Vec<ModelRow> = known.iter().map(ModelRow::of).collect();
            let fields = fields.with_all_of(models.iter().map(|model| model.id.as_str()));
            let fleet = now.fleets.first().cloned().unwrap_or_default();
            show_page(status, &Simulations { page, view, fleet, fields, models, stream, messages, failure })
        }
        Err(error) => page.store_failed(&error),
    }
}

async fn last_messages(console: &Console, stream: Option<&StreamName>) -> Result<Vec<Told>, PortError> {
    match stream {
        None => Ok(Vec::new()),
        Some(stream) => recent::events(&console.services.streams, stream, MESSAGES, console.clock.now()).await,
    }
}

/// The last messages, for the script.
async fn messages(State(console): State<Console>, _: Session) -> Result<Response, Problem> {
    let view = stored(&console).await?;
    let stream = view.and_then(|view| console.services.simulations.stream_of(&view.simulation));
    let message = |told: Told| json!({ "at": shown::moment(&told.at), "device": told.header("deviceId"), "model": told.header("deviceModel"), "body": told.body });
    let messages: Vec<Value> = last_messages(&console, stream.as_ref()).await?.into_iter().map(message).collect();
    Ok(Json(json!({ "messages": messages })).into_response())
}

#[derive(Template)]
#[template(path = "device_model.html")]
struct ModelPage {
    page: Page,
    row: ModelRow,
    version: String,
    description: String,
    scripts: Vec<String>,
    document: String,
}

async fn model(State(console): State<Console>, session: Session, Segment(id): Segment) -> Response {
    let page = Page::of(&console, &session, id.as_str()).in_section(SECTION);
    let known = match console.services.simulations.models().get(&id).await {
        Ok(known) => known,
        Err(ModelError::Shelf(ShelfError::Store(error))) => return page.store_failed(&error),
        Err(_) => {
            let page = Page { title: "There is no such model".to_owned(), ..page };
            return page.notice(StatusCode::NOT_FOUND, format!("No device model has the id {id:?}."));
        }
    };
    let model = known.model();
    let scripts = model.simulation.scripts.iter().chain(model.methods.iter().map(|(_, script)| script)).map(|script| script.path.clone());
    let document = serde_json::to_string_pretty(&known.shown()).unwrap_or_default();
    let (row, version, description, scripts) = (ModelRow::of(&known), model.version.clone(), model.description.clone(), scripts.collect());
    show_page(StatusCode::OK, &ModelPage { page, row, version, description, scripts, document })
}
