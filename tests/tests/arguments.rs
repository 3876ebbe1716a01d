//! Calls that do not match the server's interface are refused before the driver runs, with a helpful error.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ipc_client::{CallError, Client, Refusal};
use ipc_server::ServerHandle;
use tests::{Bench, BenchProxy, Way, both_ways};

both_ways!(
    wrong_types_name_argument_expected_and_given,
    wrong_counts_show_the_signature,
    values_out_of_range_are_refused_by_both_ends,
    an_unknown_method_is_answered_with_those_that_look_like_it,
    another_version_of_a_method_shows_both_signatures,
    methods_that_are_the_same_in_both_versions_work,
    a_call_that_is_too_large_names_the_setting,
    an_answer_that_is_too_large_names_the_setting,
);

/// The driver as the client knows it, from an earlier version.
mod earlier {
    use ipc_core::remote;

    pub struct Bench;

    #[remote]
    impl Bench {
        /// Same in both versions.
        pub fn echo(&mut self, number: u64) -> u64 {
            number
        }

        /// The argument has another type in the newer version.
        pub fn divide(&mut self, dividend: String, by: f64) -> f64 {
            dividend.len() as f64 / by
        }

        /// The result has another type in the newer version.
        pub fn step(&mut self) -> String {
            String::new()
        }

        /// Removed in the newer version.
        pub fn leap(&mut self) {}
    }
}

struct Lab {
    _server: ServerHandle,
    client: Client,
    entered: Arc<AtomicU64>,
}

impl Lab {
    fn new(way: Way) -> Self {
        let bench = Bench::new();
        let entered = bench.entered();
        let server = way.server().device(bench).spawn().unwrap();
        let client = way.client(&server).connect().unwrap();
        Self {
            _server: server,
            client,
            entered,
        }
    }

    /// Checks that the call was refused with all of `words`, and the driver did not run.
    fn refuses<T: std::fmt::Debug>(&self, result: Result<T, CallError>, words: &[&str]) -> Refusal {
        let error = result.unwrap_err();
        for word in words {
            assert!(error.to_string().contains(word), "`{word}` in: {error}");
        }
        assert!(error.is_not_executed());
        assert_eq!(self.entered.load(Ordering::SeqCst), 0, "{error}");
        match error {
            CallError::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }
}

fn wrong_types_name_argument_expected_and_given(way: Way) {
    let lab = Lab::new(way);
    let call = |args| lab.client.call::<f64>("divide", args);
    let refusal = lab.refuses(
        call(("ten", 2.0)),
        &["`divide`", "`dividend`", "u32", "ten"],
    );
    let Refusal::BadArgument { argument, .. } = refusal else {
        panic!("{refusal:?}");
    };
    assert_eq!(argument, "dividend");
    let divide = |args: (f64, &str)| lab.client.call::<f64>("divide", args);
    lab.refuses(divide((1.5, "x")), &["`dividend`", "u32", "1.5"]);
    let divide = |args: (i64, f64)| lab.client.call::<f64>("divide", args);
    lab.refuses(divide((-3, 1.0)), &["`dividend`", "u32", "-3"]);
    lab.refuses(divide((1 << 40, 1.0)), &["`dividend`", "1099511627776"]);
    assert_eq!(divide((10, 4.0)).unwrap(), 2.5);
}

fn wrong_counts_show_the_signature(way: Way) {
    let lab = Lab::new(way);
    let signature = "divide(dividend: u32, by: f64) -> f64";
    lab.refuses(
        lab.client.call::<f64>("divide", (1,)),
        &["`by: f64` is missing", signature],
    );
    lab.refuses(
        lab.client.call::<f64>("divide", (1, 2.0, 3)),
        &["3 given", "2 taken", signature],
    );
    let named = |name: &'static str| std::collections::HashMap::from([("dividend", 1), (name, 2)]);
    lab.refuses(
        lab.client.call::<f64>("divide", named("bye")),
        &["`divide`", signature],
    );
    lab.refuses(
        lab.client.call::<u64>("step", 5),
        &["too many arguments: 1 given, 0 taken", "step() -> u64"],
    );
}

fn values_out_of_range_are_refused_by_both_ends(way: Way) {
    let lab = Lab::new(way);
    let words = ["`divide`", "`dividend`", "a number from 0 to 100", "101"];
    lab.refuses(lab.client.call::<f64>("divide", (101, 1.0)), &words);
    lab.refuses(BenchProxy::new(&lab.client).divide(101, 1.0), &words);
}

fn an_unknown_method_is_answered_with_those_that_look_like_it(way: Way) {
    let lab = Lab::new(way);
    for (wrong, right) in [
        ("stepp", "`step`"),
        ("get_step", "`get_steps`"),
        ("ecko", "`echo`"),
    ] {
        lab.refuses(
            lab.client.call::<u64>(wrong, ()),
            &[&format!("`{wrong}`"), "did you mean", right],
        );
    }
    lab.refuses(
        lab.client.call::<u64>("ramp_magnet", ()),
        &["`ramp_magnet`", "`help()`"],
    );
    let wrong = lab.client.help_for("divid").unwrap_err().to_string();
    assert!(wrong.contains("`divide`"), "{wrong}");
    let earlier = earlier::BenchProxy::new(&lab.client);
    lab.refuses(earlier.leap(), &["`leap`"]);
}

fn another_version_of_a_method_shows_both_signatures(way: Way) {
    let lab = Lab::new(way);
    let earlier = earlier::BenchProxy::new(&lab.client);
    let words = [
        "`divide(dividend: String, by: f64) -> f64`",
        "`divide(dividend: u32, by: f64) -> f64`",
        "rebuild",
    ];
    let refusal = lab.refuses(earlier.divide("ten".into(), 1.0), &words);
    assert!(matches!(refusal, Refusal::SignatureMismatch { .. }));
    let words = ["`step() -> String`", "`step() -> u64`"];
    lab.refuses(earlier.step(), &words);
}

fn a_call_that_is_too_large_names_the_setting(way: Way) {
    let server = way.server().device(Bench::new()).max_call(1 << 16);
    let server = server.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let error = client.call::<u64>("echo", "x".repeat(1 << 17));
    let error = error.unwrap_err();
    assert!(error.is_not_executed());
    for word in ["65536 bytes", "`max_call`", "server"] {
        assert!(error.to_string().contains(word), "`{word}` in: {error}");
    }
}

fn an_answer_that_is_too_large_names_the_setting(way: Way) {
    let server = way.server().function("long", || vec![0_u64; 1 << 20]);
    let server = server.spawn().unwrap();
    let client = way.client(&server).max_reply(1 << 16).connect().unwrap();
    let error = client.call::<Vec<u64>>("long", ()).unwrap_err();
    for word in ["the method returned", "`max_reply`", "client"] {
        assert!(error.to_string().contains(word), "`{word}` in: {error}");
    }
}

fn methods_that_are_the_same_in_both_versions_work(way: Way) {
    let lab = Lab::new(way);
    let earlier = earlier::BenchProxy::new(&lab.client);
    assert_eq!(earlier.echo(3).unwrap(), 3);
    assert_eq!(lab.entered.load(Ordering::SeqCst), 1);
}
