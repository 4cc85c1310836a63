//! `--demo`: what a newcomer should see, in small.

use std::net::SocketAddr;

use headwater_core::datagen::{DatagenService, StartError};
use headwater_core::simulations::{SimulationError, SimulationService};
use serde_json::json;
use tracing::{info, warn};

/// The name of the demo job, and of the stream that it writes.
const NAME: &str = "clicks";

/// Starts a clickstream in real time and a small fleet of devices, and says where to look.
pub(crate) async fn start(datagen: &DatagenService, simulations: &SimulationService, address: SocketAddr) {
    start_job(datagen, address).await;
    start_fleet(simulations, address).await;
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
