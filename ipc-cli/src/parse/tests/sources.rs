//! Values from files and from standard input.

use std::fs;
use std::path::PathBuf;

use ipc_client::Numbers;

use super::*;

/// A file of this test, removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, contents: &[u8]) -> Self {
        let name = format!("ipc-parse-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, contents).unwrap();
        Self(path)
    }

    fn word(&self) -> String {
        format!("@{}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn files_are_read_by_their_ending() {
    let array = Numbers::from(vec![1.0, 2.0, 3.0, 4.0])
        .reshaped(vec![2, 2])
        .unwrap();
    let file = File::new("a.npy", &npy::encode(&array).unwrap());
    assert_eq!(of(<Vec<[f64; 2]>>::schema(), &file.word()), array.into());
    let number = Numbers::from(vec![0.5]).reshaped(vec![]).unwrap();
    let file = File::new("b.npy", &npy::encode(&number).unwrap());
    assert_eq!(of(f64::schema(), &file.word()), 0.5.into());
    let file = File::new("a.json", br#"{"volts": 2, "label": "a"}"#);
    assert_eq!(
        of(point(), &file.word()),
        json(r#"{"volts": 2, "label": "a"}"#)
    );
    let file = File::new("a.csv", b"# volts\n1\n2.5\n\n nan # late\n");
    let Value::List(items) = of(<Vec<f64>>::schema(), &file.word()) else {
        panic!("not a list");
    };
    assert_eq!(items[..2], [1.into(), 2.5.into()]);
    assert!(items[2].as_f64().is_some_and(f64::is_nan));
    let file = File::new("b.csv", b"1, 2\r\n3;4\n");
    assert_eq!(
        of(<Vec<(f64, f64)>>::schema(), &file.word()),
        json("[[1, 2], [3, 4]]")
    );
    let file = File::new("c.txt", b"1 2 3");
    assert_eq!(of(<Vec<f64>>::schema(), &file.word()), json("[1, 2, 3]"));
    assert_eq!(of(String::schema(), &file.word()), "1 2 3".into());
    let file = File::new("text", b"one\ntwo\n");
    assert_eq!(of(String::schema(), &file.word()), "one\ntwo".into());
    let file = File::new("firmware.bin", b"\x00\xff\n");
    assert_eq!(
        of(<Vec<u8>>::schema(), &file.word()),
        Value::Bytes(vec![0, 255, 10])
    );
}

#[test]
fn files_that_cannot_be_used_are_named() {
    for (name, contents, schema, problem) in [
        ("bad.json", &b"{"[..], point(), "it is not JSON: EOF"),
        ("bad.npy", b"1,2", point(), "it is not a .npy file"),
        (
            "bad.csv",
            b"1\nvolts,2\n",
            <Vec<f64>>::schema(),
            "line 2: \"volts\" is not a number",
        ),
        (
            "bad.txt",
            b"\xff",
            <Vec<f64>>::schema(),
            "it is not text in UTF-8",
        ),
        (
            "bad.xlsx",
            b"",
            <Vec<f64>>::schema(),
            "the ending of its name does not say what it is",
        ),
    ] {
        let file = File::new(name, contents);
        let error = one(argument("x", schema), &file.word()).unwrap_err();
        let text = format!("argument `x`: `{}`: {problem}", file.0.display());
        assert!(error.starts_with(&text), "{error}");
    }
    let error = one(argument("x", u8::schema()), "@not-there.npy").unwrap_err();
    assert!(
        error.starts_with("argument `x`: cannot read the file `not-there.npy`: "),
        "{error}"
    );
    let error = one(argument("x", String::schema()), "@home").unwrap_err();
    assert!(
        error.ends_with("; a text that begins with `@` is written `@@home`"),
        "{error}"
    );
}

#[test]
fn standard_input_has_json_or_numbers_or_a_text() {
    let read = |schema, input: &str| one_with(argument("x", schema), "-", input.as_bytes());
    assert_eq!(
        read(<Vec<f64>>::schema(), "[1, 2]\n"),
        Ok(json("[1.0, 2.0]"))
    );
    assert_eq!(read(<Vec<f64>>::schema(), "1\n2\n"), Ok(json("[1, 2]")));
    assert_eq!(
        read(<Vec<f64>>::schema(), "[\n1,\n2\n]\n"),
        Ok(json("[1.0, 2.0]"))
    );
    assert_eq!(read(<Vec<f64>>::schema(), "7\n"), Ok(json("[7.0]")));
    assert_eq!(read(u8::schema(), "7\n"), Ok(7.into()));
    assert_eq!(read(String::schema(), "fast\r\n"), Ok("fast".into()));
    assert_eq!(
        read(point(), "{\"volts\":\n2}\n"),
        Ok(json("{\"volts\":2}"))
    );
    let error = read(<Vec<f64>>::schema(), "1\nx\n").unwrap_err();
    assert_eq!(error, "standard input: line 2: \"x\" is not a number");
    let error = read(u8::schema(), "x\n").unwrap_err();
    assert_eq!(
        error,
        "argument `x` must be an integer (`u8`), but is \"x\""
    );
    let npy = npy::encode(&Numbers::from(vec![1_u8, 2])).unwrap();
    let value = one_with(argument("x", <Vec<u8>>::schema()), "-", &npy);
    assert_eq!(value, Ok(vec![1_u8, 2].into()));
    let error = one_with(argument("x", String::schema()), "-", b"\xff").unwrap_err();
    assert_eq!(error, "standard input: it is not text in UTF-8");
}
