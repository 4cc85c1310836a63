//! The simulation in the store, and the key of its hub beside it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ConnectionString, HubSetting, Simulation};
use crate::ports::{Condition, Documents, DocumentsExt as _, Etag, Key, PortError};
use crate::secret::Secret;

/// The id of the only simulation.
pub const ONLY: &str = "1";

/// The simulation in the store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SimulationRecords {
    documents: Arc<dyn Documents>,
}

/// A connection string in the store: the only place where its key is.
#[derive(Serialize, Deserialize)]
struct Slot {
    host: String,
    policy: String,
    key: String,
}

impl SimulationRecords {
    /// The simulation in this store.
    #[must_use]
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents }
    }

    /// The simulation, if there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stored(&self) -> Result<Option<Simulation>, PortError> {
        Ok(self.read().await?.map(|(simulation, _)| simulation))
    }

    /// The whole connection string of the hub that has this host and policy, if it is the one that the simulation was given.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn connection_string(&self, host: &str, policy: &str) -> Result<Option<ConnectionString>, PortError> {
        let Some(key) = slot_key(host, policy) else { return Ok(None) };
        let slot = self.documents.get_json(&key).await?;
        Ok(slot.map(|(Slot { host, policy, key }, _)| ConnectionString { host, policy, key: Secret::new(key) }))
    }

    pub(super) async fn read(&self) -> Result<Option<(Simulation, Etag)>, PortError> {
        self.documents.get_json(&record_key()).await
    }

    pub(super) async fn write(&self, simulation: &Simulation, condition: Condition) -> Result<Etag, PortError> {
        self.documents.put_json(&record_key(), simulation, condition).await
    }

    pub(super) async fn remove(&self, etag: Etag) -> Result<(), PortError> {
        self.documents.delete(&record_key(), Condition::Match(etag)).await
    }

    /// Keeps a connection string with its key. Answers false when it is too long for that.
    pub(super) async fn keep_string(&self, string: &ConnectionString) -> Result<bool, PortError> {
        let ConnectionString { host, policy, key } = string;
        let Some(place) = slot_key(host, policy) else { return Ok(false) };
        let slot = Slot { host: host.clone(), policy: policy.clone(), key: key.expose().to_owned() };
        self.documents.put_json(&place, &slot, Condition::Any).await.map(|_| true)
    }

    /// Forgets the connection string of a hub, unless it is the one of the stored simulation.
    pub(super) async fn forget_string(&self, hub: &HubSetting) -> Result<(), PortError> {
        let HubSetting::Custom { host, policy } = hub else { return Ok(()) };
        if self.stored().await?.is_some_and(|stored| stored.settings.hub == *hub) {
            return Ok(());
        }
        match slot_key(host, policy) {
            Some(key) => self.documents.delete(&key, Condition::Any).await,
            None => Ok(()),
        }
    }
}

fn record_key() -> Key {
    Key::root("simulations/simulation").child(ONLY).expect("the id is short")
}

/// A slot for each hub, so that a string that is given while another hub is in use does not take the place of that one's key.
fn slot_key(host: &str, policy: &str) -> Option<Key> {
    Key::root("simulations/connection-strings").child(&format!("{host};{policy}")).ok()
}
