//! A crate that documents everything, warns about nothing, and forbids what can be forbidden.
#![deny(missing_docs, warnings, rustdoc::all, unreachable_pub)]
#![forbid(unsafe_code, missing_debug_implementations)]

use ipc_core::remote;

/// A meter.
#[derive(Debug)]
pub struct Meter;

/// What went wrong.
#[remote]
#[derive(Debug)]
pub struct Broken {
    /// Why.
    pub why: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Broken {}

/// Calls.
#[remote]
impl Meter {
    /// Reads.
    pub fn read(&mut self, #[remote(default = 1, range = 1..=9)] samples: u32) -> Result<f64, Broken> {
        Ok(samples.into())
    }

    /// Waits.
    pub async fn wait(&mut self, ctx: &ipc_core::CallContext) {
        ctx.progress(1.0, "done");
    }

    /// Old.
    #[deprecated]
    pub fn old(&self) {}
}

/// Measures.
#[remote]
pub trait Measures {
    /// Its error.
    type Error: std::error::Error;

    /// Reads.
    fn read(&mut self) -> Result<f64, Self::Error>;
}

/// Adds.
#[remote]
pub fn add(a: u8, b: u8) -> u8 {
    a + b
}

fn main() {}
