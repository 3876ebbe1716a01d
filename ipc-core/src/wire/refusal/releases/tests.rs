use serde::Serialize;

use super::*;
use crate::wire::codec;
use crate::wire::failure::{Fenced, Held, OutOfLimits};

fn encoded(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes, codec::MAX_VALUE).unwrap();
    bytes
}

/// One refusal of each kind from 7 on, and words that its text must have.
fn reserved() -> Vec<(Refusal, [&'static str; 3])> {
    let method = || "laser_on".to_string();
    let device = || "laser".to_string();
    vec![
        (
            Refusal::Held(Box::new(Held {
                method: method(),
                device: device(),
                holder: "scan".into(),
                address: "10.0.0.7".into(),
                since_ms: 61_000,
                idle_ms: 5_000,
                reason: "night run".into(),
                ends_ms: Some(2_000),
            })),
            ["held by scan", "idle for 5s", "call again when it is free"],
        ),
        (
            Refusal::Denied {
                method: method(),
                need: "operate".into(),
                have: String::new(),
            },
            ["`operate`", "has none", "operator"],
        ),
        (
            Refusal::RateLimited {
                method: method(),
                retry_ms: 250,
            },
            ["too often", "250ms", "call again"],
        ),
        (
            Refusal::Stuck {
                method: method(),
                device: device(),
                running: "laser_ramp".into(),
                since_ms: 12_000,
                by: "scan".into(),
            },
            ["`laser_ramp`", "12s", "look at the instrument"],
        ),
        (
            Refusal::NotConnected {
                method: method(),
                device: device(),
                state: "no such port".into(),
            },
            ["`laser` is not connected", "no such port", "cable"],
        ),
        (
            Refusal::Fenced(Box::new(Fenced {
                method: method(),
                device: device(),
                by: "anna".into(),
                why: "maintenance".into(),
                ago_ms: 3_000,
            })),
            ["lost `laser`", "to anna (maintenance)", "lease it again"],
        ),
        (
            Refusal::OutOfLimits(Box::new(OutOfLimits {
                method: method(),
                argument: "power".into(),
                limit: "5 mW".into(),
                given: "7".into(),
                how_to_override: "ask the operator".into(),
            })),
            ["`power`", "5 mW", "ask the operator"],
        ),
        (
            Refusal::Confirm {
                method: method(),
                question: "open the shutter?".into(),
                token: "t".into(),
                within_ms: 30_000,
            },
            ["confirmed first", "open the shutter?", "30s"],
        ),
        (
            Refusal::Interrupted {
                method: method(),
                by: "anna".into(),
                why: "the lease of `laser` has ended".into(),
                ago_ms: 4_000,
            },
            [
                "may have changed",
                "has ended, by anna, 4s ago",
                "check the settings",
            ],
        ),
    ]
}

#[test]
fn reserved_refusals_have_their_numbers_and_say_what_to_do() {
    for (number, (refusal, words)) in (7_u32..).zip(reserved()) {
        let bytes = encoded(&refusal);
        assert_eq!(bytes[..4], number.to_le_bytes());
        assert_eq!(bytes[4..20], encoded(&"laser_on"));
        assert_eq!(Refusal::read(&bytes), refusal);
        let text = refusal.to_string();
        let begins = text.starts_with("`laser_on` was refused: ");
        assert!(begins && words.iter().all(|w| text.contains(w)), "{text}");
    }
    assert_eq!(reserved().len() + 7, Refusal::KINDS as usize);
}

#[test]
fn a_client_without_the_feature_is_refused_by_a_text() {
    let offered = Features::of_client().with(Feature::Interruptions, 1);
    for (refusal, words) in reserved() {
        assert_eq!(refusal.clone().for_client(&offered), refusal);
        let fallback = refusal.clone().for_client(&Features::default());
        let Refusal::Protocol { method, reason } = &fallback else {
            panic!("{fallback:?}");
        };
        assert_eq!(method, "laser_on");
        assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
        assert_eq!(fallback.to_string(), refusal.to_string());
    }
    let (interrupted, _) = reserved().pop().unwrap();
    let silent = interrupted.clone().for_client(&Features::of_client());
    assert!(matches!(silent, Refusal::Protocol { .. }), "{silent:?}");
    assert_eq!(silent.to_string(), interrupted.to_string());
    let stopping = Refusal::Stopping {
        method: "laser_on".into(),
    };
    assert_eq!(stopping.clone().for_client(&Features::default()), stopping);
}

#[test]
fn a_kind_of_a_later_release_is_read_by_its_method_and_text() {
    let later = encoded(&(99_u32, "laser_on", "the door is open", 7_u64));
    let read = Refusal::read(&later);
    let other = |text: &str| Refusal::Other {
        method: "laser_on".into(),
        number: 99,
        text: text.into(),
    };
    assert_eq!(read, other("the door is open"));
    assert_eq!(read.to_string(), "`laser_on` was refused: the door is open");
    // Without a text, the number is all that can be said.
    let read = Refusal::read(&encoded(&(99_u32, "laser_on")));
    assert_eq!(read, other(""));
    assert!(read.to_string().contains("reason 99"), "{read}");
    // It is never passed on under a number that means something else.
    assert!(matches!(
        read.for_client(&Features::of_client()),
        Refusal::Protocol { .. }
    ));
}

#[test]
fn fields_that_a_later_release_adds_are_skipped_and_damage_is_still_a_refusal() {
    let stopping = Refusal::Stopping {
        method: "laser_on".into(),
    };
    assert_eq!(Refusal::read(&encoded(&(&stopping, 7_u64))), stopping);
    for damaged in [&[][..], &[9, 0, 0, 0, 1], &[99, 0, 0, 0, 1]] {
        let read = Refusal::read(damaged);
        assert!(matches!(read, Refusal::Protocol { .. }), "{read:?}");
    }
}
