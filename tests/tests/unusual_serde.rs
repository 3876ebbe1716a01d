//! Types with unusual serde implementations can be sent by name; typed calls refuse them with an error that says so.
//! None of them corrupts the values after it, and the connection stays usable.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

use ipc_client::{CallError, Client};
use ipc_core::{Value, remote};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};
use tests::{Way, both_ways};

both_ways!(
    typed_they_are_refused_in_words,
    by_name_they_travel,
    a_type_that_lies_about_its_length_is_refused_where_it_is_written,
);

/// Does not announce its length, like an iterator with a filter.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Filtered(Vec<u32>);

impl Serialize for Filtered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().filter(|number| **number > 0))
    }
}

/// Announces a wrong length: too many if it begins with 1, too few otherwise.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Lying(Vec<u32>);

impl Serialize for Lying {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let length = match self.0.first() {
            Some(1) => self.0.len() + 2,
            _ => self.0.len() - 1,
        };
        let mut list = serializer.serialize_seq(Some(length))?;
        for number in &self.0 {
            list.serialize_element(number)?;
        }
        list.end()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inner {
    gain: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flat {
    #[serde(flatten)]
    inner: Inner,
    range: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Untagged {
    Number(u8),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u8>,
    range: u8,
}

pub struct Odd;

#[remote]
impl Odd {
    pub fn filtered(&self, v: Filtered) -> Filtered {
        v
    }

    pub fn filter(&self) -> Filtered {
        Filtered(vec![1, 0, 2])
    }

    pub fn lying(&self, v: Lying, behind: u64) -> (Lying, u64) {
        (v, behind)
    }

    pub fn lie(&self, first: u32) -> (Lying, u32, u32) {
        (Lying(vec![first, 2, 3]), 7, 8)
    }

    pub fn flat(&self, v: Flat) -> Flat {
        v
    }

    pub fn flatten(&self) -> Flat {
        flat()
    }

    pub fn untagged(&self, v: Untagged) -> Untagged {
        v
    }

    pub fn skipping(&self, v: Skipping) -> Skipping {
        v
    }

    pub fn skip(&self) -> Skipping {
        skipping()
    }

    pub fn works(&self) -> bool {
        true
    }
}

fn flat() -> Flat {
    Flat {
        inner: Inner { gain: 1 },
        range: 2,
    }
}

fn skipping() -> Skipping {
    Skipping {
        offset: None,
        range: 9,
    }
}

fn connected(way: Way) -> (ipc_server::ServerHandle, Client) {
    let server = way.server().device(Odd).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    (server, client)
}

fn says_by_name_only<T: std::fmt::Debug>(client: &Client, result: Result<T, CallError>) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains("travels in calls by name only"), "{error}");
    for inner in ["Serde(", "UnexpectedVariant", "NotSupported", "{ "] {
        assert!(!error.contains(inner), "{error}");
    }
    assert_eq!(OddProxy::new(client).works(), Ok(true));
}

fn typed_they_are_refused_in_words(way: Way) {
    let (_server, client) = connected(way);
    let odd = OddProxy::new(&client);
    says_by_name_only(&client, odd.filtered(Filtered(vec![1, 0, 2])));
    says_by_name_only(&client, odd.filter());
    says_by_name_only(&client, odd.flat(flat()));
    says_by_name_only(&client, odd.flatten());
    says_by_name_only(&client, odd.untagged(Untagged::Number(3)));
    says_by_name_only(&client, odd.skipping(skipping()));
    says_by_name_only(&client, odd.skip());
    for first in [1, 5] {
        says_by_name_only(&client, odd.lying(Lying(vec![first, 2, 3]), 9));
        says_by_name_only(&client, odd.lie(first));
    }
}

fn by_name_they_travel(way: Way) {
    let (_server, client) = connected(way);
    let some = Filtered(vec![1, 2]);
    let filtered = client.call("filtered", (Filtered(vec![1, 0, 2]),));
    assert_eq!(filtered, Ok(some.clone()));
    assert_eq!(client.call("filter", ()), Ok(some));
    assert_eq!(client.call("flat", (flat(),)), Ok(flat()));
    for value in [Untagged::Number(3), Untagged::Text("x".into())] {
        let came = client.call("untagged", (value.clone(),));
        assert_eq!(came, Ok(value));
    }
    let skipped = client.call("skipping", (skipping(),));
    assert_eq!(skipped, Ok(skipping()));
}

fn a_type_that_lies_about_its_length_is_refused_where_it_is_written(way: Way) {
    let (_server, client) = connected(way);
    for first in [1, 5] {
        let arguments = (Lying(vec![first, 2, 3]), 9);
        let argument = client.call::<Value>("lying", arguments);
        let argument = argument.unwrap_err();
        assert!(matches!(argument, CallError::NotSent { .. }), "{argument}");
        let result = client.call::<Value>("lie", (first,)).unwrap_err();
        for error in [argument, result] {
            let error = error.to_string();
            assert!(error.contains("and writes 3"), "{error}");
        }
    }
}
