//! The simulations group, composed over a host's stores.

use std::sync::Arc;

use headwater_core::ports::{Clock, Entropy, Hubs, ScriptEngine, Targets};
use headwater_core::simulations::{
    ConnectionString, FleetKeeper, HubDirectory, Models, Replays, Scripts, SimulationRecords, SimulationService, SimulationStepper,
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
    /// Turns simulations into tasks, and knows which streams they use.
    pub keeper: FleetKeeper,
    /// Steps those tasks.
    pub stepper: Arc<SimulationStepper>,
}

impl Stores {
    /// The simulations group over these stores.
    #[must_use]
    pub fn simulations_group(&self, setup: SimulationsSetup, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Simulations {
        let SimulationsSetup { hub, hubs, engine, targets, keeps } = setup;
        let documents = &self.documents;
        let records = SimulationRecords::new(Arc::clone(documents));
        let replays = Replays::new(documents, clock, entropy);
        let hub_configured = hub.is_some();
        let directory = HubDirectory::new(records, hub);
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
        let fleets = Arc::new(keeper.clone());
        let service = self.simulations(fleets, Arc::clone(&engine), targets, hub_configured, clock, entropy);
        let stepper = SimulationStepper::new(documents, replays, directory, hubs, engine, Arc::clone(clock), keeps);
        Simulations { service, keeper, stepper: Arc::new(stepper) }
    }
}
