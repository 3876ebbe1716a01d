//! Words as values of every type.

use ipc_client::{Describe, Field, Variant};

use super::*;

mod driver;
mod errors;
mod sources;

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
fn durations_have_a_unit() {
    let duration = Schema::Named("Duration".into());
    let half = json(r#"{"secs": 2, "nanos": 500000000}"#);
    for word in ["2.5s", "2500 ms", r#"{"secs": 2, "nanos": 500000000}"#] {
        assert_eq!(of(duration.clone(), word), half, "{word}");
    }
    for (word, reason) in [
        ("2", ""),
        ("0x1f", ""),
        ("-2s", ""),
        ("soon", ""),
        ("2 V", " (`V` cannot be converted to `s`)"),
        ("0.1ns", " (it is not a whole number of nanoseconds)"),
    ] {
        let error = one(argument("x", duration.clone()), word).unwrap_err();
        let text =
            format!("argument `x` must be a time, such as 500ms or 2s, but is {word:?}{reason}");
        assert_eq!(error, text);
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
