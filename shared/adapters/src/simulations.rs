//! The simulations group, composed over a host's stores.

use std::sync::Arc;

use headwater_core::ports::{Clock, Entropy, Hubs, ScriptEngine, Targets};
use headwater_core::simulations::{
    ConnectionString, FleetKeeper, HubDirectory, Models, Replays, Scripts, SimulatedStreams, SimulationRecords, SimulationService,
    SimulationStepper,
};

use crate::Stores;

/// What a host says about its simulations.
#[derive(Debug, Clone)]
pub struct SimulationsSetup {
    /// The hub that simulations use unless they say otherwise; without one, the local hub.
    pub hub: Option<ConnectionString>,
    /// Where devices send to.
    pub hubs: Arc<dyn Hubs>,
    /// What runs scripts.
    pub engine: Arc<dyn ScriptEngine>,
    /// Where messages can go instead of a hub.
    pub targets: Arc<dyn Targets>,
    /// Parts of fleets that are kept in memory between their steps.
    pub keeps: usize,
}

/// The simulations group.
#[derive(Debug, Clone)]
pub struct Simulations {
    /// Answers requests.
    pub service: SimulationService,
    /// Knows which streams they use.
    pub streams_used: SimulatedStreams,
    /// Steps those tasks.
    pub stepper: Arc<SimulationStepper>,
}

impl Stores {
    /// The simulations group over these stores.
    #[must_use]
    pub fn simulations_group(&self, setup: SimulationsSetup, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Simulations {
        let SimulationsSetup { hub, hubs, engine, targets, keeps } = setup;
        let documents = &self.documents;
        let replays = Replays::new(documents, clock, entropy);
        let (hub_configured, streams_used) = (hub.is_some(), self.simulated_streams(hub.is_some()));
        let directory = HubDirectory::new(SimulationRecords::new(Arc::clone(documents)), hub);
        let keeper = FleetKeeper {
            documents: Arc::clone(documents),
            tasks: self.tasks(clock),
            queue: Arc::clone(&self.queue),
            models: Models::new(documents, clock, entropy),
            scripts: Scripts::new(documents, Arc::clone(&engine), clock, entropy),
            directory: directory.clone(),
            hubs: Arc::clone(&hubs),
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
        };
        let service = self.simulations(Arc::new(keeper), Arc::clone(&engine), targets, hub_configured, clock, entropy);
        let stepper = SimulationStepper::new(documents, replays, directory, hubs, engine, Arc::clone(clock), keeps);
        Simulations { service, streams_used, stepper: Arc::new(stepper) }
    }

    /// Which streams simulations use, for a host that need not run them. It may have a hub for those that name none.
    #[must_use]
    pub fn simulated_streams(&self, hub_configured: bool) -> SimulatedStreams {
        SimulatedStreams::new(SimulationRecords::new(Arc::clone(&self.documents)), hub_configured)
    }
}
