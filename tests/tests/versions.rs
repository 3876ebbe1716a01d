//! An old client with a new server and the other way round: unchanged methods work; changed ones are refused before the
//! driver runs, with an error that shows the difference, however deep it is nested.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ipc_client::{CallError, Client, Refusal};
use ipc_core::remote;
use ipc_server::{IntoDevice, ServerHandle};
use tests::{Way, both_ways};

both_ways!(
    an_old_client_with_a_new_server,
    a_new_client_with_an_old_server,
    errors_of_another_version_are_the_same_or_none,
    callers_by_name_see_what_there_is,
);

/// Counts the calls that reached the driver.
type Entered = Arc<AtomicU32>;

/// Both versions, which differ in the types given.
macro_rules! version {
    ($module:ident, $gain:ty, [$($variant:ident),*], [$($error:ident),*], { $($more:item)* }) => {
        mod $module {
            use super::{Entered, Ordering, remote};

            #[remote]
            #[derive(Clone, Debug, Default, PartialEq)]
            pub struct Channel {
                pub gain: $gain,
                pub label: String,
            }

            #[remote]
            #[derive(Clone, Debug, Default, PartialEq)]
            pub struct Settings {
                pub averages: u32,
                pub channels: Vec<Channel>,
            }

            #[remote]
            #[derive(Clone, Copy, Debug, PartialEq)]
            pub enum Slope {
                $($variant,)*
            }

            #[remote]
            #[derive(Clone, Copy, Debug, PartialEq)]
            pub enum Failure {
                $($error,)*
                TooHot(f64),
            }

            impl std::fmt::Display for Failure {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    write!(f, "{self:?}")
                }
            }

            impl std::error::Error for Failure {}

            pub struct Scope(pub Entered);

            #[remote(parts(MoreProxy))]
            impl Scope {
                fn enter(&self) {
                    self.0.fetch_add(1, Ordering::SeqCst);
                }

                /// The same in both.
                pub fn identity(&mut self, times: u8) -> String {
                    self.enter();
                    "scope".repeat(times.into())
                }

                /// A field deep inside has another type.
                pub fn settings(&mut self) -> Settings {
                    self.enter();
                    Settings::default()
                }

                /// The type has another variant.
                pub fn arm(&mut self, slope: Slope) {
                    self.enter();
                    let _ = slope;
                }

                /// Fails with the first error that this version has, or with the last.
                pub fn fail(&mut self, first: bool) -> Result<(), Failure> {
                    self.enter();
                    Err(match first {
                        true => [$(Failure::$error),*][0],
                        false => Failure::TooHot(80.0),
                    })
                }
            }

            #[remote(part, proxy = MoreProxy)]
            impl Scope {
                $($more)*
            }
        }
    };
}

version!(old, f32, [Rising, Falling], [Interlock], {
    /// Has become a property.
    pub fn level(&mut self) -> f64 {
        1.0
    }

    /// Has another argument now.
    pub fn sweep(&mut self, points: u32) -> u32 {
        points
    }
});

version!(new, f64, [Rising, Falling, Either], [Busy, Interlock], {
    #[remote(get)]
    pub fn level(&self) -> f64 {
        1.0
    }

    pub fn sweep(&mut self, points: u32, #[remote(default = 1)] every: u32) -> u32 {
        points / every
    }

    /// Was added.
    pub fn autoset(&mut self) {}
});

struct Lab {
    entered: Entered,
    client: Client,
    _server: ServerHandle,
}

impl Lab {
    fn new<D: IntoDevice + Send>(way: Way, driver: impl FnOnce(Entered) -> D) -> Self {
        let entered = Entered::default();
        let server = way
            .server()
            .device(driver(entered.clone()))
            .spawn()
            .unwrap();
        Self {
            client: way.client(&server).connect().unwrap(),
            entered,
            _server: server,
        }
    }

