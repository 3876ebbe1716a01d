//! The help texts, and the errors of the command line.

#![allow(missing_docs, reason = "tests")]

#[test]
fn help_and_usage() {
    let cases = trycmd::TestCases::new();
    cases.case("tests/cmd/*.md");
    for variable in ["IPC_ADDRESS", "IPC_SECRET", "IPC_HOSTS", "IPC_SERVICE"] {
        cases.env(variable, "");
    }
    cases.env("XDG_CONFIG_HOME", "/nowhere");
}
