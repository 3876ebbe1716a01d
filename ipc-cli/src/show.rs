//! Results for people.
