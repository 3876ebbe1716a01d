//! Both clients against a scripted server.

mod calls;
mod connecting;
mod giving_up;
mod outages;
mod support;
