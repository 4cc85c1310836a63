use super::{Target, filled_text, optional_text};
use crate::mistakes::Node;
use crate::secret::Secret;

/// An Azure IoT Hub, which takes records as messages of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IotHubTarget {
    /// The host, such as `name.azure-devices.net`.
    pub host: String,
    /// The device's id.
    pub device: String,
    /// The policy whose key this is; none where it is the device's own.
    pub policy: Option<String>,
    /// The key, in base64.
    pub key: Secret,
}

/// Longest id of a device in bytes, by the rules of Azure.
const DEVICE_BYTES: usize = 128;

pub(super) fn read(node: &Node<'_>) -> Option<Target> {
    let connection = filled_text(node, "connection_string");
    let given = optional_text(node, "device").ok();
    let (connection, given) = (connection?, given?);
    let wrong = |problem: &str| node.get("connection_string")?.wrong(problem.to_owned());
    let part = |name: &str| {
        let mut parts = connection.split(';').filter_map(|part| part.split_once('='));
        parts
            .find(|(part, _)| part.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    let (Some(host), Some(key)) = (part("HostName"), part("SharedAccessKey")) else {
        return wrong("must have the parts HostName and SharedAccessKey");
    };
    if !host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b)) {
        return wrong("has a HostName that is no host");
    }
    let (policy, device) = match (part("SharedAccessKeyName"), part("DeviceId"), given) {
        (None, Some(device), None) => (None, device),
        (Some(policy), None, Some(device)) => (Some(policy), device),
        (Some(_), None, None) => return node.required("device")?.wrong("is required"),
        (None, Some(_), Some(_)) => return node.get("device")?.wrong("is named by the connection string already"),
        _ => return wrong("must be a device's, with the part DeviceId, or a policy's, with SharedAccessKeyName"),
    };
    // The letters that Azure takes, but for those which divide the levels of a topic or stand for them.
    let legal = device.len() <= DEVICE_BYTES && device.bytes().all(|b| b.is_ascii_alphanumeric() || b"-:.%_*?!(),=@$'".contains(&b));
    if !legal {
        let member = if policy.is_some() { "device" } else { "connection_string" };
        return node.get(member)?.wrong("names no device: an id is up to 128 of [A-Za-z0-9] and -:.%_*?!(),=@$'");
    }
    Some(Target::IotHub(IotHubTarget { host, device, policy, key: Secret::new(key) }))
}
