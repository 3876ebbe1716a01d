//! Batches of calls.

use std::sync::Arc;
use std::thread;

use super::gate_tests::{Log, Party, Script, device, named, party, registry, text};
use super::*;
use crate::interface::args::Args;
use crate::interface::batch::{BATCH, BatchCall, BatchReply};
use crate::interface::context::CallHost;
use crate::interface::remote::Shared;
use crate::interface::value;
use crate::wire::block::ReadBlocks;
use crate::wire::codec;
use crate::wire::ctrl::Form;
use crate::wire::failure::Refusal;

impl Party {
    /// Runs a batch of calls without arguments, and returns the kinds of the replies.
    fn batch(
        self: &Arc<Self>,
        registry: &Registry,
        call: u64,
        methods: &[&str],
    ) -> Result<Vec<u16>, String> {
        let calls = methods.iter().map(|method| {
            let target = registry.offers().targets.get(*method);
            BatchCall {
                form: 0,
                fingerprint: target.map_or(0, |target| target.fingerprint),
                method: method.to_string(),
                arguments: Vec::new(),
            }
        });
        let replies = self.batch_of(registry, call, calls.collect())?;
        Ok(replies.iter().map(|reply| reply.kind).collect())
    }

    fn batch_of(
        self: &Arc<Self>,
        registry: &Registry,
        call: u64,
        calls: Vec<BatchCall>,
    ) -> Result<Vec<BatchReply>, String> {
        let args = value::pack(&Args::new().named("calls", calls).unwrap()).unwrap();
        let mut arguments = Vec::new();
        codec::encode(&args, &mut arguments, usize::MAX).unwrap();
        let host = Arc::clone(self) as Arc<dyn CallHost>;
        let context = CallContext::new(host, call, "a client".into(), None)
            .of_session(self.number())
            .of_party(self.number());
        let job = Job {
            method: BATCH,
            form: Form::Command,
            fingerprint: 0,
            arguments: &arguments,
            blocks: ReadBlocks::default(),
            reply: Vec::new(),
            limit: 100_000,
        };
        let reply = registry
            .run(job, &context)
            .map_err(|failure| text(*failure))?
            .into_bytes();
        Ok(value::unpack(&reply[8..]).unwrap())
    }
}

#[test]
fn a_batch_runs_its_calls_in_order_up_to_the_first_that_fails() {
    let log = Log::default();
    let fails = Script::new(|method| assert!(method != 1, "no light"));
    let registry = registry([
        device("a", &log),
        named(Shared::new(fails), "bad"),
        device("b", &log),
    ]);
    let one = party(1);
    let kinds = one.batch(&registry, 1, &["b_work", "a_set", "b_set", "get_bad_level"]);
    assert_eq!(kinds.unwrap(), [200; 4]);
    assert_eq!(*log.lock().unwrap(), ["b 0", "a 1", "b 1"]);
    let kinds = one.batch(&registry, 2, &["a_work", "bad_set", "b_work"]);
    assert_eq!(kinds.unwrap(), [200, 500, 400]);
    assert_eq!(log.lock().unwrap().len(), 4);
    assert_eq!(one.batch(&registry, 3, &[]), Ok(vec![]));
    assert!(
        registry
            .devices()
            .iter()
            .all(|device| device.inside().is_none())
    );
}

#[test]
fn a_batch_with_a_call_that_cannot_be_run_runs_none() {
    let log = Log::default();
    let registry = registry([device("a", &log)]);
    let one = party(1);
    let call = |form, method: &str| BatchCall {
        form,
        fingerprint: 0,
        method: method.into(),
        arguments: Vec::new(),
    };
    let kinds = one.batch(&registry, 1, &["a_work", "a_wrok", "a_set"]);
    assert_eq!(kinds.unwrap(), [400; 3]);
    for (calls, reason) in [
        (
            vec![call(1, "a_work"), call(1, "a_wrok")],
            "no method `a_wrok`",
        ),
        (
            vec![call(1, "a_set"), call(0, "a_work")],
            "differs between the two ends",
        ),
        (
            vec![call(1, "a_set"), call(7, "a_work")],
            "no calls of the form 7",
        ),
    ] {
        let replies = one.batch_of(&registry, 2, calls).unwrap();
        let refusals = replies
            .iter()
            .map(|reply| codec::decode::<Refusal>(&reply.payload).unwrap());
        let refusals: Vec<_> = refusals.map(|refusal| refusal.to_string()).collect();
        assert!(refusals[0].contains("cancelled"), "{refusals:?}");
        assert!(refusals[1].contains(reason), "{refusals:?}");
    }
    let many = one
        .batch_of(&registry, 3, vec![call(1, "a_work"); 1001])
        .unwrap_err();
    assert!(many.contains("at most 1000 calls"), "{many}");
    registry.devices()[0].set_owner(2, false);
    let leased = one
        .batch(&registry, 4, &["get_a_level", "a_work"])
        .unwrap_err();
    assert_eq!(leased, "`batch` was refused: 2 has `a`");
    assert_eq!(*log.lock().unwrap(), [""; 0]);
    assert_eq!(one.batch(&registry, 5, &["get_a_level"]).unwrap(), [200]);
}

#[test]
fn nobody_comes_between_the_calls_of_a_batch() {
    let log = Log::default();
    let registry = registry([device("a", &log), device("b", &log)]);
    thread::scope(|scope| {
        for (number, methods) in [
            (1, ["a_work", "b_work", "a_work"]),
            (2, ["b_set", "a_set", "b_set"]),
        ] {
            let registry = &registry;
            scope.spawn(move || {
                for call in 1..=300 {
                    assert_eq!(
                        party(number).batch(registry, call, &methods),
                        Ok(vec![200; 3])
                    );
                }
            });
        }
    });
    let log = log.lock().unwrap();
    for three in log.chunks(3) {
        let is_whole = three == ["a 0", "b 0", "a 0"] || three == ["b 1", "a 1", "b 1"];
        assert!(is_whole, "{three:?}");
    }
    assert_eq!(log.len(), 1800);
}
