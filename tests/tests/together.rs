//! Answers that are ready together leave together, but none of them waits for a call that is slow.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

use std::pin::pin;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ipc_core::remote;
use tests::{Way, both_ways};

both_ways!(an_answer_does_not_wait_for_a_slow_call_behind_it);

/// A driver whose steps are quick or last until the test ends them.
struct Stepper {
    go_on: Receiver<()>,
}

#[remote]
impl Stepper {
    pub fn step(&mut self, waits: bool) -> bool {
        if waits {
            // Fails if the test has ended already.
            let _ = self.go_on.recv();
        }
        waits
    }
}

/// The server has reason to expect that the second call is quick, too, and holds the first answer back.
fn an_answer_does_not_wait_for_a_slow_call_behind_it(way: Way) {
    let (sender, go_on) = channel();
    let server = way.server().device(Stepper { go_on }).spawn().unwrap();
    // With one thread, calls that are made together are sent together.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = way.async_client(&server).connect().await.unwrap();
        let stepper = StepperProxy::new(&client);
        for _ in 0..ROUNDS {
            let quick: [_; 8] = std::array::from_fn(|_| {
                let stepper = stepper.clone();
                tokio::spawn(async move { stepper.step(false).await })
            });
            for step in quick {
                step.await.unwrap().unwrap();
            }
            let first = tokio::time::timeout(LIMIT, stepper.step(false));
            let mut second = pin!(stepper.step(true));
            tokio::select! {
                biased;
                first = first => assert!(!first.unwrap().unwrap()),
                _ = &mut second => panic!("the second call did not wait"),
            }
            sender.send(()).unwrap();
            assert!(second.await.unwrap());
        }
    });
}

const ROUNDS: usize = 20;
/// An answer that is not held back comes within this time on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);
