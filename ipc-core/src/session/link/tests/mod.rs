//! What a connection shows of what it carries, what waits for it, where it reads long frames to, and how its end is called.

mod in_place;
mod shown;
mod waiting;
