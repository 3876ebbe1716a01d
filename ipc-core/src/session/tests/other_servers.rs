//! What a server of another release may say, and what the client makes of it.

use std::time::{Duration, Instant};

use super::{answer, call_frame, reply_frame};
use crate::session::client::{CallOutcome, ClientConfig, ClientSession, Event};
use crate::session::link::{Link, LinkError};
use crate::wire::codec::CodecError;
use crate::wire::ctrl::{
    Bye, ByeReason, CtrlMsg, Features, Info, Notice, NoticeKind, SessionKey, WaitingStatus, Welcome,
};
use crate::wire::failure::{Fault, FaultKind};
use crate::wire::frame::FrameReader;
use crate::wire::message::{call_of, frame_of};
use crate::wire::preamble::{Preamble, Role, Suite};

pub(super) const KEY: SessionKey = SessionKey {
    incarnation: 1,
    session: 2,
};

/// A client whose server is played by the test, frame by frame.
pub(super) struct Scene {
    pub(super) client: ClientSession,
    pub(super) now: Instant,
}

impl Scene {
    pub(super) fn new() -> Self {
        let now = super::epoch();
        let client = ClientSession::new(ClientConfig::default());
        let mut scene = Self { client, now };
        scene.connect(welcome(KEY, false));
        scene
    }

    /// A connection that is answered by `welcome`.
    pub(super) fn connect(&mut self, welcome: Vec<u8>) {
        let link = Link::plain(Role::Client, 1 << 20);
        self.client.connect(link, self.now);
        let preamble = Preamble::new(Suite::Plain, Role::Server).encode();
        self.hear(&[&preamble[..], &welcome].concat());
        assert!(matches!(
            self.client.poll_event(),
            Some(Event::Connected { .. })
        ));
        self.said();
    }

    pub(super) fn call(&mut self, tag: u64, idempotent: bool) -> u64 {
        let frame = call_frame(tag, 0);
        self.client.call(frame, idempotent, None, self.now)
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.client.handle_input(bytes, self.now);
    }

