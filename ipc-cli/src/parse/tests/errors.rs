//! Every error text.

use super::*;
use crate::failure::ExitCode;

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
    let none = super::method(vec![]);
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
    let failure = arguments("stage.measure", &method(vec![range]), &words).unwrap_err();
    assert_eq!(failure.code(), ExitCode::Usage);
    let Failure::Failed { text, .. } = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(
        text,
        "`stage.measure`: argument `range` must be a number (`u8`) from 1 to 5, but is \"fast\""
    );
    let failure = value("stage.level", &in_unit("level", f64::schema(), "V"), "x").unwrap_err();
    let text = "`stage.level`: argument `level` must be a number (`f64`) in V, but is \"x\"";
    assert!(matches!(failure, Failure::Failed { text: it, .. } if it == text));
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
