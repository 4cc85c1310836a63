//! Where LocalStack is, for tests.

/// The endpoint that `tests/run` has started.
///
/// # Panics
/// Without one: a test that needs it fails.
pub(crate) fn endpoint() -> String {
    let folder = std::env::var("LOCALSTACK_DIR").expect("LOCALSTACK_DIR names where LocalStack runs: `tests/run` starts it");
    let endpoint = std::fs::read_to_string(std::path::Path::new(&folder).join("endpoint")).expect("LocalStack is running");
    endpoint.trim().to_owned()
}

/// Clients of LocalStack, or of what stands before it, that lose their patience soon.
pub(crate) async fn clients(endpoint: &str) -> super::Clients {
    super::Clients::new(&super::configuration(Some(endpoint), std::time::Duration::from_secs(2)).await)
}
