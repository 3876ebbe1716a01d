use std::collections::HashMap;

use ipc_core::remote;

pub struct One;

pub struct Other;

#[remote]
pub struct Two {
    one: Option<One>,
    again: Vec<One>,
    other: HashMap<String, Other>,
}

#[remote]
pub enum Either {
    Left(One, u8),
    Right { number: u8, other: Other },
}

#[remote]
pub struct Generic<T>(T, Vec<T>, One);

#[remote]
pub struct Recursive {
    children: Vec<Recursive>,
    parent: Option<Box<Self>>,
    one: Box<One>,
}

#[remote]
#[serde(transparent)]
pub struct Thin(One);

#[remote]
pub struct Long([f64; 64]);

#[remote]
pub struct Borrows {
    name: &'static str,
}

fn use_them(
    values: (Two, Either, Generic<u8>, Recursive, Thin, Long),
) -> Result<String, Box<dyn std::error::Error>> {
    fn to_text<T: serde::Serialize>(_: &T) -> String {
        String::new()
    }
    Ok(to_text(&values))
}

fn main() {
    let _ = use_them;
}
