//! Packets of MQTT 3.1.1 as bytes. Those that a client writes are appended to a buffer; those that a server writes are cut off one.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Longest packet that is read: what a hub or broker sends to a device is far shorter.
pub(crate) const LONGEST_INCOMING: usize = 1 << 20;

/// Longest packet that there is: its length has four groups of seven bits.
pub(crate) const LONGEST: usize = (1 << 28) - 1;

/// Longest text, a topic among them: its length has two bytes.
pub(crate) const LONGEST_TEXT: usize = u16::MAX as usize;

const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
const PUBACK: u8 = 0x40;
const SUBSCRIBE: u8 = 0x82;
const PINGREQ: u8 = 0xC0;
const DISCONNECT: u8 = 0xE0;

/// The first packet of a client. Its session ends with the connection.
#[derive(Debug)]
pub(crate) struct Connect<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a str>,
    pub(crate) keep_alive_seconds: u16,
}

impl Connect<'_> {
    pub(crate) fn put(&self, into: &mut BytesMut) {
        let texts = [Some(self.client_id), self.user, self.password];
        let length = 10 + texts.iter().flatten().map(|text| 2 + text.len()).sum::<usize>();
        head(into, CONNECT, length);
        text(into, "MQTT");
        into.put_u8(4); // The level of 3.1.1.
        let clean_session = 0b10;
        into.put_u8(clean_session | u8::from(self.user.is_some()) << 7 | u8::from(self.password.is_some()) << 6);
        into.put_u16(self.keep_alive_seconds);
        texts.iter().flatten().for_each(|part| text(into, part));
    }
}

/// Appends a message; with a number it is of QoS 1 and will be acknowledged under it, without one of QoS 0.
pub(crate) fn publish(into: &mut BytesMut, topic: &str, payload: &[u8], number: Option<u16>) {
    let flags = u8::from(number.is_some()) << 1;
    head(into, PUBLISH | flags, 2 + topic.len() + if number.is_some() { 2 } else { 0 } + payload.len());
    text(into, topic);
    number.into_iter().for_each(|number| into.put_u16(number));
    into.put_slice(payload);
}

/// Appends a wish for all messages whose topics match the filters, with QoS 1 at most.
pub(crate) fn subscribe(into: &mut BytesMut, filters: &[&str], number: u16) {
    head(into, SUBSCRIBE, 2 + filters.iter().map(|filter| 3 + filter.len()).sum::<usize>());
    into.put_u16(number);
    for filter in filters {
        text(into, filter);
        into.put_u8(1);
    }
}

pub(crate) fn acknowledge(into: &mut BytesMut, number: u16) {
    head(into, PUBACK, 2);
    into.put_u16(number);
}

pub(crate) fn ping(into: &mut BytesMut) {
    head(into, PINGREQ, 0);
}

pub(crate) fn disconnect(into: &mut BytesMut) {
    head(into, DISCONNECT, 0);
}

fn head(into: &mut BytesMut, kind: u8, length: usize) {
    debug_assert!(length <= LONGEST, "bodies and topics are bounded far below this");
    into.reserve(length + 5);
    into.put_u8(kind);
    let mut rest = length;
    loop {
        let low = (rest & 0x7F) as u8;
        rest >>= 7;
        into.put_u8(if rest > 0 { low | 0x80 } else { low });
        if rest == 0 {
            return;
        }
    }
}

fn text(into: &mut BytesMut, text: &str) {
    into.put_u16(u16::try_from(text.len()).expect("texts are checked against LONGEST_TEXT before they come here"));
    into.put_slice(text.as_bytes());
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// The answer to a connect: 0, or why not.
    Connected(u8),
    /// A message of QoS 1 has been taken.
    Acknowledged(u16),
    /// A subscription is in force; `refused` if any filter of it is not.
    Subscribed { number: u16, refused: bool },
    /// A message; with a number, it is to be acknowledged.
    Message { topic: String, payload: Bytes, number: Option<u16> },
    /// The answer to a ping.
    Pong,
}

