//! What a connection shows of what it carries, what waits for it, and how its end is called.

mod shown;
mod waiting;
