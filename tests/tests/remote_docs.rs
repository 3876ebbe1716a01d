//! Docs that are not written where they stand, in the description that callers get; and what rustdoc shows of a user's
//! crate.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use ipc_core::interface::schema::Schema;
use ipc_core::{Describe, Remote, remote};

pub struct Meter;

#[doc = concat!("A meter", " of volts.")]
#[remote]
impl Meter {
    #[doc = include_str!("remote_docs.md")]
    pub fn warm_up(&mut self) {}

    /// Reads:
    ///
    /// ```
    /// if true {
    ///     // See [`Self::open`].
    /// }
    /// ```
    #[doc = concat!("Like ", "[`Self::open`].")]
    pub fn read(&self) {}

    /// See [`Self::open`]:
    ///
    /// ```
    /// assert!(true);
    /// ```
    pub fn again(&self) {}
}

#[doc = include_str!("remote_docs.md")]
#[remote]
pub struct Warm {
    #[doc = concat!("How ", "warm.")]
    pub celsius: f64,
}

#[doc = include_str!("remote_docs.md")]
#[remote]
pub fn warm_up() {}

#[test]
fn docs_are_evaluated() {
    let interface = Meter::interface();
    assert_eq!(interface.doc, "A meter of volts.");
    let docs: Vec<_> = interface.methods.iter().map(|it| it.doc.as_str()).collect();
    let warm = "Warms up.\n\nTakes a minute.";
    let read = "Reads:\n\n```\nif true {\n    // See [`Self::open`].\n}\n```\nLike [`Self::open`].";
    let again = "See [`Self::open`]:\n\n```\nassert!(true);\n```";
    assert_eq!(docs, [warm, read, again]);
    assert_eq!(warm_up::function().method().doc, warm);
    let Schema::Struct { doc, fields, .. } = Warm::schema() else {
        panic!()
    };
    assert_eq!(doc, warm);
    assert_eq!(fields.first().unwrap().doc, "How warm.");
}

#[test]
fn rustdoc_shows_the_driver_and_its_proxy_and_nothing_that_serves_them() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs");
    let made = Command::new(env!("CARGO"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["doc", "--locked", "--offline", "--no-deps"])
        .args(["-p", "shutter", "--features", "hardware", "--target-dir"])
        .arg(&target)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(!said.contains("warning"), "{said}");
    let page = |name: &str| {
        let file = target.join("doc/shutter").join(name);
        std::fs::read_to_string(file).unwrap()
    };
    let proxy = page("struct.ShutterProxy.html");
    assert!(proxy.contains("Moves the shutter"));
    let ours = [
        "__Caller",
        "AnyThread",
        "ErrorText",
        "FieldOf",
        "Listed",
        "Offer",
        "Output&lt;true",
        "Output%3Cfalse",
        "Part&lt;",
        "Serialises",
        "macro_support",
        "ipc_core/private",
    ];
    for page in [
        proxy,
        page("struct.Shutter.html"),
        page("enum.Position.html"),
    ] {
        let shown: Vec<_> = ours.iter().filter(|word| page.contains(**word)).collect();
        assert!(shown.is_empty(), "{shown:?}");
    }
}
