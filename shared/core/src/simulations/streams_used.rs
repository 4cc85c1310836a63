//! Which stream the devices of a simulation send to.

use async_trait::async_trait;
use serde_json::Value;

use super::{HubSetting, ONLY, Settings, SimulationRecords};
use crate::ids::{NamespaceId, StreamId, StreamName};
use crate::ports::PortError;
use crate::streams::{Program, ProgramKind, StreamUsers};
use crate::targets::Target;

/// The stream of the local hub.
const DEVICES_STREAM: &str = "devices";

/// Knows which stream a simulation uses, without what it takes to run one, and without anybody's keys.
#[derive(Debug, Clone)]
pub struct SimulatedStreams {
    records: SimulationRecords,
    hub_configured: bool,
}

impl SimulatedStreams {
    /// The streams of the simulation in these records, on a host that may have a hub for simulations that name none.
    #[must_use]
    pub fn new(records: SimulationRecords, hub_configured: bool) -> Self {
        Self { records, hub_configured }
    }
}

/// A simulation that is enabled uses the stream of the local hub, or the one that is its target.
#[async_trait]
impl StreamUsers for SimulatedStreams {
    async fn uses(&self) -> Result<Vec<(StreamName, Program)>, PortError> {
        let Some(simulation) = self.records.stored().await?.filter(|simulation| simulation.settings.enabled) else { return Ok(Vec::new()) };
        let stream = stream_of(&simulation.settings, self.hub_configured);
        let program = Program { application: "simulations".to_owned(), kind: ProgramKind::Services, name: ONLY.to_owned() };
        Ok(stream.into_iter().map(|stream| (stream, program.clone())).collect())
    }
}

/// The stream that a simulation's messages are events of, if they are; on a host that may have a hub for simulations that name none.
pub(super) fn stream_of(settings: &Settings, hub_configured: bool) -> Option<StreamName> {
    match (&settings.target, &settings.hub) {
        (Some(target), _) => Target::parse(&Value::Object(target.clone())).ok().and_then(|target| target.stream().cloned()),
        (None, HubSetting::Custom { .. }) => None,
        (None, HubSetting::Default) => (!hub_configured).then(devices_stream),
    }
}

/// The stream of the local hub.
#[must_use]
pub fn devices_stream() -> StreamName {
    let namespace = NamespaceId::try_from(crate::streams::DEFAULT_NAMESPACE).expect("a fixed name");
    StreamName { namespace, stream: StreamId::try_from(DEVICES_STREAM).expect("a fixed name") }
}
