//! A module with its own idea of every name in the prelude.
#![allow(dead_code, non_camel_case_types)]

struct Result;
struct Option;
struct String;
struct Vec;
struct Box;
struct Some;
struct None;
struct Ok;
struct Err;
struct Send;
struct Sized;
struct Clone;
struct Default;
struct From;
struct Into;
struct Iterator;
struct ToString;
struct usize_;
struct Copy;
struct PhantomData;
mod core {}
mod std {}
mod serde {}

struct Meter;

#[::ipc_core::remote]
#[derive(PartialEq)]
pub struct Reading {
    volts: f64,
    name: ::std::option::Option<::std::string::String>,
}

#[::ipc_core::remote]
pub enum Mode {
    Slow,
    Fast(f64),
    Named { name: ::std::string::String },
}

#[::ipc_core::remote]
impl Meter {
    #[remote(get)]
    pub fn range(&self) -> ::std::result::Result<u8, ::std::io::Error> {
        ::std::result::Result::Ok(1)
    }

    #[remote(set)]
    pub fn set_range(&mut self, #[remote(range = 1..=5, default = 1)] range: u8) {
        let _ = range;
    }

    pub fn text(&self, #[remote(default = "a", one_of = ["a", "b"])] text: &str, more: ::std::option::Option<&[u8]>) -> Reading {
        let _ = (text, more);
        Reading { volts: 0.0, name: ::std::option::Option::None }
    }

    pub async fn mode(&self, mode: Mode) -> ::std::vec::Vec<Mode> {
        ::std::vec![mode]
    }
}

#[::ipc_core::remote]
trait Reads {
    type Error: ::std::error::Error;

    fn read(&mut self, text: &str) -> ::std::result::Result<u8, Self::Error>;
}

#[::ipc_core::remote]
fn add(a: u8) -> ::std::result::Result<u8, ::std::fmt::Error> {
    ::std::result::Result::Ok(a)
}

fn main() {}
