//! What acceptance tests and benchmarks stand on. The tests themselves are in `acceptance/`.

pub mod lambda;
pub mod registry_service;
