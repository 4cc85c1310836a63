use super::{Target, optional_text};
use crate::ids::{NamespaceId, StreamId, StreamName};
use crate::mistakes::Node;
use crate::streams::DEFAULT_NAMESPACE;

pub(super) fn read(node: &Node<'_>) -> Option<Target> {
    let namespace = read_namespace(node);
    let stream = node.required("stream")?;
    let stream = match StreamId::try_from(stream.text()?) {
        Ok(stream) => Some(stream),
        Err(error) => stream.wrong(error.to_string()),
    };
    Some(Target::Stream(StreamName { namespace: namespace?, stream: stream? }))
}

fn read_namespace(node: &Node<'_>) -> Option<NamespaceId> {
    let text = optional_text(node, "namespace").ok()?.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    match NamespaceId::try_from(text) {
        Ok(namespace) => Some(namespace),
        Err(error) => node.get("namespace")?.wrong(error.to_string()),
    }
}
