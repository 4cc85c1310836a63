//! What devices and an Azure IoT Hub call things over MQTT. A device's id is never encoded, everything else is: hubs decode no ids.

use std::fmt::Write as _;

use headwater_core::ports::{DeviceMessage, Timestamp};
use headwater_core::simulations::model::MessageFormat;
use jiff::tz::TimeZone;

use super::API_VERSION;
use super::sas::encoded;

/// What every device subscribes to: calls of its methods, answers to its reports, and what is desired of it.
pub(super) const SUBSCRIPTIONS: [&str; 3] = [METHODS, "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#"];
const METHODS: &str = "$iothub/methods/POST/#";

/// The user that a device connects as.
pub(crate) fn user(host: &str, device: &str) -> String {
    let client = encoded(concat!("headwater/", env!("CARGO_PKG_VERSION")));
    format!("{host}/{device}/?api-version={API_VERSION}&DeviceClientType={client}")
}

/// The resource that a device's token is for.
pub(crate) fn resource(host: &str, device: &str) -> String {
    format!("{host}/devices/{device}")
}

/// Something said about a message: whether the hub itself knows the property, its name, its value.
pub(super) struct Property {
    /// The name that the hub has for it over MQTT and over HTTPS, if it is the hub's own.
    pub(super) system: Option<(&'static str, &'static str)>,
    /// The name, for one of the application's.
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// The properties of a message: those that the hub knows, then the application's by name.
pub(super) fn properties(message: &DeviceMessage) -> Vec<Property> {
    let system = |mqtt, https, value: &str| Property { system: Some((mqtt, https)), name: "", value: value.to_owned() };
    let own = |name, value: &str| Property { system: None, name, value: value.to_owned() };
    let schema = &message.schema;
    let mut properties = Vec::with_capacity(8);
    if schema.format != MessageFormat::Protobuf {
        properties.push(system("$.ct", "iothub-contenttype", "application/json"));
        properties.push(system("$.ce", "iothub-contentencoding", "utf-8"));
    }
    properties.push(system("$.schema", "iothub-messageschema", &schema.name));
    properties.push(system("$.ctime", "iothub-creationtimeutc", &written(message.created, "%Y-%m-%dT%H:%M:%S.%3fZ")));
    if schema.format == MessageFormat::Protobuf {
        properties.push(own("$$ClassName", schema.class_name.as_deref().unwrap_or_default()));
    }
    properties.push(own("$$ContentType", format_name(schema.format)));
    properties.push(own("$$CreationTimeUtc", &written(message.created, "%Y-%m-%dT%H:%M:%S+00:00")));
    properties.push(own("$$MessageSchema", &schema.name));
    properties
}

fn format_name(format: MessageFormat) -> &'static str {
    match format {
        MessageFormat::Binary => "Binary",
        MessageFormat::Text => "Text",
        MessageFormat::Json => "JSON",
        MessageFormat::Protobuf => "Protobuf",
    }
}

fn written(moment: Timestamp, form: &str) -> String {
    let moment = jiff::Timestamp::from_microsecond(moment.as_micros()).unwrap_or_default(); // The clock knows no year beyond 9999.
    moment.to_zoned(TimeZone::UTC).strftime(form).to_string()
}

/// Where a message is published: the device, and the bag of the message's properties.
pub(super) fn telemetry(message: &DeviceMessage) -> String {
    let mut topic = format!("devices/{}/messages/events/", message.device);
    for (place, property) in properties(message).iter().enumerate() {
        let name = property.system.map_or(property.name, |(mqtt, _)| mqtt);
        let joint = if place == 0 { "" } else { "&" };
        write!(topic, "{joint}{}={}", encoded(name), encoded(&property.value)).expect("a text takes what is written");
    }
    topic
}

/// Where a device reports about itself.
pub(super) fn report(request: u64) -> String {
    format!("$iothub/twin/PATCH/properties/reported/?$rid={request}")
}

/// Where a device answers that it runs a method.
pub(super) fn method_answer(request: &str) -> String {
    format!("$iothub/methods/res/200/?$rid={}", encoded(request))
}

