use super::Target;
use super::member::{MemberPath, read_path};
use crate::ids::TableName;
use crate::mistakes::Node;

/// A table of this house that elements are pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableTarget {
    /// The table.
    pub table: TableName,
    /// The member of a record that becomes a sample. Without one, whole records become elements.
    pub field: Option<MemberPath>,
}

pub(super) fn read(node: &Node<'_>) -> Option<Target> {
    let table = node.required("table").and_then(|table| match TableName::try_from(table.text()?) {
        Ok(name) => Some(name),
        Err(error) => table.wrong(error.to_string()),
    });
    let field = match node.optional("field") {
        None => Some(None),
        Some(field) => read_path(&field).map(Some),
    };
    Some(Target::Table(TableTarget { table: table?, field: field? }))
}
