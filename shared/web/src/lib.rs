//! What every router needs, and nothing that only one does.
//!
//! * [`Problem`] is every answer that is not a success;
//! * [`JsonBody`], [`Content`] and [`Segment`] read requests and turn what is wrong with them into problems;
//! * [`with_house_layers`] puts limits, fallbacks, authentication, logs and metrics around the merged routers of a host;
//! * a [`Dialect`] is how a group tells its problems and spells its paths, where that differs from the house;
//! * [`openapi`] describes endpoints;
//! * [`Schema`] is a JSON Schema as an answer;
//! * [`byte_range`] reads `Range` headers.
//!
//! This crate knows HTTP and no endpoint group.

mod auth;
pub mod byte_range;
mod dialect;
mod extract;
mod layers;
pub mod openapi;
mod problem;
mod schema;

pub use auth::{Door, Entry, Token, bears};
pub use dialect::{Dialect, Told};
pub use extract::{Content, JsonBody, Segment};
pub use layers::{House, LargestReply, not_taken, nothing_there, with_house_layers};
pub use problem::Problem;
pub use schema::Schema;