/// What a message from the hub is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromHub {
    /// A method is called; the answer repeats the request's id.
    Method { name: String, request: String },
    /// A report has been answered with a status of HTTP.
    Reported { request: u64, status: u16 },
    /// Something is desired.
    Desired,
}

/// Reads a topic that a hub publishes to; none for any other.
pub(super) fn read(topic: &str) -> Option<FromHub> {
    let (path, query) = topic.split_once('?').unwrap_or((topic, ""));
    let mut members = query.split('&').filter_map(|member| member.split_once('='));
    let request = members.find(|(name, _)| *name == "$rid").map(|(_, value)| decoded(value));
    if let Some(name) = path.strip_prefix("$iothub/methods/POST/") {
        return Some(FromHub::Method { name: decoded(name.trim_end_matches('/')), request: request? });
    }
    if let Some(status) = path.strip_prefix("$iothub/twin/res/") {
        return Some(FromHub::Reported { request: request?.parse().ok()?, status: status.trim_end_matches('/').parse().ok()? });
    }
    path.starts_with("$iothub/twin/PATCH/properties/desired/").then_some(FromHub::Desired)
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use headwater_core::simulations::model::MessageSchema;

    use super::*;

    fn message(format: MessageFormat) -> DeviceMessage {
        let class_name = (format == MessageFormat::Protobuf).then(|| "a.Truck".to_owned());
        let schema = MessageSchema { name: "truck-sensors;v1".to_owned(), class_name, format, fields: Vec::new() };
        DeviceMessage {
            device: Arc::from("truck-01.7"),
            model: Arc::from("truck-01"),
            schema: Arc::new(schema),
            created: Timestamp::from_millis(1_700_000_000_987),
            body: Bytes::from_static(b"{}"),
        }
    }

    #[test]
    fn the_bag_of_a_message_holds_its_properties() {
        assert_eq!(
            telemetry(&message(MessageFormat::Json)),
            "devices/truck-01.7/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8&%24.schema=truck-sensors%3Bv1\
             &%24.ctime=2023-11-14T22%3A13%3A20.987Z&%24%24ContentType=JSON&%24%24CreationTimeUtc=2023-11-14T22%3A13%3A20%2B00%3A00\
             &%24%24MessageSchema=truck-sensors%3Bv1"
        );
        assert_eq!(
            telemetry(&message(MessageFormat::Protobuf)),
            "devices/truck-01.7/messages/events/%24.schema=truck-sensors%3Bv1&%24.ctime=2023-11-14T22%3A13%3A20.987Z\
             &%24%24ClassName=a.Truck&%24%24ContentType=Protobuf&%24%24CreationTimeUtc=2023-11-14T22%3A13%3A20%2B00%3A00\
             &%24%24MessageSchema=truck-sensors%3Bv1"
        );
    }

    #[test]
    fn a_device_names_its_hub_and_itself_as_they_are() {
        let expected = concat!("h.net/a(b)#%/?api-version=2021-04-12&DeviceClientType=headwater%2F", env!("CARGO_PKG_VERSION"));
        assert_eq!(user("h.net", "a(b)#%"), expected);
        assert_eq!(resource("h.net", "d.1"), "h.net/devices/d.1");
        assert_eq!(report(7), "$iothub/twin/PATCH/properties/reported/?$rid=7");
        assert_eq!(method_answer("a b"), "$iothub/methods/res/200/?$rid=a%20b");
    }

    #[test]
    fn what_a_hub_publishes_is_told_apart() {
        let method = FromHub::Method { name: "Open door".to_owned(), request: "5f".to_owned() };
        assert_eq!(read("$iothub/methods/POST/Open%20door/?$rid=5f"), Some(method));
        assert_eq!(read("$iothub/twin/res/204/?$rid=12&$version=4"), Some(FromHub::Reported { request: 12, status: 204 }));
        assert_eq!(read("$iothub/twin/PATCH/properties/desired/?$version=4"), Some(FromHub::Desired));
        for topic in
            ["", "$iothub/methods/POST/x/", "$iothub/twin/res/x/?$rid=1", "$iothub/twin/res/200/?$rid=x", "devices/d/messages/devicebound/"]
        {
            assert_eq!(read(topic), None, "{topic}");
        }
    }
}
