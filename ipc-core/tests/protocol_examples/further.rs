//! Messages that need more than a short conversation.

use ipc_core::Refusal;
use ipc_core::wire::ctrl::{
    Bye, ByeReason, ConnectionRole, CtrlMsg, Feature, Features, Hello, Info, Notice, NoticeKind,
    WaitingStatus, Welcome,
};
use ipc_core::wire::failure::{Fault, FaultKind, Fenced, Held, OutOfLimits};

use crate::conversation::{KEY, Sent, written};

pub fn frames() -> Vec<Sent> {
    let mut frames = beginnings();
    frames.extend(endings());
    frames.extend(infos());
    frames.push(written("ack", "client", CtrlMsg::Ack, &9_u64));
    frames.extend(refusals());
    let fault = Fault::own(FaultKind::Unknown, "it still runs");
    frames.push(written(
        "error-forwarded-unknown",
        "server",
        CtrlMsg::ErrorForwarded,
        &(8_u64, fault),
    ));
    frames
}

fn beginnings() -> Vec<Sent> {
    let hello = Hello {
        connection: 1,
        name: "stranger".into(),
        max_frame: 1 << 20,
        ..Hello::default()
    };
    let lane = Hello {
        role: ConnectionRole::Lane,
        of: Some(KEY),
        ..hello.clone()
    };
    let welcome = Welcome {
        key: KEY,
        resumed: false,
        last_call: 0,
        lease_epoch: 4,
        max_frame: 16 << 20,
        epochs: vec![("pump".into(), 3), ("laser".into(), 4)],
        features: Features::from([Feature::Commands, Feature::Devices]),
    };
    vec![
        written("hello-without-features", "client", CtrlMsg::Hello, &hello),
        written("hello-lane", "client", CtrlMsg::Hello, &lane),
        written("welcome-epochs", "server", CtrlMsg::Welcome, &welcome),
    ]
}

fn endings() -> Vec<Sent> {
    let stopping = Bye::new(ByeReason::Stopping, "the server is stopping");
    let evicted = Bye {
        by: "anna".into(),
        ..Bye::new(ByeReason::Evicted, "night run")
    };
    vec![
        written("bye-stopping", "server", CtrlMsg::Bye, &stopping),
        written("bye-evicted", "server", CtrlMsg::Bye, &evicted),
    ]
}

fn infos() -> Vec<Sent> {
    let waiting = WaitingStatus {
        call: 8,
        device: "pump".into(),
        place: 1,
        holder: "scan".into(),
        since_ms: 61_000,
        idle_ms: 0,
        reason: "night run".into(),
    };
    let notice = Notice {
        claim: 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100,
        device: "pump".into(),
        kind: NoticeKind::Ending,
        text: "the lease ends".into(),
        in_ms: 5_000,
    };
    vec![
        written(
            "info-waiting",
            "server",
            CtrlMsg::Info,
            &Info::Waiting(waiting),
        ),
        written(
            "info-notice",
            "server",
            CtrlMsg::Info,
            &Info::Notice(notice),
        ),
    ]
}

fn refusals() -> Vec<Sent> {
    let method = || "pump_read_voltage".to_string();
    let device = || "pump".to_string();
    let mismatch = Refusal::SignatureMismatch {
        method: method(),
        client: String::new(),
        server: "pump_read_voltage(samples: u32 = 1) -> f64".into(),
    };
    let held = Refusal::Held(Box::new(Held {
        method: method(),
        device: device(),
        holder: "scan".into(),
        address: "10.0.0.7:50312".into(),
        since_ms: 61_000,
        idle_ms: 5_000,
        reason: "night run".into(),
        ends_ms: Some(2_000),
    }));
    let denied = Refusal::Denied {
        method: method(),
        need: "operate".into(),
        have: "read".into(),
    };
    let rate_limited = Refusal::RateLimited {
        method: method(),
        retry_ms: 250,
    };
    let stuck = Refusal::Stuck {
        method: method(),
        device: device(),
        running: "pump_arm".into(),
        since_ms: 12_000,
        by: "scan".into(),
    };
    let not_connected = Refusal::NotConnected {
        method: method(),
        device: device(),
        state: "no such port".into(),
    };
    let fenced = Refusal::Fenced(Box::new(Fenced {
        method: method(),
        device: device(),
        by: "anna".into(),
        why: "maintenance".into(),
        ago_ms: 3_000,
    }));
    let out_of_limits = Refusal::OutOfLimits(Box::new(OutOfLimits {
        method: method(),
        argument: "samples".into(),
        limit: "100".into(),
        given: "500".into(),
        how_to_override: "ask the operator".into(),
    }));
    let confirm = Refusal::Confirm {
        method: method(),
        question: "open the shutter?".into(),
        token: "7f3a".into(),
        within_ms: 30_000,
    };
    let interrupted = Refusal::Interrupted {
        method: method(),
        by: "anna".into(),
        why: "the lease of `pump` has ended".into(),
        ago_ms: 4_000,
    };
    let named = [
        ("error-mismatch", mismatch),
        ("error-held", held),
        ("error-denied", denied),
        ("error-rate-limited", rate_limited),
        ("error-stuck", stuck),
        ("error-not-connected", not_connected),
        ("error-fenced", fenced),
        ("error-out-of-limits", out_of_limits),
        ("error-confirm", confirm),
        ("error-interrupted", interrupted),
    ];
    named
        .into_iter()
        .map(|(name, refusal)| written(name, "server", CtrlMsg::Error, &(10_u64, refusal)))
        .collect()
}
