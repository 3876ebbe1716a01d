//! What people see of every kind of value.

use std::fs;
use std::path::PathBuf;

use ipc_client::{Describe, Field, Numbers, Variant};

use super::*;
use crate::failure::Failure;
use crate::parse::npy;

fn field(name: &str, schema: Schema, unit: Option<&str>) -> Field {
    Field {
        name: name.into(),
        schema,
        unit: unit.map(Into::into),
        ..Field::default()
    }
}

fn structure(fields: Vec<Field>) -> Schema {
    let (name, doc) = ("Reading".into(), String::new());
    Schema::Struct { name, doc, fields }
}

fn reading() -> Schema {
    structure(vec![
        field("celsius", f64::schema(), Some("°C")),
        field("label", String::schema(), None),
    ])
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
            variant("Heat", vec![field("0", f64::schema(), Some("W"))]),
            variant(
                "Pair",
                vec![
                    field("0", u8::schema(), None),
                    field("1", u8::schema(), None),
                ],
            ),
            variant(
                "Ramp",
                vec![
                    field("from", f64::schema(), Some("V")),
                    field("steps", u8::schema(), None),
                ],
            ),
        ],
    }
}

fn json(text: &str) -> Value {
    Value::from_json(text).unwrap()
}

fn shown(value: impl Into<Value>, schema: Schema) -> String {
    result("x", &value.into(), &schema, None)
}

fn in_volts(value: impl Into<Value>, schema: Schema) -> String {
    result("x", &value.into(), &schema, Some("V"))
}

#[test]
fn plain_results_stand_on_one_line() {
    let name = "pump.read_voltage";
    assert_eq!(
        result(name, &0.7342.into(), &f64::schema(), Some("V")),
        "pump.read_voltage = 0.7342 V"
    );
    assert_eq!(shown((), <()>::schema()), "x: done");
    assert_eq!(shown(true, bool::schema()), "x = true");
    assert_eq!(in_volts(-3, i8::schema()), "x = -3 V");
    assert_eq!(in_volts(Value::Null, <Option<f64>>::schema()), "x = none");
    assert_eq!(in_volts(0.5, <Option<f64>>::schema()), "x = 0.5 V");
    let nested = <Option<Option<u8>>>::schema();
    assert_eq!(shown(Some(None::<u8>), nested.clone()), "x = Some(none)");
    assert_eq!(shown(Value::Null, nested), "x = none");
    assert_eq!(shown(Some(()), <Option<()>>::schema()), "x = Some(())");
    let newtype = structure(vec![field("0", f64::schema(), Some("A"))]);
    assert_eq!(shown(0.5, newtype), "x = 0.5 A");
}

