//! The commands of the scripted server: leases, as far as a client can tell, and batches.

use ipc_core::interface::batch::{BATCH, BatchCall, BatchReply};
use ipc_core::interface::commands::{
    ClaimState, ClientSummary, DeviceStatus, HolderInfo, Kicked, LeaseInfo, LeaseRequest, name,
};
use ipc_core::interface::context::CallContext;
use ipc_core::interface::job::Job;
use ipc_core::interface::registry::Registry;
use ipc_core::interface::value::{self, Value};
use ipc_core::wire::block::ReadBlocks;
use ipc_core::wire::codec;
use ipc_core::wire::ctrl::{CtrlMsg, Form};
use ipc_core::wire::failure::{Failure, Fault, FaultKind};
use ipc_core::wire::frame::ReplyFrame;
use ipc_core::wire::message::IncomingCall;
use ipc_core::{CallError, Refusal};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The leases of the scripted server, in the order in which they were asked for.
#[derive(Default)]
pub(crate) struct Leases {
    claims: Vec<LeaseRequest>,
    ended: Vec<(u128, String, String)>,
    /// All requests so far.
    pub(crate) requests: Vec<LeaseRequest>,
}

impl Leases {
    /// Another client called `name` leases `device`, or waits for it.
    pub(crate) fn hold(&mut self, device: &str, name: &str) {
        self.claims.push(LeaseRequest {
            claim: 0,
            devices: vec![device.into()],
            because: name.into(),
            ..LeaseRequest::default()
        });
    }

    /// The other clients go.
    pub(crate) fn free(&mut self) {
        self.claims.retain(|claim| claim.claim != 0);
    }

    /// An operator ends all leases.
    pub(crate) fn end_all(&mut self, by: &str, why: &str) {
        for claim in self.claims.drain(..) {
            self.ended.push((claim.claim, by.into(), why.into()));
        }
    }

    /// The devices that are leased or waited for by clients of the test.
    pub(crate) fn devices(&self) -> Vec<String> {
        let claims = self.claims.iter().filter(|claim| claim.claim != 0);
        claims.flat_map(|claim| claim.devices.clone()).collect()
    }

    fn claim(&mut self, request: LeaseRequest) -> ClaimState {
        self.requests.push(request.clone());
        let number = request.claim;
        let may_wait = request.may_wait;
        if self.state(number) == ClaimState::Unknown {
            self.claims.push(request);
        }
        let state = self.state(number);
        if !may_wait && matches!(state, ClaimState::Waiting { .. }) {
            self.claims.retain(|claim| claim.claim != number);
            self.ended
                .push((number, "the server".into(), "not free".into()));
            return self.state(number);
        }
        state
    }

    fn state(&self, number: u128) -> ClaimState {
        if let Some((_, by, why)) = self.ended.iter().find(|(ended, ..)| *ended == number) {
            let (by, why, ago_ms) = (by.clone(), why.clone(), 0);
            return ClaimState::Ended { by, why, ago_ms };
        }
        let Some(at) = self.claims.iter().position(|claim| claim.claim == number) else {
            return ClaimState::Unknown;
        };
        let ours = &self.claims[at].devices;
        let overlaps = |claim: &&LeaseRequest| claim.devices.iter().any(|it| ours.contains(it));
        let behind: Vec<_> = self.claims[..at]
            .iter()
            .filter(overlaps)
            .map(|claim| HolderInfo {
                device: claim.devices[0].clone(),
                name: claim.because.clone(),
                address: "10.0.0.7:5000".into(),
                since_ms: 3_000,
                ..HolderInfo::default()
            })
            .collect();
        match behind.len() {
            0 => ClaimState::Held { ends_ms: None },
            before => ClaimState::Waiting {
                place: u32::try_from(before).unwrap(),
                behind,
            },
        }
    }

    fn release(&mut self, number: u128) -> bool {
        let before = self.claims.len();
        self.claims.retain(|claim| claim.claim != number);
        before > self.claims.len()
    }

    fn list(&self) -> Vec<LeaseInfo> {
        let info = |claim: &LeaseRequest| LeaseInfo {
            claim: claim.claim,
            devices: claim.devices.clone(),
            name: claim.because.clone(),
            ..LeaseInfo::default()
        };
        self.claims.iter().map(info).collect()
    }
}

