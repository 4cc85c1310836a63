//! The tests are in `acceptance/`.
