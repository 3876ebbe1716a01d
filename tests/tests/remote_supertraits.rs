//! What clients give to the proxies over them: a trait that demands it can still be implemented.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::fmt::Debug;

use ipc_client::{AsyncClient, Client};
use ipc_core::{Local, Mock, remote};

#[remote]
pub trait Reads: Send + Sync + Debug + Clone + 'static {
    type Error: std::error::Error + Send + Sync + Clone + PartialEq + 'static;
    fn read(&mut self) -> Result<u8, Self::Error>;
}

#[remote]
trait Waits: Send + Sync + Debug + Clone + 'static {
    type Error: std::error::Error + Send + Sync + 'static;
    async fn wait(&mut self) -> Result<u8, Self::Error>;
}

fn reads<R: Reads>() {}

fn waits<W: Waits>() {}

#[test]
fn all_callers_have_what_the_traits_demand() {
    reads::<ReadsProxy<Client>>();
    reads::<ReadsProxy<Local>>();
    waits::<WaitsProxy<AsyncClient>>();
}

#[test]
fn a_proxy_goes_to_another_thread() {
    let mock = Mock::new(|call| call.answer(7_u8));
    let mut proxy = ReadsProxy::new(&mock);
    let read = std::thread::spawn(move || Reads::read(&mut proxy));
    assert_eq!(read.join().unwrap(), Ok(7));
}
