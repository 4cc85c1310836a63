//! `--demo`: what a newcomer should see, in small.

mod load_test;

use std::net::SocketAddr;

use headwater_core::datagen::{DatagenService, StartError};
use headwater_core::ids::TableName;
use headwater_core::load_tests::LoadTestService;
use headwater_core::simulations::{SimulationError, SimulationService};
use headwater_core::tables::{Defined, Definition, TableError, TableService};
use serde_json::json;
use tracing::{info, warn};

/// The name of the demo job, and of the stream that it writes.
const NAME: &str = "clicks";

/// The tables of the demo: a sound, and its spectrum.
const SOUND: &str = "sine";
const SPECTRUM: &str = "sine-spectrum";

/// Starts a clickstream in real time, a small fleet of devices, a sound with its spectrum and a load test, and says where to look.
pub(crate) async fn start(
    datagen: &DatagenService,
    simulations: &SimulationService,
    tables: &TableService,
    load_tests: &LoadTestService,
    address: SocketAddr,
) {
    start_job(datagen, address).await;
    start_fleet(simulations, address).await;
    define_tables(tables, address).await;
    load_test::start(load_tests, address).await;
}

/// Two strings of a guitar, and which tones are in them ten times a second.
async fn define_tables(tables: &TableService, address: SocketAddr) {
    let strings = json!({"sum": [{"sine": {"frequency": 440, "amplitude": 0.5}}, {"sine": {"frequency": 660, "amplitude": 0.25}}]});
    let sound = json!({"element": "sample", "sampleRate": 8000, "retention": "10m", "source": {"signal": strings}});
    let operations = json!([{"window": {"size": 800}}, {"windowFunction": "hamming"}, {"fft": {"binCount": 1024}}]);
    let spectrum = json!({"element": "sample", "retention": "10m", "operations": operations, "source": {"table": SOUND}});
    for (name, definition) in [(SOUND, sound), (SPECTRUM, spectrum)] {
        let definition = Definition::parse(definition.to_string().as_bytes()).expect("it is right");
        let name = TableName::try_from(name).expect("a fixed name");
        match tables.define(&name, definition).await {
            Ok(Defined::New) => info!("demo: the table {name} is being filled"),
            Ok(Defined::Same) | Err(TableError::Taken(_)) => info!("demo: the table {name} of the last run goes on"),
            Err(error) => return warn!(error = &error as &dyn std::error::Error, "demo: the table {name} could not be made"),
        }
    }
    info!("demo: see  http://{address}/table/{SPECTRUM}/plot.svg  and  curl 'http://{address}/table/{SOUND}/last?interval=1ms'");
    info!("demo: or hear it:  curl -N 'http://{address}/audio/{SOUND}/stream/wav?offset=1s' | ffplay -");
}

async fn start_job(datagen: &DatagenService, address: SocketAddr) {
    let job = json!({
        "name": NAME,
        "config_file": "clickstream/clickstream.json",
        "target": {"type": "stream", "stream": NAME},
        "time_type": "REAL",
        "concurrency": 50,
    });
    match datagen.start(&job).await {
        Ok(_) => info!("demo: fifty visitors of a shop are clicking into the stream {NAME}"),
        Err(StartError::NameTaken(_)) => info!("demo: the visitors of the last run click on"),
        Err(error) => return warn!(error = &error as &dyn std::error::Error, "demo: the clickstream could not be started"),
    }
    info!("demo: see  curl http://{address}/status/{NAME}  and  curl http://{address}/v3/namespaces/default/streams/{NAME}/events");
    info!("demo: or   headwater streams tail {NAME}");
}

async fn start_fleet(simulations: &SimulationService, address: SocketAddr) {
    let fleet = json!({
        "Name": "Demo",
        "DeviceModels": [{"Id": "truck-01", "Count": 3}, {"Id": "chiller-01", "Count": 2}, {"Id": "engine-01", "Count": 1}],
    });
    match simulations.create(None, &fleet).await {
        Ok(_) => info!("demo: six devices of three models are sending into the stream devices"),
        Err(SimulationError::Exists(_)) => info!("demo: the devices of the last run send on"),
        Err(error) => return warn!(error = &error as &dyn std::error::Error, "demo: the devices could not be started"),
    }
    info!("demo: see  curl http://{address}/v1/simulations/1  or  headwater streams tail devices");
}
