//! How generated code makes the urgent methods of a driver.

use std::sync::Arc;

use crate::interface::invocation::Invocation;
use crate::interface::remote::Urgent;
use crate::wire::failure::Failure;

/// Makes the urgent methods of a block: `run` runs method number `method` of the block on `handle`.
pub fn urgent<H: Handle>(
    handle: H,
    run: fn(handle: &H, method: usize, &mut Invocation<'_>) -> Result<(), Failure>,
) -> Urgent {
    Arc::new(move |method, invocation| run(&handle, method, invocation))
}

/// Joins the urgent methods of the blocks of a driver, each with the number of methods in its block.
pub fn joined_urgent<const N: usize>(blocks: [(usize, Option<Urgent>); N]) -> Option<Urgent> {
    let has_any = blocks.iter().any(|(_, urgent)| urgent.is_some());
    let run = move |mut method: usize, invocation: &mut Invocation<'_>| {
        for (methods, urgent) in &blocks {
            match (method.checked_sub(*methods), urgent) {
                (Some(beyond), _) => method = beyond,
                (None, Some(urgent)) => return urgent(method, invocation),
                (None, None) => break,
            }
        }
        Err(invocation.unknown_method())
    };
    has_any.then(|| Arc::new(run) as Urgent)
}

/// What urgent methods act on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the handle of urgent methods",
    label = "urgent methods use this while another thread is inside the driver",
    note = "return a clone of what the driver and its urgent methods share, such as an `Arc<AtomicBool>` or an `Arc<Mutex<_>>`"
)]
pub trait Handle: Send + Sync + 'static {}

impl<T: Send + Sync + 'static> Handle for T {}
