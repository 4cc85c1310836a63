//! Which hub a simulation speaks to.

use super::launch::StoredHub;
use super::{ConnectionString, FleetError, HubChoice, HubSetting, Settings, SimulationRecords};
use crate::secret::Secret;

/// Knows the hub of the configuration and those that users have given.
#[derive(Debug, Clone)]
pub struct HubDirectory {
    records: SimulationRecords,
    configured: Option<ConnectionString>,
}

impl HubDirectory {
    /// The hubs of a host. `configured` is the one that simulations use unless they say otherwise; without it that is the local hub.
    #[must_use]
    pub fn new(records: SimulationRecords, configured: Option<ConnectionString>) -> Self {
        Self { records, configured }
    }

    /// The hub that settings ask for, as it is stored for devices. A target goes before a hub.
    ///
    /// # Errors
    /// When the key of the hub is not known any more, or the store fails.
    pub(super) async fn find(&self, settings: &Settings) -> Result<StoredHub, FleetError> {
        if let Some(target) = &settings.target {
            return Ok(StoredHub::Target(target.clone()));
        }
        let HubSetting::Custom { host, policy } = &settings.hub else { return Ok(StoredHub::Default) };
        let known = self.records.connection_string(host, policy).await?;
        let ConnectionString { host, policy, key } =
            known.ok_or_else(|| FleetError::Settings(format!("the key of the hub {host} is not known any more; send it again")))?;
        Ok(StoredHub::IotHub { host, policy, key: key.expose().to_owned() })
    }

    /// What a stored hub comes to on this host.
    pub(super) fn choose(&self, hub: &StoredHub) -> HubChoice {
        match (hub, &self.configured) {
            (StoredHub::Target(target), _) => HubChoice::Target(target.clone()),
            (StoredHub::Default, None) => HubChoice::Local,
            (StoredHub::Default, Some(configured)) => HubChoice::IotHub(configured.clone()),
            (StoredHub::IotHub { host, policy, key }, _) => {
                HubChoice::IotHub(ConnectionString { host: host.clone(), policy: policy.clone(), key: Secret::new(key) })
            }
        }
    }
}

impl HubChoice {
    /// Tells hubs apart: where this differs, devices have to be registered and connected anew. Holds no secret.
    #[must_use]
    pub fn label(&self) -> String {
        use md5::{Digest as _, Md5};
        match self {
            Self::Local => "the local hub".to_owned(),
            Self::IotHub(ConnectionString { host, policy, .. }) => format!("{policy} at {host}"),
            Self::Target(target) => {
                let digest = Md5::digest(serde_json::to_vec(target).expect("JSON serialises"));
                format!("a target {}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            }
        }
    }

    /// Whether devices can send as soon as they ask for it, because there is nothing to connect to.
    #[must_use]
    pub fn connects_at_once(&self) -> bool {
        !matches!(self, Self::IotHub(_))
    }
}
