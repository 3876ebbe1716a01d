//! How a connection begins: what the two ends say of themselves.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::numbered::numbered;

/// The first frame of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Hello {
    /// The session to go on with, if there was one.
    pub resume: Option<SessionKey>,
    /// Counts the connections of this client; a lower number never takes over from a higher one.
    pub connection: u64,
    /// The service that the client wants to reach; must be the server's.
    pub service: String,
    /// What the client calls itself, shown to clients that wait.
    pub name: String,
    /// The longest frame the client accepts, in bytes.
    pub max_frame: u64,
    /// What the connection is for.
    pub role: ConnectionRole,
    /// The session whose client makes this connection beside it: of a lane always, otherwise `None`.
    pub of: Option<SessionKey>,
    /// The optional parts of the protocol that the client understands.
    pub features: Features,
}

impl Hello {
    /// Maximum length of `name` and of `service` in bytes.
    pub const MAX_TEXT: usize = 256;

    /// Why a server refuses this hello, in words for the client's user.
    pub(crate) fn problem(&self) -> Option<String> {
        for (field, text) in [("service", &self.service), ("name", &self.name)] {
            if text.len() > Self::MAX_TEXT {
                let (len, limit) = (text.len(), Self::MAX_TEXT);
                return Some(format!(
                    "the {field} in the client's hello has {len} bytes, {limit} are allowed"
                ));
            }
        }
        match self.role {
            ConnectionRole::Other(number) => Some(format!(
                "this server does not serve connections in the role number {number}; connect in the role control"
            )),
            ConnectionRole::Lane if self.of.is_none() => {
                Some("the hello of a lane does not say of which session".into())
            }
            _ => self.features.problem(),
        }
    }
}

numbered! {
    /// What a connection is for.
    #[derive(Default)]
    ConnectionRole {
        /// Calls drivers; waits in the queue until the server is free.
        #[default]
        Control = 0,
        /// Calls commands and urgent methods; never waits in the queue.
        Observer = 1,
        /// A further connection of a client that calls drivers, beside that of its session.
        Lane = 2,
    }
}

/// Which session, of which run of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct SessionKey {
    /// Random at each start of the server.
    pub incarnation: u128,
    /// Random for each session, chosen by the server.
    pub session: u128,
}

/// The server's answer to a [`Hello`], once the client's turn has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Welcome {
    /// The session.
    pub key: SessionKey,
    /// True if it is the one the client asked to resume.
    pub resumed: bool,
    /// The highest call number that the server has seen in this session; 0 for none.
    pub last_call: u64,
    /// Counts how often the server has changed hands; a change means that another client may have used the devices.
    pub lease_epoch: u64,
    /// The longest frame the server accepts, in bytes.
    pub max_frame: u64,
    /// The same as `lease_epoch` for each device, by its name; empty from a server without [`Feature::Devices`].
    pub epochs: Vec<(String, u64)>,
    /// The optional parts of the protocol that the server understands.
    pub features: Features,
}

/// An optional part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// The sender understands [`ByeReason::Evicted`](super::ctrl::ByeReason::Evicted).
    Byes,
    /// The sender, a server, takes [`CtrlMsg::Command`](super::ctrl::CtrlMsg::Command).
    Commands,
    /// The sender, a server, gives the epochs of its devices in [`Welcome::epochs`].
    Devices,
    /// The sender understands [`FaultKind::Unknown`](super::failure::FaultKind::Unknown).
    Faults,
    /// The sender, a client, wants to be refused once, by [`Refusal::Interrupted`](super::failure::Refusal::Interrupted), if
    /// the instruments may have changed since its last call. From version 2 on also if others have held the server since
    /// this client did.
    Interruptions,
    /// The sender understands the refusals from [`Refusal::Held`](super::failure::Refusal::Held) to
    /// [`Refusal::Confirm`](super::failure::Refusal::Confirm).
    Refusals,
}

impl Feature {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Feature::Byes => "byes",
            Feature::Commands => "commands",
            Feature::Devices => "devices",
            Feature::Faults => "faults",
            Feature::Interruptions => "interruptions",
            Feature::Refusals => "refusals",
        }
    }

    /// The first version that this release defines.
    const VERSION: u32 = 1;
}

/// The optional parts of the protocol that one end understands: names and versions, in rising order of the names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Features(Vec<(Cow<'static, str>, u32)>);

impl Features {
    /// Maximum number of features in a list.
    pub const MAX: usize = 64;
    /// Maximum length of the name of a feature in bytes.
    pub const MAX_NAME: usize = 64;

    /// What every client of this release understands.
    pub fn of_client() -> Self {
        Self::from([Feature::Byes, Feature::Faults, Feature::Refusals])
    }

    /// What a server of this release understands.
    pub fn of_server() -> Self {
        Self::from([Feature::Commands])
    }

    /// The same list with `feature` in the version `version`.
    #[must_use]
    pub fn with(mut self, feature: Feature, version: u32) -> Self {
        match self.find(feature) {
            Ok(at) => {
                if let Some((_, known)) = self.0.get_mut(at) {
                    *known = version;
                }
            }
            Err(at) => self.0.insert(at, (feature.name().into(), version)),
        }
        self
    }

