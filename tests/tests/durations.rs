//! Extreme durations: zero, longer than the system can represent, and infinite.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use ipc_client::{ClientBuilder, Retry};
use ipc_core::{CallContext, remote};
use tests::{Bench, BenchProxy, Way};

/// Regression test: the client's system refused 131 071 s and more, which looked like a network failure.
#[test]
fn any_liveness_will_do_at_either_end() {
    for seconds in [0, 1, 3, 86_400, 98_304, 131_071, 2_592_000, u64::MAX] {
        let liveness = Duration::from_secs(seconds);
        let server = Way::Plain.server().liveness(liveness).device(Bench::new());
        let server = server.spawn().unwrap();
        let client = Way::Plain.client(&server).liveness(liveness);
        let client = client.retry(Retry::never()).connect().unwrap();
        assert_eq!(BenchProxy::new(&client).step().unwrap(), 1, "{seconds} s");
    }
}

struct Clock;

#[remote]
impl Clock {
    pub fn must_end(&mut self, ctx: &CallContext) -> bool {
        ctx.deadline().is_some()
    }
}

/// Regression test: a driver that checks for its deadline was given one millisecond.
#[test]
fn to_wait_for_ever_is_to_have_no_deadline() {
    let ever = Duration::MAX;
    let server = Way::Plain.server().device(Clock).spawn().unwrap();
    let settings: [fn(ClientBuilder, Duration) -> ClientBuilder; 3] = [
        ClientBuilder::connect_timeout,
        ClientBuilder::patience,
        |client, time| client.retry(Retry::up_to(time)),
    ];
    for set in settings {
        let client = set(Way::Plain.client(&server), ever).connect().unwrap();
        let clock = |time| ClockProxy::new(&client.timeout(time)).must_end();
        assert_eq!(clock(ever), Ok(false));
        assert_eq!(clock(Duration::from_secs(3600)), Ok(true));
        assert!(clock(Duration::ZERO).unwrap_err().is_not_executed());
    }
}
