//! What the server tells unasked: why a call waits, and what becomes of a lease.

use std::sync::mpsc::channel;
use std::thread;

use ipc_client::{AsyncClient, Client, Notice, NoticeKind, WaitingStatus};
use ipc_core::wire::ctrl::Info;

use crate::asynchronous::{send, until};
use crate::support::FakeServer;

fn waiting(call: u64) -> Info {
    Info::Waiting(WaitingStatus {
        call,
        device: "laser".into(),
        place: 2,
        holder: "sc\u{1b}an".into(),
        since_ms: 1000,
        idle_ms: 0,
        reason: "alignment".into(),
    })
}

fn notice() -> Info {
    Info::Notice(Notice {
        claim: 5,
        device: "laser".into(),
        kind: NoticeKind::Ending,
        text: "the lease ends".into(),
        in_ms: 5000,
    })
}

#[test]
fn a_call_that_waits_says_why() {
    let server = FakeServer::start();
    let (noticed, notices) = channel();
    let client = Client::builder(server.address().to_string())
        .on_notice(move |notice| noticed.send(notice.clone()).unwrap())
        .connect()
        .unwrap();
    let (told, waits) = channel();
    let handle = client.on_waiting(move |status| told.send(status.clone()).unwrap());
    let call = thread::spawn(move || handle.call::<()>("gate", ()));
    server.wait_for(|ledger| ledger == ["gate entered"]);
    server.tell(&waiting(1));
    server.tell(&waiting(99));
    server.tell(&notice());
    let status = waits.recv().unwrap();
    assert_eq!((&*status.device, status.place), ("laser", 2));
    assert_eq!(status.holder, "sc\u{fffd}an");
    let told = notices.recv().unwrap();
    assert_eq!((told.claim, told.kind), (5, NoticeKind::Ending));
    server.open_gate();
    assert_eq!(call.join().unwrap(), Ok(()));
    assert!(waits.try_recv().is_err(), "only of its own call");
}

#[tokio::test]
async fn a_future_that_waits_says_why() {
    let server = FakeServer::start();
    let (noticed, notices) = channel();
    let client = AsyncClient::builder(server.address().to_string())
        .on_notice(move |notice| noticed.send(notice.in_ms).unwrap())
        .connect()
        .await
        .unwrap();
    let (told, waits) = channel();
    let handle = client.on_waiting(move |status| told.send(status.place).unwrap());
    let mut call = handle.call::<()>("gate", ());
    send(&mut call).await;
    until(|| server.ledger() == ["gate entered"]).await;
    server.tell(&waiting(1));
    server.tell(&notice());
    let mut seen = (None, None);
    let seen = &std::cell::RefCell::new(&mut seen);
    until(|| {
        let mut seen = seen.borrow_mut();
        seen.0 = seen.0.or(waits.try_recv().ok());
        seen.1 = seen.1.or(notices.try_recv().ok());
        **seen == (Some(2), Some(5000))
    })
    .await;
    server.open_gate();
    assert_eq!(call.await, Ok(()));
}
