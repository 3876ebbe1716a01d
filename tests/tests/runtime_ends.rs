//! Async clients whose runtime ends before they are closed.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "tests")]

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ipc_client::AsyncClient;
use ipc_core::Release;
use ipc_server::{ServerEvent, ServerHandle};
use tests::{Bench, BenchProxy, Way, both_ways};
use tokio::runtime::{Builder, Runtime};

both_ways!(
    the_last_handle_and_the_runtime_are_dropped_together,
    a_runtime_ends_while_a_client_is_in_use,
);

/// Less than the 15 s after which the server gives a silent client up.
const SOON: Duration = Duration::from_secs(10);

/// A server, and why its clients no longer hold it.
fn server(way: Way) -> (ServerHandle, Receiver<Release>) {
    let (tell, told) = channel();
    let server = way.server().device(Bench::new()).on_event(move |event| {
        if let ServerEvent::Released { why, .. } = event {
            let _ = tell.send(*why);
        }
    });
    (server.spawn().unwrap(), told)
}

fn runtimes() -> [Runtime; 2] {
    let all = [Builder::new_current_thread(), Builder::new_multi_thread()];
    all.map(|mut runtime| runtime.enable_all().build().unwrap())
}

async fn used(way: Way, server: &ServerHandle) -> AsyncClient {
    let client = way.async_client(server).connect().await.unwrap();
    assert_eq!(BenchProxy::new(&client).echo(7).await.unwrap(), 7);
    client
}

/// Regression test: a program whose `main` returned without `close` looked lost to the server, which kept its place, and its
/// devices from being released, for 15 s.
fn the_last_handle_and_the_runtime_are_dropped_together(way: Way) {
    let (server, released) = server(way);
    for runtime in runtimes() {
        runtime.block_on(async { drop(used(way, &server).await) });
        drop(runtime);
        assert_eq!(released.recv_timeout(SOON), Ok(Release::Finished));
    }
}

fn a_runtime_ends_while_a_client_is_in_use(way: Way) {
    let (server, released) = server(way);
    for runtime in runtimes() {
        let client = runtime.block_on(used(way, &server));
        drop(runtime);
        assert_eq!(released.recv_timeout(SOON), Ok(Release::Finished));
        drop(client);
    }
}