    /// The numbers and methods of the calls that the client has sent.
    pub(super) fn said(&mut self) -> Vec<(u64, String)> {
        let preamble = Preamble::new(Suite::Plain, Role::Client).encode();
        let mut frames = FrameReader::new(1 << 24);
        while let bytes @ [_, ..] = self.client.transmit() {
            let count = bytes.len();
            frames.push(bytes.strip_prefix(&preamble[..]).unwrap_or(bytes));
            self.client.consume(count);
        }
        let frames = std::iter::from_fn(|| frames.next_frame().unwrap());
        let calls = frames.filter_map(|frame| Some(call_of(frame)?.unwrap()));
        calls
            .map(|call| (call.number, call.method().to_string()))
            .collect()
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    /// The end of the only call that has ended.
    pub(super) fn end(&mut self) -> (u64, CallOutcome) {
        match &self.events()[..] {
            [Event::Ended { call, outcome }] => (*call, outcome.clone()),
            events => panic!("no end of a call: {events:?}"),
        }
    }
}

pub(super) fn welcome(key: SessionKey, resumed: bool) -> Vec<u8> {
    welcome_after(key, resumed, 0)
}

/// The Welcome of a server to which the calls up to `last_call` have come.
pub(super) fn welcome_after(key: SessionKey, resumed: bool, last_call: u64) -> Vec<u8> {
    let welcome = Welcome {
        key,
        resumed,
        last_call,
        lease_epoch: 1,
        max_frame: 1 << 20,
        epochs: Vec::new(),
        features: Features::default(),
    };
    frame_of(CtrlMsg::Welcome, &welcome)
}

pub(super) fn fault(number: u64, kind: FaultKind) -> Vec<u8> {
    let fault = Fault::own(kind, "it still runs");
    frame_of(CtrlMsg::ErrorForwarded, &(number, fault))
}

pub(super) fn goodbye(reason: ByeReason) -> Vec<u8> {
    frame_of(CtrlMsg::Bye, &Bye::new(reason, "see you"))
}

#[test]
fn an_unknown_outcome_is_never_told_as_one_that_ran() {
    for kind in [FaultKind::Unknown, FaultKind::Other(77)] {
        let mut scene = Scene::new();
        let number = scene.call(1, false);
        scene.hear(&fault(number, kind));
        let (ended, outcome) = scene.end();
        assert_eq!(ended, number);
        assert_eq!(outcome, CallOutcome::Unknown("it still runs".into()));
    }
}

#[test]
fn a_fault_that_cannot_be_read_is_judged_by_its_kind() {
    for (kind, is_known) in [(0_u32, true), (1, true), (4, false), (77, false)] {
        let mut scene = Scene::new();
        let number = scene.call(1, false);
        scene.hear(&frame_of(CtrlMsg::ErrorForwarded, &(number, kind, 1_u8)));
        match scene.end().1 {
            CallOutcome::Failed(_) => assert!(is_known, "kind {kind}"),
            CallOutcome::Unknown(_) => assert!(!is_known, "kind {kind}"),
            other => panic!("{other:?}"),
        }
    }
}

/// Under its old number, an idempotent call would only get its old answer again.
#[test]
fn an_idempotent_call_of_unknown_outcome_is_asked_again_under_a_new_number() {
    let mut scene = Scene::new();
    let (first, other) = (scene.call(1, true), scene.call(2, false));
    assert_eq!(scene.said().len(), 2);
    scene.hear(&fault(first, FaultKind::Unknown));
    let [(again, method)] = &scene.said()[..] else {
        panic!("not asked again");
    };
    assert!(*again > other && method == "m1", "{again}: {method}");
    let again = *again;
    let progress = Info::Progress {
        call: again,
        fraction: 0.5,
        message: String::new(),
    };
    scene.hear(&frame_of(CtrlMsg::Info, &progress));
    scene.hear(&reply_frame(again, &answer(1, 0)).to_vec());
    let events = scene.events();
    let [
        Event::Progress { call, .. },
        Event::Ended {
            call: ended,
            outcome,
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!((*call, *ended), (first, first), "the caller's number");
    assert!(matches!(outcome, CallOutcome::Returned(_)), "{outcome:?}");
    assert_eq!(scene.client.in_flight(), [other]);
}

#[test]
fn a_call_is_asked_again_once_in_a_session_and_can_be_given_up() {
    let mut scene = Scene::new();
    let first = scene.call(1, true);
    scene.hear(&fault(first, FaultKind::Unknown));
    scene.hear(&fault(first + 1, FaultKind::Unknown));
    let (ended, outcome) = scene.end();
    assert_eq!(ended, first);
    assert!(matches!(outcome, CallOutcome::Unknown(_)), "{outcome:?}");

    let frame = call_frame(2, 0);
    let timeout = Some(Duration::from_secs(1));
    let second = scene.client.call(frame, true, timeout, scene.now);
    scene.hear(&fault(second, FaultKind::Unknown));
    scene
        .client
        .handle_timeout(scene.now + Duration::from_secs(1));
    assert_eq!(scene.end(), (second, CallOutcome::TimedOut));
    assert!(scene.client.is_idle());
}

/// The server stops while a getter runs: the getter is asked again after the restart, as after a forgotten session.
#[test]
fn a_getter_survives_a_stop_of_the_server() {
    let mut scene = Scene::new();
    let (getter, other) = (scene.call(1, true), scene.call(2, false));
    scene.said();
    scene.hear(
        &[
            fault(getter, FaultKind::Unknown),
            goodbye(ByeReason::Stopping),
        ]
        .concat(),
    );
    assert!(matches!(scene.events()[..], [Event::Lost(_)]));
    let restarted = SessionKey {
        incarnation: 9,
        session: 9,
    };
    scene.connect(welcome(restarted, false));
    // `connect` has read what was said; both calls went out again.
    assert_eq!(scene.client.in_flight().len(), 2);
    let again = scene.client.in_flight()[1];
    scene.hear(&reply_frame(again, &answer(1, 0)).to_vec());
    let (ended, outcome) = scene.end();
    assert_eq!(ended, getter);
    assert!(matches!(outcome, CallOutcome::Returned(_)), "{outcome:?}");
    scene.hear(&reply_frame(other, &answer(2, 0)).to_vec());
    assert_eq!(scene.end().0, other);
}

#[test]
fn waiting_and_notices_are_told_and_unknown_infos_skipped() {
    let mut scene = Scene::new();
    let call = scene.call(1, false);
    let waiting = WaitingStatus {
        call,
        device: "laser".into(),
        place: 2,
        holder: "sc\u{1b}an".into(),
        since_ms: 1_000,
        idle_ms: 0,
        reason: "night run".into(),
    };
    let notice = Notice {
        claim: 5,
        device: String::new(),
        kind: NoticeKind::from(42),
        text: "later".into(),
        in_ms: 0,
    };
    let infos = [
        frame_of(CtrlMsg::Info, &Info::Waiting(waiting.clone())),
        frame_of(CtrlMsg::Info, &(&Info::Notice(notice.clone()), "more")),
        frame_of(CtrlMsg::Info, &(Info::KINDS, "what may this be")),
        frame_of(CtrlMsg::Info, &(u32::MAX, ())),
    ];
    scene.hear(&infos.concat());
    let shown = WaitingStatus {
        holder: "sc\u{fffd}an".into(),
        ..waiting
    };
    assert_eq!(notice.kind, NoticeKind::Other(42));
    let expected = [Event::Waiting(shown.into()), Event::Notice(notice.into())];
    assert_eq!(scene.events(), expected);
    assert!(scene.client.is_ready());
}

#[test]
fn a_welcome_may_carry_more_and_must_keep_its_rules() {
    let features =
        |names: &[&str]| -> Features { names.iter().map(|name| (name.to_string(), 7)).collect() };
    let welcome = |features| Welcome {
        key: KEY,
        resumed: false,
        last_call: 0,
        lease_epoch: 1,
        max_frame: 1 << 20,
        epochs: vec![("pump".into(), 4)],
        features,
    };
    let later = (welcome(features(&["aaa", "zzz"])), "more", 7_u64);
    let mut scene = Scene::new();
    scene.connect(frame_of(CtrlMsg::Welcome, &later));
    assert!(scene.client.is_ready());

    let broken = welcome(features(&["zzz", "aaa"]));
    let mut client = ClientSession::new(ClientConfig::default());
    client.connect(Link::plain(Role::Client, 1 << 20), scene.now);
    let preamble = Preamble::new(Suite::Plain, Role::Server).encode();
    let said = [&preamble[..], &frame_of(CtrlMsg::Welcome, &broken)].concat();
    client.handle_input(&said, scene.now);
    let Some(Event::Lost(LinkError::Message { ctrl, error })) = client.poll_event() else {
        panic!("not lost");
    };
    assert_eq!(ctrl, CtrlMsg::Welcome);
    assert!(matches!(error, CodecError::Invalid(_)), "{error}");
}

/// A Cancel that was lost with its connection was never sent again: calls behind the one that hung waited for ever.
#[test]
fn a_cancel_that_was_lost_is_sent_again_until_a_later_call_has_begun() {
    let mut scene = Scene::new();
    let (hung, later) = (scene.call(1, false), scene.call(2, false));
    scene.said();
    scene.client.give_up(hung);
    scene.said();
    for _ in 0..2 {
        scene.client.handle_eof(None);
        scene.events();
        scene
            .client
            .connect(Link::plain(Role::Client, 1 << 20), scene.now);
        scene.said();
        let preamble = Preamble::new(Suite::Plain, Role::Server).encode();
        scene.hear(&[&preamble[..], &welcome(KEY, true)].concat());
        let cancel = frame_of(CtrlMsg::Cancel, &hung);
        let said = scene.client.transmit();
        assert!(said.starts_with(&cancel), "before anything else: {said:?}");
        scene.said();
        scene.events();
    }
    scene.hear(&reply_frame(later, &answer(2, 0)).to_vec());
    assert_eq!(scene.end().0, later);
    scene.client.handle_eof(None);
    scene.events();
    scene.connect(welcome(KEY, true));
    assert_eq!(scene.said(), [], "nothing is left to be said");
}

/// It would close the connection over a command.
#[test]
fn a_server_that_takes_no_commands_is_sent_none() {
    let mut scene = Scene::new();
    let mut frame = call_frame(1, 0);
    frame[4..6].copy_from_slice(&CtrlMsg::Command.number().to_le_bytes());
    let command = |scene: &mut Scene| scene.client.call(frame.clone(), false, None, scene.now);
    let number = command(&mut scene);
    assert!(scene.said().is_empty());
    let (ended, outcome) = scene.end();
    assert_eq!(ended, number);
    assert!(matches!(outcome, CallOutcome::Refused(_)), "{outcome:?}");
    // A command that waits for the connection finds out when it is there.
    scene.client.disconnect();
    let number = command(&mut scene);
    scene.connect(welcome(KEY, true));
    assert_eq!(scene.end().0, number);
    let call = scene.call(2, false);
    assert_eq!(scene.said(), [(call, "m2".to_string())]);
}