/// Bytes that are none of a server's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other side does not speak MQTT 3.1.1: {0}")]
pub(crate) struct Malformed(&'static str);

/// Cuts the next packet off the buffer; none when it is not whole yet.
pub(crate) fn take(from: &mut BytesMut) -> Result<Option<Incoming>, Malformed> {
    let Some((length, head)) = length(from)? else { return Ok(None) };
    if length > LONGEST_INCOMING {
        return Err(Malformed("a packet is longer than a megabyte"));
    }
    if from.len() < head + length {
        from.reserve(head + length - from.len());
        return Ok(None);
    }
    let kind = from[0];
    from.advance(head);
    let mut body = from.split_to(length).freeze();
    let short = Malformed("a packet is too short");
    let number = |body: &mut Bytes| body.try_get_u16().map_err(|_| short);
    Ok(Some(match kind & 0xF0 {
        0x20 if length >= 2 => Incoming::Connected(body[1]),
        0x40 => Incoming::Acknowledged(number(&mut body)?),
        0x90 => Incoming::Subscribed { number: number(&mut body)?, refused: body.iter().any(|code| code & 0x80 != 0) },
        0x30 => {
            let topic_length = usize::from(number(&mut body)?);
            if body.len() < topic_length {
                return Err(short);
            }
            let topic = String::from_utf8(body.split_to(topic_length).to_vec()).map_err(|_| Malformed("a topic is not UTF-8"))?;
            let number = if kind & 0b110 == 0 { None } else { Some(number(&mut body)?) };
            Incoming::Message { topic, payload: body, number }
        }
        0xD0 => Incoming::Pong,
        _ => return Err(Malformed("a packet of an unknown kind")),
    }))
}

/// The length of the packet behind its head, and that of its head.
fn length(from: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let mut length = 0;
    for (place, byte) in from.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((length, place + 2)));
        }
    }
    if from.len() < 5 { Ok(None) } else { Err(Malformed("a length has more than four bytes")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
        let mut buffer = BytesMut::new();
        write(&mut buffer);
        buffer.to_vec()
    }

    #[test]
    fn packets_of_a_client_are_as_the_standard_has_them() {
        let connect = Connect { client_id: "d", user: Some("u"), password: Some("pw"), keep_alive_seconds: 258 };
        assert_eq!(written(|into| connect.put(into)), b"\x10\x14\x00\x04MQTT\x04\xC2\x01\x02\x00\x01d\x00\x01u\x00\x02pw");
        let bare = Connect { client_id: "", user: None, password: None, keep_alive_seconds: 0 };
        assert_eq!(written(|into| bare.put(into)), b"\x10\x0C\x00\x04MQTT\x04\x02\x00\x00\x00\x00");
        assert_eq!(written(|into| publish(into, "a/b", b"xyz", Some(10))), b"\x32\x0A\x00\x03a/b\x00\x0Axyz");
        assert_eq!(written(|into| publish(into, "a", b"", None)), b"\x30\x03\x00\x01a");
        assert_eq!(written(|into| subscribe(into, &["a/#", "b"], 1)), b"\x82\x0C\x00\x01\x00\x03a/#\x01\x00\x01b\x01");
        assert_eq!(written(|into| acknowledge(into, 7)), b"\x40\x02\x00\x07");
        assert_eq!(written(ping), b"\xC0\x00");
        assert_eq!(written(disconnect), b"\xE0\x00");
    }

    fn read(bytes: &[u8]) -> Result<Option<Incoming>, Malformed> {
        take(&mut BytesMut::from(bytes))
    }

    #[test]
    fn packets_of_a_server_are_read() {
        assert_eq!(read(b"\x20\x02\x00\x05"), Ok(Some(Incoming::Connected(5))));
        assert_eq!(read(b"\x40\x02\x00\x07"), Ok(Some(Incoming::Acknowledged(7))));
        assert_eq!(read(b"\x90\x04\x00\x01\x01\x80"), Ok(Some(Incoming::Subscribed { number: 1, refused: true })));
        assert_eq!(read(b"\xD0\x00"), Ok(Some(Incoming::Pong)));
        assert_eq!(read(b""), Ok(None));
        assert_eq!(read(b"\x40\x02\x00"), Ok(None));
    }

    #[test]
    fn what_no_server_says_is_refused() {
        for bytes in [
            &b"\x30\x80\x80\x80\x80"[..],
            b"\x30\x01\x00",
            b"\x30\x03\x00\x09a",
            b"\x30\x03\x00\x01\xFF",
            b"\x10\x00",
            b"\x20\x00",
            b"\x40\x00",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        assert!(read(b"\x30\xFF\xFF\xFF\x7F").is_err(), "a length that nobody would hold in memory");
    }

    proptest! {
        #[test]
        fn a_message_is_read_back_however_it_is_cut(topic in "[a-zé/]{1,30}", payload in prop::collection::vec(any::<u8>(), 0..300), number in prop::option::of(1_u16..)) {
            let bytes = written(|into| publish(into, &topic, &payload, number));
            let mut buffer = BytesMut::new();
            for byte in &bytes[..bytes.len() - 1] {
                buffer.put_u8(*byte);
                prop_assert_eq!(take(&mut buffer), Ok(None));
            }
            buffer.put_u8(bytes[bytes.len() - 1]);
            let payload = Bytes::from(payload);
            prop_assert_eq!(take(&mut buffer), Ok(Some(Incoming::Message { topic, payload, number })));
            prop_assert!(buffer.is_empty());
        }
    }
}
