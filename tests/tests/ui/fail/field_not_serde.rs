use std::collections::HashMap;

use ipc_core::remote;

pub struct Foreign;

#[remote]
pub struct Settings {
    name: String,
    foreign: Foreign,
}

#[remote]
pub struct Outer {
    settings: Settings,
    others: HashMap<String, Settings>,
}

struct Meter;

#[remote]
impl Meter {
    pub fn configure(&mut self, settings: Settings) -> Settings {
        settings
    }

    pub fn all(&self, _all: HashMap<String, Outer>) -> Vec<Outer> {
        vec![]
    }
}

fn main() {}
