//! Which hub a simulation speaks to.

use serde_json::{Map, Value};

use super::{ConnectionString, FleetError, HubChoice, HubSetting, SimulationRecords};

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

    /// The hub that settings ask for. A target goes before a hub.
    ///
    /// # Errors
    /// When the key of the hub is not known any more, or the store fails.
    pub async fn choose(&self, hub: &HubSetting, target: Option<&Map<String, Value>>) -> Result<HubChoice, FleetError> {
        if let Some(target) = target {
            return Ok(HubChoice::Target(target.clone()));
        }
        match (hub, &self.configured) {
            (HubSetting::Default, None) => Ok(HubChoice::Local),
            (HubSetting::Default, Some(configured)) => Ok(HubChoice::IotHub(configured.clone())),
            (HubSetting::Custom { host, policy }, _) => {
                let known = self.records.connection_string(host, policy).await?;
                let missing = || FleetError::Settings(format!("the key of the hub {host} is not known any more; send it again"));
                known.map(HubChoice::IotHub).ok_or_else(missing)
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
