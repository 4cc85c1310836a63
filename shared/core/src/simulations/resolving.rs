//! What a request means that only names things: the key of a hub, secrets of a target, a file.

use serde_json::{Map, Value};

use super::request::Asked;
use super::shown::shown_target;
use super::{ConnectionString, HubSetting, Settings, SimulationError, SimulationService};
use crate::mistakes::Mistakes;
use crate::secret::MASK;
use crate::targets::Target;

/// Settings as they are to be written, and the connection string that comes with them.
pub(super) struct Resolved {
    pub(super) settings: Settings,
    pub(super) string: Option<ConnectionString>,
}

impl SimulationService {
    /// Looks up what a request only names: the key of its hub, secrets of its target, its file.
    pub(super) async fn resolve(&self, asked: Asked, stored: Option<&Settings>) -> Result<Resolved, SimulationError> {
        let (hub, string) = match &asked.hub {
            None => (HubSetting::Default, None),
            Some(text) => {
                let given = ConnectionString::parse(text)?;
                let hub = HubSetting::Custom { host: given.host.clone(), policy: given.policy.clone() };
                let has_key = !given.key.expose().is_empty();
                if !has_key && self.parts.records.connection_string(&given.host, &given.policy).await?.is_none() {
                    return Err(SimulationError::NoKey);
                }
                (hub, has_key.then_some(given))
            }
        };
        let target = match asked.target {
            None => None,
            Some(_) if hub != HubSetting::Default => {
                return Err(Mistakes::one("Target", "stands beside a connection string; a simulation has a hub or a target").into());
            }
            Some(given) => Some(self.resolve_target(given, stored)?),
        };
        if let Some(file) = &asked.replay_file
            && stored.is_none_or(|stored| stored.replay_file.as_ref() != Some(file))
            && self.parts.replays.find(file).await?.is_none()
        {
            return Err(Mistakes::one("ReplayFileId", format!("there is no replay file {file:?}")).into());
        }
        // One that every JSON reader gives back unchanged: 53 bits.
        let seed = asked.seed.or(stored.map(|stored| stored.seed)).unwrap_or_else(|| (self.parts.entropy.draw() >> 11).cast_signed());
        let settings = Settings {
            name: asked.name,
            description: asked.description,
            enabled: asked.enabled,
            hub,
            target,
            start: asked.start,
            end: asked.end,
            models: asked.models,
            delete_devices_when_ends: asked.delete_devices_when_ends,
            rate_limits: asked.rate_limits,
            replay_file: asked.replay_file,
            replay_again: asked.replay_again,
            seed,
        };
        Ok(Resolved { settings, string })
    }

    /// The target as it is to be stored. One that is what an answer showed is the stored one, secrets and all.
    fn resolve_target(&self, given: Map<String, Value>, stored: Option<&Settings>) -> Result<Map<String, Value>, SimulationError> {
        if let Some(stored) = stored
            && shown_target(stored).as_ref() == Some(&given)
        {
            return Ok(stored.target.clone().unwrap_or_default());
        }
        let given = Value::Object(given);
        if holds_mask(&given) {
            let problem = format!("has {MASK} where a secret was shown; give the secret again, or the target as it was shown");
            return Err(Mistakes::one("Target", problem).into());
        }
        let target = Target::parse(&given)?;
        self.parts.targets.supports(&target).map_err(Mistakes::from)?;
        match given {
            Value::Object(given) => Ok(given),
            _ => Ok(Map::new()),
        }
    }
}

fn holds_mask(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(MASK),
        Value::Array(items) => items.iter().any(holds_mask),
        Value::Object(members) => members.values().any(holds_mask),
        _ => false,
    }
}
