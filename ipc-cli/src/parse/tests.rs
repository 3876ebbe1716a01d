//! Whole command lines, and every error text.

use std::fs;
use std::path::PathBuf;

use ipc_client::{Describe, Field, Numbers, Variant};

use super::*;
use crate::failure::ExitCode;

fn argument(name: &str, schema: Schema) -> Argument {
    Argument {
        name: name.into(),
        schema,
        ..Argument::default()
    }
}

fn in_unit(name: &str, schema: Schema, unit: &str) -> Argument {
    Argument {
        unit: Some(unit.into()),
        ..argument(name, schema)
    }
}

fn method(arguments: Vec<Argument>) -> Method {
    Method {
        name: "measure".into(),
        arguments,
        ..Method::default()
    }
}

fn field(name: &str, schema: Schema) -> Field {
    Field {
        name: name.into(),
        schema,
        ..Field::default()
    }
}

fn mode() -> Schema {
    let variant = |name: &str, fields| Variant {
        name: name.into(),
        doc: String::new(),
        fields,
    };
    Schema::Enum {
        name: "Mode".into(),
        doc: String::new(),
        variants: vec![
            variant("Off", vec![]),
            variant("Cool", vec![]),
            variant("COOL", vec![]),
            variant("Heat", vec![field("0", f64::schema())]),
            variant(
                "Ramp",
                vec![field("from", f64::schema()), field("steps", u8::schema())],
            ),
        ],
    }
}

fn point() -> Schema {
    let volts = Field {
        unit: Some("V".into()),
        ..field("volts", f64::schema())
    };
    Schema::Struct {
        name: "Point".into(),
        doc: String::new(),
        fields: vec![volts, field("label", String::schema())],
    }
}

fn read_with(method: &Method, words: &[&str], input: &[u8]) -> Result<Args, String> {
    let mut open = || -> Box<dyn Read> { Box::new(io::Cursor::new(input.to_vec())) };
    let words: Vec<_> = words.iter().map(|word| (*word).to_string()).collect();
    Words::new(method, Input::new(&mut open)).read(&words)
}

/// The value of the one argument.
fn one(argument: Argument, word: &str) -> Result<Value, String> {
    one_with(argument, word, b"")
}

fn one_with(argument: Argument, word: &str, input: &[u8]) -> Result<Value, String> {
    let target = Target::from(&argument);
    let input = input.to_vec();
    let mut open = || -> Box<dyn Read> { Box::new(io::Cursor::new(input.clone())) };
    target.word(word, &mut Input::new(&mut open))
}

fn of(schema: Schema, word: &str) -> Value {
    one(argument("x", schema), word).unwrap()
}

