//! Where LocalStack is, for tests.

use std::time::Duration;

use super::{Clients, configuration};

/// The endpoint that `tests/run` has started.
///
/// # Panics
/// Without one: a test that needs it fails.
pub(crate) fn endpoint() -> String {
    let folder = std::env::var("LOCALSTACK_DIR").expect("LOCALSTACK_DIR names where LocalStack runs: `tests/run` starts it");
    let endpoint = std::fs::read_to_string(std::path::Path::new(&folder).join("endpoint")).expect("LocalStack is running");
    endpoint.trim().to_owned()
}

/// Clients of LocalStack, or of what stands before it.
pub(crate) async fn clients(endpoint: &str) -> Clients {
    // On a busy machine a large object takes its time.
    clients_with_patience(endpoint, Duration::from_secs(30)).await
}

/// Clients that send a request again once it has been met with silence for so long.
pub(crate) async fn clients_with_patience(endpoint: &str, patience: Duration) -> Clients {
    Clients::new(&configuration(Some(endpoint), patience).await)
}
