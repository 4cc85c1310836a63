//! What a simulation changes about a model.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{FieldType, Interval, MessageFormat};

/// What a simulation changes about a model. Lists count by position: nothing stands for "no change here".
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Override {
    /// How the state begins and moves.
    pub simulation: Option<StateOverride>,
    /// What is sent; the model's list is cut or extended to this length, unless this is empty.
    pub telemetry: Vec<TelemetryOverride>,
}

/// Changes how a state begins and moves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StateOverride {
    /// Replaces the whole state.
    pub initial_state: Option<Map<String, Value>>,
    /// Replaces the interval.
    pub interval: Option<Interval>,
    /// Replaces scripts; the model's list is cut or extended to this length, unless this is empty.
    pub scripts: Vec<ScriptOverride>,
}

/// Changes a script. `{}` leaves it as it is; otherwise the parameters are replaced, even by none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ScriptOverride {
    /// Replaces the kind.
    pub kind: Option<String>,
    /// Replaces the path.
    pub path: Option<String>,
    /// Replaces the id.
    pub id: Option<String>,
    /// Replaces the parameters.
    pub params: Option<Value>,
}

/// Changes a message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TelemetryOverride {
    /// Replaces the interval.
    pub interval: Option<Interval>,
    /// Replaces the template.
    pub template: Option<String>,
    /// Changes the schema.
    pub schema: Option<SchemaOverride>,
}

/// Changes a schema.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SchemaOverride {
    /// Replaces the name.
    pub name: Option<String>,
    /// Replaces the format.
    pub format: Option<MessageFormat>,
    /// Replaces all fields.
    pub fields: Option<Vec<(String, FieldType)>>,
}
