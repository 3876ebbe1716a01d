//! What `#[remote]` says to mistakes, and what it must take.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}

#[test]
fn unusual_drivers_compile() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}