    /// Checks that the call did not reach the driver, and that the error contains all of `words`.
    fn refuses<T: std::fmt::Debug>(
        &self,
        outcome: Result<T, CallError>,
        words: &[&str],
    ) -> Refusal {
        let before = self.entered.load(Ordering::SeqCst);
        let CallError::Refused(refusal) = outcome.unwrap_err() else {
            panic!("no refusal");
        };
        assert_eq!(self.entered.load(Ordering::SeqCst), before);
        let text = refusal.to_string();
        for word in words {
            assert!(text.contains(word), "{text}");
        }
        refusal
    }
}

fn an_old_client_with_a_new_server(way: Way) {
    let lab = Lab::new(way, new::Scope);
    let scope = old::ScopeProxy::new(&lab.client);
    assert_eq!(scope.identity(2).unwrap(), "scopescope");
    let refusal = lab.refuses(
        scope.settings(),
        &[
            "`settings() -> Settings where Channel { gain: f32, label: String }`",
            "`settings() -> Settings where Channel { gain: f64, label: String }`",
            "rebuild the older end",
        ],
    );
    assert!(matches!(refusal, Refusal::SignatureMismatch { .. }));
    let slopes = [
        "Slope { Rising, Falling }`",
        "Slope { Rising, Falling, Either }`",
    ];
    lab.refuses(scope.arm(old::Slope::Rising), &slopes);

    let more = old::MoreProxy::new(&lab.client);
    let sweeps = [
        "`sweep(points: u32) -> u32`",
        "`sweep(points: u32, every: u32 = 1) -> u32`",
    ];
    lab.refuses(more.sweep(9), &sweeps);
    lab.refuses(more.level(), &["no method `level`", "`get_level`"]);
    assert_eq!(scope.identity(1).unwrap(), "scope", "and goes on");
}

fn a_new_client_with_an_old_server(way: Way) {
    let lab = Lab::new(way, old::Scope);
    let scope = new::ScopeProxy::new(&lab.client);
    assert_eq!(scope.identity(2).unwrap(), "scopescope");
    lab.refuses(
        scope.settings(),
        &["for `settings() -> Settings where Channel { gain: f64"],
    );
    lab.refuses(
        scope.arm(new::Slope::Either),
        &["offers `arm(slope: Slope) where Slope { Rising, Falling }`"],
    );
    let more = new::MoreProxy::new(&lab.client);
    let refusal = lab.refuses(more.autoset(), &["no method `autoset`"]);
    assert!(matches!(refusal, Refusal::UnknownMethod { .. }));
    lab.refuses(more.level(), &["no method `get_level`", "`level`"]);
}

/// Regression test: the number of a variant differed between the versions, and `Busy` arrived as `Interlock`.
fn errors_of_another_version_are_the_same_or_none(way: Way) {
    let newer = Lab::new(way, new::Scope);
    let scope = old::ScopeProxy::new(&newer.client);
    let error = scope.fail(true).unwrap_err();
    assert!(error.to_string().contains("Busy"), "{error}");
    // The paths of the types are what tells them apart; within one program they differ.
    let renamed = |error: CallError| {
        let mut fault = error.fault().unwrap().clone();
        let value = fault.value.as_mut().unwrap();
        value.type_path = value.type_path.replace("::new::", "::old::");
        fault.downcast::<old::Failure>()
    };
    assert_eq!(renamed(error), None, "this end does not know it");
    let error = scope.fail(false).unwrap_err();
    assert_eq!(renamed(error), Some(old::Failure::TooHot(80.0)));
}

fn callers_by_name_see_what_there_is(way: Way) {
    let lab = Lab::new(way, new::Scope);
    assert_eq!(lab.client.call::<u32>("sweep", 9).unwrap(), 9);
    assert_eq!(lab.client.call::<u32>("sweep", (9, 3)).unwrap(), 3);
    let help = lab.client.help_for("settings").unwrap();
    for part in [
        "  Settings\n",
        "    channels: Vec<Channel>\n",
        "    gain: f64\n",
    ] {
        assert!(help.contains(part), "{help}");
    }
}
