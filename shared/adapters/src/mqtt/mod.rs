//! MQTT 3.1.1 as a client speaks it, over TCP or TLS.
//!
//! [`mod@packet`] is the wire form of what a publishing client needs: connecting, QoS 0 and 1, subscriptions, pings. [`mod@line`] carries packets.
//! What is sent again after a break, and what counts as lost, is for the callers to say: the devices of a hub ([`crate::iot_hub`]) and
//! the target `mqtt` differ in it.

pub(crate) mod line;
pub(crate) mod packet;

pub(crate) use line::{Line, LineError, Port, Trust};
pub(crate) use packet::{Connect, Incoming};