    /// True if `feature` is among them, in the first version that this release defines or a later one.
    pub fn offer(&self, feature: Feature) -> bool {
        self.version(feature) >= Feature::VERSION
    }

    /// The version of `feature` that is among them; 0 if none is.
    pub fn version(&self, feature: Feature) -> u32 {
        let found = self.find(feature).ok();
        found
            .and_then(|at| self.0.get(at))
            .map_or(0, |(_, version)| *version)
    }

    fn find(&self, feature: Feature) -> Result<usize, usize> {
        let order = |(name, _): &(Cow<'_, str>, u32)| name.as_ref().cmp(feature.name());
        self.0.binary_search_by(order)
    }

    /// Which rule the list breaks, in words.
    pub(crate) fn problem(&self) -> Option<String> {
        let limit = Self::MAX;
        if self.0.len() > limit {
            let len = self.0.len();
            return Some(format!(
                "the list of features has {len} entries, {limit} are allowed"
            ));
        }
        if let Some((name, _)) = self.0.iter().find(|(name, _)| name.len() > Self::MAX_NAME) {
            let (len, limit) = (name.len(), Self::MAX_NAME);
            return Some(format!(
                "the name of a feature has {len} bytes, {limit} are allowed"
            ));
        }
        let rises = |pair: &[(Cow<'_, str>, u32)]| matches!(pair, [(a, _), (b, _)] if a < b);
        if !self.0.windows(2).all(rises) {
            return Some("the names of the features do not rise strictly".into());
        }
        None
    }
}

/// Any names and versions, for tests of both ends: what breaks the rules is refused by the receiver.
impl FromIterator<(String, u32)> for Features {
    fn from_iter<I: IntoIterator<Item = (String, u32)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        Self(
            entries
                .map(|(name, version)| (name.into(), version))
                .collect(),
        )
    }
}

impl<const N: usize> From<[Feature; N]> for Features {
    fn from(features: [Feature; N]) -> Self {
        let entry = |feature: Feature| (feature.name().into(), Feature::VERSION);
        let mut entries: Vec<_> = features.into_iter().map(entry).collect();
        entries.sort_unstable();
        entries.dedup();
        Self(entries)
    }
}

/// The beginning of a name or service, as long as a [`Hello`] may carry it, cut between two characters.
pub(crate) fn fit_for_hello(text: &str) -> String {
    let end = text.floor_char_boundary(Hello::MAX_TEXT);
    text.get(..end).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(names: &[&str]) -> Features {
        names.iter().map(|name| (name.to_string(), 1)).collect()
    }

    #[test]
    fn a_hello_within_the_limits_is_taken() {
        let many: Vec<String> = (10..74).map(|n| format!("{n:064}")).collect();
        let hello = Hello {
            service: "s".repeat(256),
            name: "é".repeat(128),
            features: many.iter().map(|name| (name.clone(), 1)).collect(),
            ..Hello::default()
        };
        assert_eq!(hello.problem(), None);
    }

    #[test]
    fn each_broken_rule_of_a_hello_is_named() {
        let long = "x".repeat(257);
        let many: Vec<String> = (10..75).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let with = |features| Hello {
            features,
            ..Hello::default()
        };
        let in_role = |role| Hello {
            role,
            ..Hello::default()
        };
        let broken = [
            (
                Hello {
                    service: long.clone(),
                    ..Hello::default()
                },
                "the service",
            ),
            (
                Hello {
                    name: long,
                    ..Hello::default()
                },
                "the name",
            ),
            (in_role(ConnectionRole::Lane), "of which session"),
            (in_role(ConnectionRole::Other(7)), "role number 7"),
            (with(features(&many)), "65 entries"),
            (with(features(&["x".repeat(65).as_str()])), "65 bytes"),
            (with(features(&["b", "a"])), "do not rise"),
            (with(features(&["a", "a"])), "do not rise"),
        ];
        for (hello, words) in broken {
            let problem = hello.problem().expect(words);
            assert!(problem.contains(words), "{problem}");
        }
    }

    #[test]
    fn features_are_found_among_others_of_a_later_release() {
        let offered = features(&["aaa", "faults", "zzz"]);
        assert!(offered.offer(Feature::Faults));
        assert!(!offered.offer(Feature::Refusals));
        assert!(!Features::default().offer(Feature::Faults));
        let withdrawn: Features = [("faults".to_string(), 0)].into_iter().collect();
        assert!(!withdrawn.offer(Feature::Faults));
        let strict = Features::of_client().with(Feature::Interruptions, 2);
        assert_eq!(strict.version(Feature::Interruptions), 2);
        let silent = strict.clone().with(Feature::Interruptions, 0);
        assert!(strict.offer(Feature::Interruptions) && !silent.offer(Feature::Interruptions));
        for ours in [Features::of_client(), Features::of_server(), strict] {
            assert_eq!(ours.problem(), None);
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let cut = fit_for_hello(&format!("x{}", "é".repeat(200)));
        assert_eq!(cut.len(), 255);
        assert_eq!(fit_for_hello("short"), "short");
    }
}
