//! What an event means under the format of its stream or of a view.
