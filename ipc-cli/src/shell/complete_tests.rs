//! Tests of what Tab proposes.

use ipc_client::{DeviceDescription, Interface, Variant};

use super::*;

fn argument(name: &str, schema: Schema) -> Argument {
    Argument {
        name: name.into(),
        schema,
        ..Argument::default()
    }
}

fn gain() -> Schema {
    let variants = ["Low", "High", "Very high"].map(|name| Variant {
        name: name.into(),
        ..Variant::default()
    });
    Schema::Enum {
        name: "Gain".into(),
        doc: String::new(),
        variants: variants.into(),
    }
}

fn method(name: &str, kind: MethodKind, arguments: Vec<Argument>, result: Schema) -> Method {
    Method {
        name: name.into(),
        kind,
        arguments,
        result,
        ..Method::default()
    }
}

fn server() -> ServerDescription {
    use MethodKind::{Call, Get, Set};
    let volts = Schema::Float(64);
    let samples = argument("samples", Schema::Unsigned(32));
    let methods = vec![
        method(
            "read_voltage",
            Call,
            vec![samples, argument("gain", gain())],
            volts.clone(),
        ),
        method("zero", Call, vec![], Schema::Unit),
        method("range", Get, vec![], volts.clone()),
        method(
            "range",
            Set,
            vec![argument("range", volts.clone())],
            Schema::Unit,
        ),
        method("gain", Set, vec![argument("gain", gain())], Schema::Unit),
        method("\u{1b}[2J", Call, vec![], Schema::Unit),
    ];
    let device = |name: &str, methods| DeviceDescription {
        name: name.into(),
        prefix: format!("{name}_"),
        interface: Interface {
            methods,
            ..Interface::default()
        },
    };
    let shutter = method(
        "open",
        Call,
        vec![argument("wait", Schema::Bool)],
        Schema::Unit,
    );
    ServerDescription {
        devices: vec![device("pump", methods), device("shutter", vec![shutter])],
        functions: vec![method("add", Call, vec![], volts)],
    }
}

/// The words that are proposed for the end of a line, as they are inserted.
fn proposed(line: &str) -> Vec<String> {
    let proposals = proposals(line, &server());
    proposals.words.into_iter().map(|it| it.text).collect()
}

#[test]
fn the_first_word_is_a_command_a_device_or_a_function() {
    let all = proposed("");
    for word in [
        "list ", "call ", "exit ", "help ", "pump.", "shutter.", "add ",
    ] {
        assert!(all.iter().any(|it| it == word), "{word}: {all:?}");
    }
    assert!(!all.iter().any(|it| it == "shell "), "{all:?}");
    assert_eq!(proposed("sh"), ["shutter."]);
    assert_eq!(proposed("lea"), ["lease "]);
    assert_eq!(proposed("  pu"), ["pump."]);
}

#[test]
fn behind_the_point_there_are_methods_and_properties() {
    // A property is proposed once, and nothing that a terminal would obey.
    assert_eq!(
        proposed("pump."),
        [
            "pump.read_voltage ",
            "pump.zero ",
            "pump.range ",
            "pump.gain "
        ]
    );
    assert_eq!(
        proposed("call pump.r"),
        ["pump.read_voltage ", "pump.range "]
    );
    assert_eq!(proposed("get "), ["pump."]);
    assert_eq!(proposed("get pump."), ["pump.range "]);
    assert_eq!(proposed("set pump."), ["pump.range ", "pump.gain "]);
    assert_eq!(proposed("--json get pump.r"), ["pump.range "]);
    let shown = proposals("pump.z", &server()).words;
    assert_eq!(shown.first().map(|it| it.shown.as_str()), Some("zero"));
}

#[test]
fn flat_names_are_completed_once_they_are_begun() {
    assert_eq!(proposed("pump_re"), ["pump_read_voltage "]);
    assert_eq!(proposed("get pump_"), ["pump_range "]);
}

#[test]
fn arguments_have_names_and_values() {
    assert_eq!(proposed("pump.read_voltage "), ["samples=", "gain="]);
    assert_eq!(proposed("pump.read_voltage s"), ["samples="]);
    assert_eq!(
        proposed("pump.read_voltage 20 "),
        ["Low ", "High ", "'Very high' ", "gain="]
    );
    assert_eq!(proposed("pump.read_voltage gain=High "), ["samples="]);
    assert_eq!(
        proposed("call --timeout 3s pump.read_voltage gain=H"),
        ["gain=High "]
    );
    assert_eq!(proposed("pump_read_voltage samples=2 H"), ["High "]);
    assert_eq!(proposed("shutter.open "), ["true ", "false ", "wait="]);
    assert_eq!(proposed("shutter.open true "), [""; 0]);
    assert_eq!(proposed("nothing.like_it "), [""; 0]);
}

#[test]
fn values_of_properties_are_listed() {
    for line in ["set pump.gain ", "pump.gain = "] {
        assert_eq!(proposed(line), ["Low ", "High ", "'Very high' "], "{line}");
    }
    assert_eq!(proposed("pump.range = "), [""; 0]);
}

#[test]
fn devices_follow_the_commands_that_take_them() {
    for verb in ["list", "lease", "release", "kick", "describe", "monitor"] {
        let line = format!("{verb} pum");
        assert!(proposed(&line).contains(&"pump ".into()), "{verb}");
    }
    assert_eq!(proposed("lease pump sh"), ["shutter "]);
    assert_eq!(proposed("lease --why alignment pu"), ["pump "]);
    // What needs an argument is not watched.
    assert_eq!(proposed("monitor pump."), ["pump.range "]);
}

#[test]
fn options_of_commands_are_completed() {
    assert_eq!(proposed("call --t"), ["--timeout "]);
    assert_eq!(proposed("lease pump --w"), ["--why "]);
    assert_eq!(proposed("list --j"), ["--json "]);
    assert!(proposed("completions ").contains(&"bash ".into()));
}

#[test]
fn files_are_proposed_where_they_may_stand() {
    for (line, files) in [
        ("awg.load @wa", true),
        ("awg.load trace=@wa", true),
        ("awg.load '@my wa", true),
        ("call --npy tr", true),
        ("pump.read_voltage 2", false),
        ("pu", false),
    ] {
        assert_eq!(proposals(line, &server()).files, files, "{line}");
    }
}