fn json(text: &str) -> Value {
    Value::from_json(text).unwrap()
}

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
fn words_are_values_by_position_or_by_name() {
    let method = method(vec![
        argument("samples", u32::schema()),
        argument("label", String::schema()),
        argument("mode", mode()),
    ]);
    let read = |words: &[&str]| read_with(&method, words, b"").unwrap();
    let expected = Args::new().with(20).with_named("mode", "Off").with("a");
    assert_eq!(read(&["20", "mode=off", "a"]), expected);
    assert_eq!(read(&["mode=Off", "20", "a"]), expected);
    // A text with a `=` in it is a value where a text is expected, and so is data of a variant.
    let expected = Args::new().with(20).with("gain=5");
    assert_eq!(read(&["20", "gain=5"]), expected);
    let expected = Args::new()
        .with(20)
        .with("2=3")
        .with(json(r#"{"Heat": 2.0}"#));
    assert_eq!(read(&["20", "2=3", "heat=2"]), expected);
    let expected = Args::new().with(20).with("mode=off");
    assert_eq!(read(&["20", "--", "mode=off"]), expected);
    let expected = Args::new().with(20).with("--");
    assert_eq!(read(&["20", "--", "--"]), expected);
    let expected = Args::new().with_named("label", "a=b");
    assert_eq!(read(&["label=a=b"]), expected);
}

#[test]
fn words_that_fit_no_argument_are_refused() {
    let method = method(vec![
        argument("samples", u32::schema()),
        argument("gain", f64::schema()),
    ]);
    for (words, text) in [
        (
            &["1", "2", "3"][..],
            "it takes 2 arguments, and \"3\" is one too many; its signature is `measure(samples: u32, gain: f64)`",
        ),
        (
            &["sampels=3"],
            "it has no argument `sampels`; did you mean `samples`?",
        ),
        (
            &["volts=3"],
            "it has no argument `volts`; its arguments are `samples`, `gain`",
        ),
        (&["gain=3", "gain=4"], "the argument `gain` was given twice"),
        (
            &["3", "samples=4"],
            "the argument `samples` was given twice",
        ),
        (
            &["samples=4", "3"],
            "the argument `samples` was given twice",
        ),
        (
            &["-", "gain=-"],
            "only one of the values can be `-`, standard input",
        ),
    ] {
        assert_eq!(read_with(&method, words, b"1").unwrap_err(), text);
    }
    let none = super::tests::method(vec![]);
    for (word, text) in [
        (
            "3",
            "it takes no arguments, and \"3\" is one too many; its signature is `measure()`",
        ),
        ("a=3", "it has no argument `a`; it takes none"),
    ] {
        assert_eq!(read_with(&none, &[word], b"").unwrap_err(), text);
    }
}

#[test]
fn failures_name_the_method_and_are_those_of_usage() {
    let words = ["fast".to_string()];
    let range = Argument {
        accepts: Some("1..=5".into()),
        ..argument("range", u8::schema())
    };
    let failure = arguments(&method(vec![range]), &words).unwrap_err();
    assert_eq!(failure.code(), ExitCode::Usage);
    let Failure::Failed { text, .. } = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(
        text,
        "`measure`: argument `range` must be a number (`u8`) from 1 to 5, but is \"fast\""
    );
    let failure = value(&f64::schema(), Some("V"), "level", "x").unwrap_err();
    let text = "argument `level` must be a number (`f64`) in V, but is \"x\"";
    assert!(matches!(failure, Failure::Failed { text: it, .. } if it == text));
}

#[test]
fn plain_values_are_read_by_their_type() {
    assert_eq!(of(u8::schema(), "0x1f"), 31.into());
    assert_eq!(of(i64::schema(), " -1_000 "), (-1000).into());
    assert_eq!(of(f64::schema(), "20"), 20.0.into());
    assert_eq!(of(f32::schema(), "0.1"), 0.1_f32.into());
    for (word, value) in [
        ("on", true),
        ("Yes", true),
        ("1", true),
        ("FALSE", false),
        ("off", false),
        ("0", false),
    ] {
        assert_eq!(of(bool::schema(), word), value.into(), "{word}");
    }
    assert_eq!(of(char::schema(), "µ"), "µ".into());
    assert_eq!(of(char::schema(), "\""), "\"".into());
    assert_eq!(of(char::schema(), r#""\n""#), "\n".into());
    assert_eq!(of(<()>::schema(), "()"), Value::Null);
}

#[test]
fn texts_are_what_they_are() {
    for (word, text) in [
        ("fast", "fast"),
        ("", ""),
        (" a ", " a "),
        ("@@home", "@home"),
        (r#""-""#, "-"),
        (r#""a\tb""#, "a\tb"),
        (r#""a" and "b""#, r#""a" and "b""#),
        ("\"", "\""),
        ("none", "none"),
        ("{", "{"),
    ] {
        assert_eq!(of(String::schema(), word), text.into(), "{word}");
    }
}

#[test]
fn options_are_their_value_or_none() {
    assert_eq!(of(<Option<u8>>::schema(), "none"), Value::Null);
    assert_eq!(of(<Option<u8>>::schema(), "NULL"), Value::Null);
    assert_eq!(of(<Option<u8>>::schema(), "3"), 3.into());
    assert_eq!(of(<Option<String>>::schema(), r#""none""#), "none".into());
    let nested = <Option<Option<u8>>>::schema();
    assert_eq!(of(nested.clone(), "none"), Value::Null);
    assert_eq!(
        of(nested.clone(), r#"{"$some": null}"#),
        Value::from(Some(None::<u8>))
    );
    assert_eq!(of(nested, "3"), 3.into());
}

#[test]
fn variants_are_found_by_name() {
    assert_eq!(of(mode(), "Off"), "Off".into());
    assert_eq!(of(mode(), "off"), "Off".into());
    assert_eq!(of(mode(), "\"Off\""), "Off".into());
    assert_eq!(of(mode(), "COOL"), "COOL".into());
    assert_eq!(of(mode(), "Heat=2"), json(r#"{"Heat": 2.0}"#));
    assert_eq!(
        of(mode(), "ramp={from: 1, steps: 3}"),
        json(r#"{"Ramp": {"from": 1.0, "steps": 3}}"#)
    );
    assert_eq!(of(mode(), r#"{"Heat": 2.0}"#), json(r#"{"Heat": 2.0}"#));
}

#[test]
fn lists_are_json_or_separated_by_commas() {
    let numbers = Value::List(vec![1.into(), 2.into()]);
    for word in ["[1, 2]", "1,2", " 1 , 2 ", "[1,2]"] {
        assert_eq!(of(<Vec<u8>>::schema(), word), numbers, "{word}");
    }
    assert_eq!(of(<(u8, u8)>::schema(), "1,2"), numbers);
    assert_eq!(of(<[u8; 2]>::schema(), "1,2"), numbers);
    assert_eq!(of(<Vec<u8>>::schema(), ""), Value::List(vec![]));
    assert_eq!(of(<Vec<u8>>::schema(), "[]"), Value::List(vec![]));
    assert_eq!(of(<Vec<u8>>::schema(), "7"), Value::List(vec![7.into()]));
    let texts = Value::List(vec!["a".into(), "b c".into()]);
    for word in ["a, b c", r#"["a", "b c"]"#, "[a, b c]"] {
        assert_eq!(of(<Vec<String>>::schema(), word), texts, "{word}");
    }
    assert_eq!(
        of(<Vec<Vec<u8>>>::schema(), "[[1], [2]]"),
        json("[[1], [2]]")
    );
    let bytes = of(<Vec<u8>>::schema(), r#"{"$bytes": "AQL/"}"#);
    assert_eq!(bytes, Value::Bytes(vec![1, 2, 255]));
    let mixed = of(<(f64, String)>::schema(), "0.5,a");
    assert_eq!(mixed, Value::List(vec![0.5.into(), "a".into()]));
    let list = Schema::List(Box::new(mode()));
    assert_eq!(
        of(list, "off,Cool"),
        Value::List(vec!["Off".into(), "Cool".into()])
    );
}

#[test]
fn structs_are_json_with_or_without_quotes() {
    let expected = json(r#"{"volts": 0.002, "label": "a"}"#);
    assert_eq!(of(point(), "{volts: 2 mV, label: a}"), expected);
    assert_eq!(of(point(), r#"{"volts": 0.002, "label": "a"}"#), expected);
    let map = std::collections::BTreeMap::<u8, bool>::schema();
    let entries = vec![(1.into(), true.into()), (2.into(), false.into())];
    assert_eq!(of(map, "{1: on, 2: off}"), Value::Map(entries));
    let newtype = Schema::Struct {
        name: "Volts".into(),
        doc: String::new(),
        fields: vec![Field {
            unit: Some("V".into()),
            ..field("0", f64::schema())
        }],
    };
    assert_eq!(of(newtype, "20 mV"), 0.02.into());
}

#[test]
fn types_known_by_name_only_take_what_is_plain() {
    for (word, value) in [
        ("20", 20.into()),
        ("0.5", 0.5.into()),
        ("1_000", 1000.into()),
        ("nan", f64::INFINITY.into()),
        ("true", true.into()),
        ("192.168.1.10", "192.168.1.10".into()),
        (r#"{"secs": 1}"#, json(r#"{"secs": 1}"#)),
    ] {
        let read = of(Schema::Named("Other".into()), word);
        match word {
            "nan" => assert!(matches!(read, Value::Float(it) if it.is_nan())),
            word => assert_eq!(read, value, "{word}"),
        }
    }
}

#[test]
fn units_are_converted_without_rounding() {
    for (word, unit, value) in [
        ("4.2nm", "nm", 4.2),
        ("4.2 nm", "nm", 4.2),
        ("4.2", "nm", 4.2),
        ("500um", "nm", 500_000.0),
        ("20 mV", "V", 0.02),
        ("0.1mV", "V", 0.0001),
        ("1e3 µV", "mV", 1.0),
        ("3kOhm", "Ω", 3000.0),
        ("-20 °C", "°C", -20.0),
        ("2e3eV", "keV", 2.0),
        ("50%", "%", 50.0),
    ] {
        let read = one(in_unit("x", f64::schema(), unit), word);
        assert_eq!(read, Ok(value.into()), "{word}");
    }
    let read = one(in_unit("x", u32::schema(), "nm"), "1.5 um");
    assert_eq!(read, Ok(1500.into()));
    let read = one(in_unit("x", <Vec<f64>>::schema(), "V"), "1mV,2");
    assert_eq!(read, Ok(Value::List(vec![0.001.into(), 2.0.into()])));
    let read = one(in_unit("x", <Option<f64>>::schema(), "V"), "1mV");
    assert_eq!(read, Ok(0.001.into()));
}

#[test]
fn a_converted_number_is_the_one_that_would_have_been_written() {
    let mut state = 7_u64;
    for _ in 0..1000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let digits = state >> 20;
        let read = one(in_unit("x", f64::schema(), "V"), &format!("{digits}.5 nV"));
        let expected: f64 = format!("{digits}.5e-9").parse().unwrap();
        assert_eq!(read, Ok(expected.into()));
    }
}

#[test]
fn every_misfit_says_what_was_expected_and_given() {
    let x = |schema| argument("x", schema);
    let volts = |schema| in_unit("x", schema, "V");
    for (argument, word, text) in [
        (
            x(u8::schema()),
            "fast",
            r#"an integer (`u8`), but is "fast""#,
        ),
        (x(u8::schema()), "", r#"an integer (`u8`), but is """#),
        (
            x(u8::schema()),
            "1.5",
            r#"an integer (`u8`), but is "1.5" (it is not an integer)"#,
        ),
        (
            x(u8::schema()),
            "20 nm",
            r#"an integer (`u8`), but is "20 nm" (it has no unit here, and `nm` is not part of a number)"#,
        ),
        (
            volts(f64::schema()),
            "20 nm",
            r#"a number (`f64`) in V, but is "20 nm" (`nm` cannot be converted to `V`)"#,
        ),
        (
            volts(f64::schema()),
            "20 v",
            r#"a number (`f64`) in V, but is "20 v" (`v` cannot be converted to `V`: upper and lower case differ in units)"#,
        ),
        (
            in_unit("x", u32::schema(), "nm"),
            "0.5nm",
            r#"an integer (`u32`) in nm, but is "0.5nm" (it is not an integer)"#,
        ),
        (
            x(f64::schema()),
            "0,5",
            r#"a number (`f64`), but is "0,5"; did you mean `0.5`?"#,
        ),
        (
            x(f64::schema()),
            "1.2.3",
            r#"a number (`f64`), but is "1.2.3""#,
        ),
        (
            x(f64::schema()),
            "1e400",
            r#"a number (`f64`), but is "1e400" (it is too large for `f64`)"#,
        ),
        (
            x(f32::schema()),
            "1e39",
            r#"a number (`f32`), but is "1e39" (it is too large for `f32`)"#,
        ),
        (
            x(bool::schema()),
            "maybe",
            r#"`true` or `false`, but is "maybe""#,
        ),
        (x(char::schema()), "ab", r#"one character, but is "ab""#),
        (x(<()>::schema()), "ab", r#"`()`, but is "ab""#),
        (
            volts(<Option<f64>>::schema()),
            "ab",
            r#"a number (`f64`) in V, or `none`, but is "ab""#,
        ),
        (
            x(mode()),
            "Het",
            r#"Off, Cool, COOL, Heat or Ramp (`Mode`), but is "Het"; did you mean `Heat`?"#,
        ),
        (
            x(mode()),
            "cooL",
            r#"Off, Cool, COOL, Heat or Ramp (`Mode`), but is "cooL"; did you mean `Cool`?"#,
        ),
        (
            x(mode()),
            "xyz",
            r#"Off, Cool, COOL, Heat or Ramp (`Mode`), but is "xyz""#,
        ),
        (
            x(mode()),
            "Off=1",
            r#"Off, Cool, COOL, Heat or Ramp (`Mode`), but is "Off=1" (`Off` has no data)"#,
        ),
        (
            x(mode()),
            "Ramp",
            r#"Off, Cool, COOL, Heat or Ramp (`Mode`), but is "Ramp" (`Ramp` needs data, such as '{"Ramp": {"from": 0.5, "steps": 1}}')"#,
        ),
        (
            x(mode()),
            "Heat",
            r#"Off, Cool, COOL, Heat or Ramp (`Mode`), but is "Heat" (`Heat` needs data, such as '{"Heat": 0.5}')"#,
        ),
        (
            x(<Vec<f64>>::schema()),
            "1,x",
            r#"a list (`Vec<f64>`), such as [0.5, 0.5], but is "1,x" ("x" is not a number (`f64`))"#,
        ),
        (
            x(<Vec<u8>>::schema()),
            "1,1.5",
            r#"a list (`Vec<u8>`), such as [1, 1], but is "1,1.5" ("1.5": it is not an integer)"#,
        ),
        (
            x(Schema::List(Box::new(mode()))),
            "Het",
            r#"a list (`Vec<Mode>`), such as ["Off", "Off"], but is "Het" ("Het"; did you mean `Heat`?)"#,
        ),
        (
            x(<(u8, u8)>::schema()),
            "1,2,3",
            r#"a list of 2 (`(u8, u8)`), such as [1, 1], but is "1,2,3" (it has 3 instead of 2)"#,
        ),
        (
            x(<[u8; 2]>::schema()),
            "a",
            r#"a list of 2 (`[u8; 2]`), but is "a" ("a" is not an integer (`u8`))"#,
        ),
        (
            x(point()),
            "{volt: 2}",
            r#"of type `Point`, such as '{"volts": 0.5, "label": "a"}', but is "{volt: 2}" (it has no field `volt`; did you mean `volts`?)"#,
        ),
        (
            x(point()),
            "fast",
            r#"of type `Point`, such as '{"volts": 0.5, "label": "a"}', but is "fast""#,
        ),
        (
            x(<Vec<Vec<u8>>>::schema()),
            "1,2",
            r#"a list (`Vec<Vec<u8>>`), such as [[1, 1], [1, 1]], but is "1,2""#,
        ),
        (
            x(point()),
            r#"{"volts""#,
            r#"of type `Point`, such as '{"volts": 0.5, "label": "a"}', but is "{\"volts\"" (it is not JSON: EOF while parsing an object at line 1 column 8)"#,
        ),
        (
            x(point()),
            "{volts}",
            r#"of type `Point`, such as '{"volts": 0.5, "label": "a"}', but is "{volts}" (`volts` is not `name: value`)"#,
        ),
        (
            x(point()),
            "{volts: 2 A}",
            r#"of type `Point`, such as '{"volts": 0.5, "label": "a"}', but is "{volts: 2 A}" ("2 A": `A` cannot be converted to `V`)"#,
        ),
        (
            x(Schema::Named("Other".into())),
            "[1",
            r#"of type `Other`, but is "[1" (it is not JSON: EOF while parsing a list at line 1 column 2)"#,
        ),
    ] {
        assert_eq!(
            one(argument, word),
            Err(format!("argument `x` must be {text}"))
        );
    }
    let long = one(x(u8::schema()), &"a".repeat(1000)).unwrap_err();
    assert!(long.len() < 200 && long.ends_with("…\""), "{long}");
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
