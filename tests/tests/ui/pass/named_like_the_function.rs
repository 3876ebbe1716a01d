//! Arguments with the name of their function.
use ipc_core::{Local, remote};

#[remote]
pub fn probe(probe: u8) -> u8 {
    probe + 1
}

#[remote]
pub fn label(label: &str, copies: usize) -> String {
    label.repeat(copies)
}

#[remote]
pub async fn later(later: u8) -> u8 {
    later
}

fn main() {
    let mut registry = ipc_core::Registry::new();
    registry.add_function(probe::function()).unwrap();
    registry.add_function(label::function()).unwrap();
    registry.add_function(later::function()).unwrap();
    let local = Local::from(registry);
    assert_eq!(probe::call(&local, 4), Ok(5));
    assert_eq!(label::call(&local, "ab", 2), Ok("abab".into()));
    assert_eq!(later::call(&local, 6), Ok(6));
}
