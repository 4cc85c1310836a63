//! Which hub a simulation speaks to, and how fast it may.

use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::secret::Secret;

/// Where the devices of a simulation are registered and send to.
#[derive(Debug, Clone)]
pub enum HubChoice {
    /// The hub of this house: the registry is in the store, and messages are events of the stream `devices`.
    Local,
    /// An Azure IoT Hub.
    IotHub(ConnectionString),
    /// A target, as its object says; there is no registry.
    Target(Map<String, serde_json::Value>),
}

/// The connection string of an Azure IoT Hub: `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionString {
    /// The host, such as `name.azure-devices.net`.
    pub host: String,
    /// The name of the policy, such as `iothubowner`.
    pub policy: String,
    /// The key, in base64.
    pub key: Secret,
}

/// A text that is no connection string. It does not say which one: that may hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// It has not the form.
    #[error("a connection string has the form HostName=…;SharedAccessKeyName=…;SharedAccessKey=…, or is the word default")]
    Form,
    /// Its host cannot be one.
    #[error("the host of the connection string is none")]
    Host,
    /// Its key is not base64.
    #[error("the key of the connection string is not base64")]
    Key,
}

impl ConnectionString {
    /// Reads a connection string; its key may be empty, which means one that was given before.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        use ConnectionStringError::{Form, Host, Key};
        let rest = text.trim().strip_prefix("HostName=").ok_or(Form)?;
        let (host, rest) = rest.split_once(";SharedAccessKeyName=").ok_or(Form)?;
        let (policy, key) = rest.split_once(";SharedAccessKey=").ok_or(Form)?;
        if host.is_empty() || policy.is_empty() || [host, policy, key].iter().any(|part| part.contains([';', '\n', '\r'])) {
            return Err(Form);
        }
        if !host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b)) {
            return Err(Host);
        }
        if !is_base64(key) {
            return Err(Key);
        }
        Ok(Self { host: host.to_owned(), policy: policy.to_owned(), key: Secret::new(key) })
    }

    /// The whole text, with the key.
    #[must_use]
    pub fn exposed(&self) -> Secret {
        Secret::new(format!("{}{}", redacted(&self.host, &self.policy), self.key.expose()))
    }
}

/// A connection string without its key, as it is shown.
pub(super) fn redacted(host: &str, policy: &str) -> String {
    format!("HostName={host};SharedAccessKeyName={policy};SharedAccessKey=")
}

/// Whether a text is base64 with its padding; an empty one is.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
}

/// How fast a simulation may speak to its hub. Every number is at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimits {
    /// Registrations and removals of devices.
    pub registry_operations_per_minute: u32,
    /// Twins read.
    pub twin_reads_per_second: u32,
    /// Twins written.
    pub twin_writes_per_second: u32,
    /// Connections begun.
    pub connections_per_second: u32,
    /// Messages sent.
    pub messages_per_second: u32,
}

impl RateLimits {
    /// What each of so many that share these limits may do: at least one.
    #[must_use]
    pub fn shared(self, between: u32) -> Self {
        let share = |limit: u32| (limit / between.max(1)).max(1);
        Self {
            registry_operations_per_minute: share(self.registry_operations_per_minute),
            twin_reads_per_second: share(self.twin_reads_per_second),
            twin_writes_per_second: share(self.twin_writes_per_second),
            connections_per_second: share(self.connections_per_second),
            messages_per_second: share(self.messages_per_second),
        }
    }
}

impl Default for RateLimits {
    /// Those of the smallest paid hub.
    fn default() -> Self {
        Self {
            registry_operations_per_minute: 100,
            twin_reads_per_second: 10,
            twin_writes_per_second: 10,
            connections_per_second: 120,
            messages_per_second: 120,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_read_and_does_not_show_its_key() {
        let text = " HostName=h.example.net;SharedAccessKeyName=p;SharedAccessKey=MTIz ";
        let read = ConnectionString::parse(text).unwrap();
        assert_eq!((read.host.as_str(), read.policy.as_str(), read.key.expose()), ("h.example.net", "p", "MTIz"));
        assert_eq!(read.exposed().expose(), text.trim());
        assert!(!format!("{read:?}").contains("MTIz"));
        assert_eq!(ConnectionString::parse(&redacted("h", "p")).unwrap().key.expose(), "");
    }

    #[test]
    fn what_has_another_form_is_refused() {
        use ConnectionStringError::{Form, Host, Key};
        for (text, wanted) in [
            ("foobar", Form),
            ("HostName=h", Form),
            ("HostName=h;SharedAccessKeyName=p", Form),
            ("HostName=;SharedAccessKeyName=p;SharedAccessKey=MTIz", Form),
            ("HostName=h;SharedAccessKeyName=;SharedAccessKey=MTIz", Form),
            ("hostname=h;SharedAccessKeyName=p;SharedAccessKey=MTIz", Form),
            ("SharedAccessKeyName=p;HostName=h;SharedAccessKey=MTIz", Form),
            ("HostName=h;DeviceId=d;SharedAccessKeyName=p;SharedAccessKey=MTIz", Form),
            ("HostName=h;SharedAccessKeyName=p;SharedAccessKey=MTIz;More=1", Form),
            ("x HostName=h;SharedAccessKeyName=p;SharedAccessKey=MTIz", Form),
            ("HostName=u@h/x;SharedAccessKeyName=p;SharedAccessKey=MTIz", Host),
            ("HostName=h;SharedAccessKeyName=p;SharedAccessKey=MTIzx", Key),
            ("HostName=h;SharedAccessKeyName=p;SharedAccessKey=M===", Key),
            ("HostName=h;SharedAccessKeyName=p;SharedAccessKey=MT-_", Key),
        ] {
            assert_eq!(ConnectionString::parse(text), Err(wanted), "{text}");
        }
    }
}
