//! Tables that are fed: by signals, other tables, streams.

use super::*;