/// Runs a command.
pub(super) fn run(
    leases: &mut Leases,
    registry: &Registry,
    context: &CallContext,
    call: &IncomingCall,
) -> ReplyFrame {
    let args = Arguments::of(call);
    let number = call.number;
    match call.method() {
        name::CLAIM if args.get::<LeaseRequest>("request").devices.is_empty() => {
            let fault = Fault::own(FaultKind::Error, "a lease needs at least one device");
            frame(CtrlMsg::ErrorForwarded, &(number, fault))
        }
        name::CLAIM => ok(number, &leases.claim(args.get("request"))),
        name::STATUS => ok(number, &leases.state(args.get("claim"))),
        name::RELEASE => ok(number, &leases.release(args.get("claim"))),
        name::RENEW => {
            let claim = args.get("claim");
            let ends_ms = args.get("for_ms");
            match leases.state(claim) {
                ClaimState::Held { .. } => ok(number, &ClaimState::Held { ends_ms }),
                state => ok(number, &state),
            }
        }
        name::TRANSFER if args.get::<u64>("to") == 7 => {
            let claim: u128 = args.get("claim");
            leases.release(claim);
            leases.hold("laser", "seven");
            ok(number, &leases.list().pop().unwrap())
        }
        name::TRANSFER => {
            let fault = Fault::own(FaultKind::Error, "there is no client with this id");
            frame(CtrlMsg::ErrorForwarded, &(number, fault))
        }
        name::LEASES => ok(number, &leases.list()),
        name::CLIENTS => ok(number, &[client()]),
        name::DEVICES => ok(number, &[device(leases)]),
        name::KICK_CLIENT => {
            assert_eq!(args.get::<u64>("client"), 7);
            ok(number, &kicked(&args.get::<String>("because")))
        }
        name::KICK_LEASE => {
            leases.end_all("operator", &args.get::<String>("because"));
            let (device, notice): (String, u64) = (args.get("device"), args.get("notice_ms"));
            ok(number, &kicked(&format!("{device} in {notice}")))
        }
        BATCH => ok(number, &batch(registry, context, args.get("calls"))),
        method => {
            let method = method.to_string();
            let (similar, hint) = (vec![], String::new());
            let refusal = Refusal::UnknownMethod {
                method,
                similar,
                hint,
            };
            frame(CtrlMsg::Error, &(number, refusal))
        }
    }
}

fn client() -> ClientSummary {
    ClientSummary {
        id: 7,
        name: "scan".into(),
        ..ClientSummary::default()
    }
}

fn device(leases: &Leases) -> DeviceStatus {
    DeviceStatus {
        name: "laser".into(),
        waiting: u32::try_from(leases.claims.len()).unwrap(),
        ..DeviceStatus::default()
    }
}

fn kicked(name: &str) -> Kicked {
    Kicked {
        name: name.into(),
        ..Kicked::default()
    }
}

fn batch(registry: &Registry, context: &CallContext, calls: Vec<BatchCall>) -> Vec<BatchReply> {
    let mut has_failed = false;
    let mut run = |call: BatchCall| {
        let job = Job {
            method: &call.method,
            form: match call.form {
                0 => Form::Typed,
                _ => Form::ByName,
            },
            fingerprint: call.fingerprint,
            arguments: &call.arguments,
            blocks: ReadBlocks::default(),
            reply: Vec::new(),
            limit: 1 << 20,
        };
        let method = call.method.clone();
        let result = match has_failed {
            false => registry.offers().run(job, context),
            true => Err(Box::new(Refusal::Cancelled { method }.into())),
        };
        has_failed = result.is_err();
        match result.map_err(|failure| *failure) {
            Ok(reply) => BatchReply {
                kind: 200,
                payload: reply.into_bytes().to_vec(),
            },
            Err(Failure::Refused(refusal)) => BatchReply {
                kind: 400,
                payload: encoded(&refusal),
            },
            Err(Failure::Fault(fault)) => BatchReply {
                kind: 500,
                payload: encoded(&fault),
            },
        }
    };
    calls.into_iter().map(&mut run).collect()
}

/// Arguments by name.
struct Arguments(Vec<(Value, Value)>);

impl Arguments {
    fn of(call: &IncomingCall) -> Self {
        let packed: Vec<u8> = codec::decode(call.arguments()).unwrap();
        let Value::Map(parts) = value::unpack(&packed).unwrap() else {
            panic!("no map of arguments");
        };
        match parts.into_iter().nth(1) {
            Some((Value::String(named), Value::Map(arguments))) if named == "named" => {
                Self(arguments)
            }
            other => panic!("{other:?}"),
        }
    }

    fn get<T: DeserializeOwned>(&self, name: &str) -> T {
        let name = Value::String(name.into());
        let found = self.0.iter().find(|(key, _)| *key == name);
        found.unwrap().1.clone().into_typed().unwrap()
    }
}

fn encoded<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes, codec::MAX_VALUE).unwrap();
    bytes
}

fn ok<T: Serialize + ?Sized>(number: u64, value: &T) -> ReplyFrame {
    frame(CtrlMsg::Ok, &(number, value::pack(value).unwrap()))
}

/// A whole frame with `value` in it.
pub(super) fn frame<T: Serialize + ?Sized>(ctrl: CtrlMsg, value: &T) -> ReplyFrame {
    frame_bytes(ctrl, value).into()
}

pub(super) fn frame_bytes<T: Serialize + ?Sized>(ctrl: CtrlMsg, value: &T) -> Vec<u8> {
    let payload = encoded(value);
    let length = u32::try_from(2 + payload.len()).unwrap();
    let head = [
        &length.to_le_bytes()[..],
        &ctrl.number().to_le_bytes(),
        &payload,
    ];
    head.concat()
}

/// A call that the server refuses by itself.
pub(crate) fn refused_as(error: &CallError) -> Option<&Refusal> {
    match error {
        CallError::Refused(refusal) => Some(refusal),
        _ => None,
    }
}
