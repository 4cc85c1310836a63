use serde_json::Value;

use super::{Target, filled_text};
use crate::mistakes::{Node, kind_of};
use crate::secret::Secret;

pub(super) fn read(node: &Node<'_>) -> Option<Target> {
    let url = read_url(node, "url");
    let headers = match node.optional("headers") {
        None => Some(Vec::new()),
        Some(headers) => read_headers(&headers),
    };
    Some(Target::Http { url: url?, headers: headers? })
}

/// An address of the web, in the member `member`.
pub(super) fn read_url(node: &Node<'_>, member: &str) -> Option<String> {
    read_address(node, member, &["http://", "https://"], "must be an http:// or https:// address")
}

/// An address that begins with one of these, in the member `member`.
pub(super) fn read_address(node: &Node<'_>, member: &str, schemes: &[&str], wanted: &str) -> Option<String> {
    let url = filled_text(node, member)?;
    let lower = url.to_ascii_lowercase();
    let rest = schemes.iter().find_map(|scheme| lower.strip_prefix(scheme));
    let plain = !url.chars().any(|c| c.is_whitespace() || c.is_control());
    match rest {
        Some(rest) if plain && has_host(rest) => Some(url),
        _ => node.get(member)?.wrong(wanted),
    }
}

/// Whether an address without its scheme begins with a host, and a port if there is one.
fn has_host(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match host.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, port)) => {
                return address.parse::<std::net::Ipv6Addr>().is_ok() && is_port(port.strip_prefix(':').unwrap_or(port));
            }
            None => return false,
        },
        None => host.split_once(':').unwrap_or((host, "")),
    };
    !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || "-._~".contains(c)) && is_port(port)
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.parse::<u16>().is_ok()
}

fn read_headers(node: &Node<'_>) -> Option<Vec<(String, Secret)>> {
    node.expect_object()?;
    let Value::Object(members) = node.value() else { return None };
    let mut headers = Vec::new();
    for (name, value) in members {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let Value::String(text) = value else {
            node.findings().note(format!("{}.{name}", node.path()), format!("must be a text, not {}", kind_of(value)));
            continue;
        };
        if name.is_empty() || !name.bytes().all(token) || text.chars().any(|c| c.is_control() && c != '\t') {
            node.findings().note(format!("{}.{name}", node.path()), "is not a header that can be sent");
            continue;
        }
        headers.push((name.clone(), Secret::new(text.clone())));
    }
    Some(headers)
}
