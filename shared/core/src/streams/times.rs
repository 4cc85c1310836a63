//! Times of a window and times to live, as requests give them.