#[test]
fn texts_are_shown_so_that_they_are_seen() {
    assert_eq!(shown("fast", String::schema()), "x = fast");
    assert_eq!(shown("", String::schema()), r#"x = """#);
    assert_eq!(shown(" a", String::schema()), r#"x = " a""#);
    assert_eq!(shown("a\u{1b}[2J", String::schema()), r#"x = "a\u{1b}[2J""#);
    assert_eq!(
        shown("one\n\ntwo\n", String::schema()),
        "x:\n  one\n\n  two"
    );
    assert_eq!(shown("one\n", String::schema()), r#"x = "one\n""#);
    assert_eq!(
        shown(Value::List(vec!["a, b".into()]), <Vec<String>>::schema()),
        r#"x = ["a, b"]"#
    );
}

#[test]
fn structs_are_aligned_with_their_units() {
    let value = json(r#"{"celsius": 20.5, "label": "left"}"#);
    assert_eq!(
        shown(value.clone(), reading()),
        "x:\n  celsius  20.5 °C\n  label    left"
    );
    let nested = structure(vec![
        field("inner", reading(), None),
        field("n", u8::schema(), None),
        field("mode", mode(), None),
        field("note", <Option<String>>::schema(), None),
    ]);
    let value = Value::Map(vec![
        ("inner".into(), value),
        ("n".into(), 3.into()),
        ("mode".into(), json(r#"{"Heat": 2.0}"#)),
        ("note".into(), "a\nb".into()),
    ]);
    let text = "x:\n  inner:\n    celsius  20.5 °C\n    label    left\n  n      3\n  mode   Heat(2 W)\n  note:\n    a\n    b";
    assert_eq!(shown(value.clone(), nested), text);
    // Without a description, all but the units is there.
    let text = "x:\n  inner:\n    celsius  20.5\n    label    left\n  n      3\n  mode:\n    Heat  2\n  note:\n    a\n    b";
    assert_eq!(shown(value, Schema::Named("Other".into())), text);
    assert_eq!(shown(Value::Map(vec![]), structure(vec![])), "x = {}");
    let map = std::collections::BTreeMap::<u8, f64>::schema();
    let entries = vec![(1.into(), 0.5.into()), (20.into(), 1.5.into())];
    assert_eq!(
        in_volts(Value::Map(entries), map),
        "x:\n  1   0.5 V\n  20  1.5 V"
    );
}

#[test]
fn variants_have_their_names_and_data() {
    for (value, text) in [
        (r#""Off""#, "Off"),
        (r#"{"Heat": 2.5}"#, "Heat(2.5 W)"),
        (r#"{"Pair": [1, 2]}"#, "Pair(1, 2)"),
        (
            r#"{"Ramp": {"from": 1.0, "steps": 3}}"#,
            "Ramp {from: 1 V, steps: 3}",
        ),
    ] {
        assert_eq!(shown(json(value), mode()), format!("x = {text}"));
    }
    let list = Schema::List(Box::new(mode()));
    assert_eq!(
        shown(json(r#"["Off", {"Heat": 1}]"#), list),
        "x = [Off, Heat(1 W)]"
    );
}

#[test]
fn lists_are_lines_or_tables() {
    let tuple = <(f64, f64)>::schema();
    assert_eq!(in_volts(json("[0.5, 1]"), tuple), "x = (0.5, 1) V");
    assert_eq!(
        in_volts(json(r#"[0.5, "a"]"#), <(f64, String)>::schema()),
        r#"x = (0.5 V, "a")"#
    );
    assert_eq!(
        shown(Value::List(vec![]), <Vec<String>>::schema()),
        "x = []"
    );
    let table = Schema::List(Box::new(reading()));
    let value = json(r#"[{"celsius": 20.5, "label": "left"}, {"celsius": 101.25, "label": "µ"}]"#);
    let text = "x:\n  celsius [°C]  label\n          20.5  left\n        101.25  µ";
    assert_eq!(shown(value, table), text);
    let long = Value::List((0..11).map(|n| "a".repeat(10 + n).into()).collect());
    let text = shown(long, <Vec<String>>::schema());
    assert!(
        text.starts_with("x:\n  [ 0]  aaaaaaaaaa\n  [ 1]  aaaaaaaaaaa\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 12);
    let rows = Value::List(vec![vec![0.5; 100].into(), vec![1.5].into()]);
    let text = in_volts(rows, <Vec<Vec<f64>>>::schema());
    assert!(text.starts_with("x:\n  [0]  f64[100]  min 0.5 V"), "{text}");
    assert!(text.ends_with("\n  [1]  [1.5] V"), "{text}");
}

#[test]
fn arrays_have_shape_range_and_sparkline() {
    assert_eq!(
        in_volts(vec![1.0, 2.5], <Vec<f64>>::schema()),
        "x = [1, 2.5] V"
    );
    assert_eq!(shown(Vec::<u8>::new(), <Vec<u8>>::schema()), "x = []");
    let ramp: Vec<f64> = (0..4096).map(f64::from).collect();
    let text = in_volts(ramp, <Vec<f64>>::schema());
    let expected = "x = f64[4096]  min 0 V  max 4095 V  mean 2047.5 V  ▁▁▁▁▁▂▂▂▂▂▃▃▃▃▃▄▄▄▄▄▅▅▅▅▅▆▆▆▆▆▇▇▇▇▇█████";
    assert_eq!(text, expected);
    let mut peak = vec![0.0; 4096];
    peak[2000] = 1.0;
    assert!(
        shown(peak, <Vec<f64>>::schema()).ends_with("  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁")
    );
    let odd = vec![
        f64::NAN,
        1.0,
        3.0,
        f64::NAN,
        f64::INFINITY,
        2.0,
        2.0,
        2.0,
        2.0,
    ];
    let text = shown(odd, <Vec<f64>>::schema());
    assert_eq!(
        text,
        "x = f64[9]  min 1  max inf  mean inf  2 NaN   ▁█  ▄▄▄▄"
    );
    assert_eq!(
        shown(vec![f64::NAN; 9], <Vec<f64>>::schema()),
        "x = f64[9]  9 NaN"
    );
    let large = shown(vec![f64::MAX; 9], <Vec<f64>>::schema());
    assert!(large.contains("mean 1.79769e308  ▁▁▁▁▁▁▁▁▁"), "{large}");
    let wide = shown(
        vec![f64::MAX, f64::MIN, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        <Vec<f64>>::schema(),
    );
    assert!(wide.ends_with("█▁▄▄▄▄▄▄▄"), "{wide}");
    let integers = shown(vec![u64::MAX; 9], <Vec<u64>>::schema());
    assert!(integers.contains("max 18446744073709551615"), "{integers}");
    let image = Numbers::from(vec![7_u8; 12]).reshaped(vec![3, 4]).unwrap();
    assert_eq!(
        shown(image, <Vec<[u8; 4]>>::schema()),
        "x = u8[3×4]  min 7  max 7  mean 7"
    );
    let pairs = Numbers::from(vec![1_u8, 2, 3, 4])
        .reshaped(vec![2, 2])
        .unwrap();
    assert_eq!(
        shown(pairs, <Vec<(u8, u8)>>::schema()),
        "x = [[1, 2], [3, 4]]"
    );
    let one = Numbers::from(vec![0.5]).reshaped(vec![]).unwrap();
    assert_eq!(in_volts(one, f64::schema()), "x = 0.5 V");
    let bits = Numbers::new(
        ipc_client::ElementType::Bool,
        vec![9],
        vec![1_u8, 0, 0, 0, 0, 0, 0, 0, 1],
    );
    assert_eq!(
        shown(bits.unwrap(), <Vec<bool>>::schema()),
        "x = bool[9]  2 true"
    );
    let by_name = Value::List((0..9).map(Value::from).collect());
    let text = shown(by_name, Schema::Named("Vec<Other>".into()));
    assert_eq!(text, "x = [9 numbers]  min 0  max 8  mean 4  ▁▁▂▃▄▅▆▇█");
}

#[test]
fn bytes_and_durations_are_short() {
    assert_eq!(
        shown(Value::Bytes(vec![]), Schema::Named("Bytes".into())),
        "x = 0 bytes"
    );
    assert_eq!(
        shown(Value::Bytes(vec![255]), Schema::Named("Bytes".into())),
        "x = 1 byte: ff"
    );
    let text = shown(Value::Bytes(vec![1; 17]), Schema::Named("Bytes".into()));
    assert_eq!(text, format!("x = 17 bytes: {}…", "01 ".repeat(16)));
    let duration = json(r#"{"secs": 1, "nanos": 500000000}"#);
    assert_eq!(
        shown(duration, Schema::Named("Duration".into())),
        "x = 1.5s"
    );
    let no_duration = json(r#"{"secs": 1, "nanos": 5000000000}"#);
    assert_eq!(
        shown(no_duration, Schema::Named("Duration".into())),
        "x:\n  secs   1\n  nanos  5000000000"
    );
}

#[test]
fn names_and_units_of_a_server_stay_on_their_line() {
    let hostile = structure(vec![field("a\nb", f64::schema(), Some("V\u{1b}[2J\n"))]);
    let value = Value::Map(vec![("a\nb".into(), 0.5.into())]);
    let text = result("x\ny", &value, &hostile, None);
    assert_eq!(text, "x\u{fffd}y:\n  \"a\\nb\"  0.5 V\u{fffd}[2J\u{fffd}");
    let table = Schema::List(Box::new(hostile));
    let text = shown(Value::List(vec![value]), table);
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn brief_values_fit_into_a_cell() {
    let brief = |value: Value, schema: &Schema| super::brief(&value, schema, Some("V"));
    assert_eq!(brief(0.5.into(), &f64::schema()), "0.5 V");
    assert_eq!(brief(Value::Null, &Schema::Unit), "done");
    assert_eq!(brief("a\nb".into(), &String::schema()), r#""a\nb""#);
    let ramp: Vec<f64> = (0..4096).map(f64::from).collect();
    assert_eq!(
        brief(ramp.into(), &<Vec<f64>>::schema()),
        "f64[4096] 0 .. 4095 V ▁▁▂▂▃▃▄▄▅▅▆▆▇▇██"
    );
    let value = json(r#"{"celsius": 20.5, "label": "left"}"#);
    assert_eq!(
        brief(value, &reading()),
        r#"{celsius: 20.5 °C, label: "left"}"#
    );
    let long = brief(
        Value::List(vec!["abc".into(); 1000]),
        &<Vec<String>>::schema(),
    );
    assert!(long.chars().count() <= 60 && long.ends_with('…'), "{long}");
}

/// A file of this test, removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let name = format!("ipc-show-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn csv(name: &str, value: &Value, schema: &Schema) -> String {
    let file = File::new(name);
    save_csv(&file.0, value, schema).unwrap();
    fs::read_to_string(&file.0).unwrap()
}

#[test]
fn tables_are_written_as_csv() {
    let csv = |value: &Value, schema: Schema| csv("a.csv", value, &schema);
    assert_eq!(
        csv(&vec![0.5, f64::NAN].into(), <Vec<f64>>::schema()),
        "0.5\nNaN\n"
    );
    let pairs = Numbers::from(vec![1_u8, 2, 3, 4])
        .reshaped(vec![2, 2])
        .unwrap();
    assert_eq!(csv(&pairs.into(), <Vec<(u8, u8)>>::schema()), "1,2\n3,4\n");
    let rows = Value::List(vec![vec![1_u8].into(), vec![2_u8, 3].into()]);
    assert_eq!(csv(&rows, <Vec<Vec<u8>>>::schema()), "1\n2,3\n");
    let one = json(r#"{"celsius": 20.5, "label": "a \"b\", c"}"#);
    assert_eq!(
        csv(&one, reading()),
        "celsius,label\n20.5,\"a \"\"b\"\", c\"\n"
    );
    let two = Value::List(vec![
        one.clone(),
        json(r#"{"celsius": null, "label": [1]}"#),
    ]);
    let text = "celsius,label\n20.5,\"a \"\"b\"\", c\"\n,[1]\n";
    assert_eq!(csv(&two, Schema::List(Box::new(reading()))), text);
    assert_eq!(csv(&two, Schema::Named("Other".into())), text);
    assert_eq!(csv(&0.5.into(), f64::schema()), "0.5\n");
    assert_eq!(csv(&"a\nb".into(), String::schema()), "\"a\nb\"\n");
    assert_eq!(
        csv(&json(r#"{"Heat": 2}"#), mode()),
        "\"{\"\"Heat\"\":2}\"\n"
    );
    let modes = Schema::List(Box::new(mode()));
    assert_eq!(
        csv(&json(r#"["Off", {"Heat": 2}]"#), modes),
        "Off\n\"{\"\"Heat\"\":2}\"\n"
    );
    let map = std::collections::BTreeMap::<String, u8>::schema();
    assert_eq!(
        csv(&json(r#"{"a": 1, "b": 2}"#), map),
        "key,value\na,1\nb,2\n"
    );
}

#[test]
fn arrays_are_written_for_numpy() {
    let saved = |value: Value| {
        let file = File::new("a.npy");
        save_npy(&file.0, &value).unwrap();
        npy::decode(&fs::read(&file.0).unwrap()).unwrap()
    };
    let array = |numbers: Numbers, shape: &[usize]| numbers.reshaped(shape.to_vec()).unwrap();
    assert_eq!(saved(vec![0.5_f32, 1.5].into()), vec![0.5_f32, 1.5].into());
    assert_eq!(saved(json("[1, -2]")), vec![1_i64, -2].into());
    assert_eq!(
        saved(json("[1, 18446744073709551615]")),
        vec![1, u64::MAX].into()
    );
    assert_eq!(saved(json("[1, 0.5]")), vec![1.0, 0.5].into());
    assert_eq!(saved(json("[true, false]")).element().name(), "bool");
    assert_eq!(saved(json("[]")), Vec::<f64>::new().into());
    assert_eq!(
        saved(json("[[1, 2], [3, 4]]")),
        array(vec![1_i64, 2, 3, 4].into(), &[2, 2])
    );
    assert_eq!(
        saved(json("[[1, 2], [0.5, 4]]")),
        array(vec![1.0, 2.0, 0.5, 4.0].into(), &[2, 2])
    );
    assert_eq!(saved(0.5.into()), array(vec![0.5].into(), &[]));
    assert_eq!(saved(Value::Bytes(vec![1, 2])), vec![1_u8, 2].into());
    let rows = Value::List(vec![vec![1_u8, 2].into(), vec![3_u8, 4].into()]);
    assert_eq!(saved(rows), array(vec![1_u8, 2, 3, 4].into(), &[2, 2]));
}

#[test]
fn what_cannot_be_written_is_told_with_the_name_of_the_file() {
    let text = |failure: Failure| match failure {
        Failure::Failed { text, .. } => text,
        Failure::OutputClosed => panic!("the output is closed"),
    };
    let file = File::new("not-written.npy");
    let name = file.0.display();
    for value in [
        json(r#"{"a": 1}"#),
        json("[[1], [2, 3]]"),
        json(r#"["a"]"#),
        json("[[1], 2]"),
        Value::Null,
    ] {
        let error = text(save_npy(&file.0, &value).unwrap_err());
        let expected = format!(
            "the call has ended, but the file `{name}` cannot be written: the result is not an array of numbers; `--json` and `--csv` take other results"
        );
        assert_eq!(error, expected);
    }
    let error = text(save_npy(&file.0, &vec![1_u128].into()).unwrap_err());
    assert!(
        error.ends_with("NumPy has no numbers of the type `u128`"),
        "{error}"
    );
    assert!(!file.0.exists());
    let nowhere = file.0.join("a.csv");
    let error = text(save_csv(&nowhere, &1.into(), &u8::schema()).unwrap_err());
    assert!(
        error.contains(&format!(
            "the file `{}` cannot be written: ",
            nowhere.display()
        )),
        "{error}"
    );
}
