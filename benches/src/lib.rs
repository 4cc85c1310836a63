//! The measurements stand beside this file, one a question; `cargo bench -p headwater-benches --bench NAME` runs one.
