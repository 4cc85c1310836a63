//! Cuts request bodies into events.
