//! Both clients against a scripted server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy does not see that helpers of tests are tests"
)]

mod async_giving_up;
mod async_leases;
mod asynchronous;
mod batches;
mod callbacks;
mod calls;
mod connecting;
mod errors;
mod giving_up;
mod interruptions;
mod lanes;
mod leases;
mod observers;
mod outages;
mod reports;
mod support;
