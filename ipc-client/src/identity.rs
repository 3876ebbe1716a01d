//! The default name of a client.

use std::path::Path;
use std::sync::OnceLock;

/// `scan.rs by alice on lab-pc (pid 123)`, without the parts that cannot be found out.
pub(crate) fn default_name() -> String {
    static NAME: OnceLock<(u32, String)> = OnceLock::new();
    let id = std::process::id();
    let (named, name) = NAME.get_or_init(|| (id, name_of(id)));
    match *named == id {
        true => name.clone(),
        // This process was forked off the one that is named.
        false => name_of(id),
    }
}

/// The name of a client that belongs to `program`: `program by alice on lab-pc (pid 123)`, as the default name is for the
/// program of this process.
pub fn client_name(program: &str) -> String {
    named(program, std::process::id())
}

/// What tells this process from others across restarts of the server: random, and the same for all of its clients.
pub(crate) fn of_process() -> &'static str {
    static IDENTITY: OnceLock<String> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let mut bytes = [0; 16];
        // Without randomness there is no claim either.
        let _ = getrandom::fill(&mut bytes);
        format!("{:032x}", u128::from_le_bytes(bytes))
    })
}

fn name_of(id: u32) -> String {
    let program = std::env::args_os()
        .next()
        .and_then(|path| {
            Path::new(&path)
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
        })
        .unwrap_or_else(|| "client".into());
    named(&program, id)
}

fn named(program: &str, id: u32) -> String {
    let user = first_set(&["USER", "USERNAME", "LOGNAME"])
        .map(|user| format!(" by {user}"))
        .unwrap_or_default();
    let host = host_name()
        .map(|host| format!(" on {host}"))
        .unwrap_or_default();
    format!("{program}{user}{host} (pid {id})")
}

fn host_name() -> Option<String> {
    first_set(&["COMPUTERNAME", "HOSTNAME"])
        .or_else(node_name)
        .filter(|name| !name.is_empty())
}

#[cfg(unix)]
fn node_name() -> Option<String> {
    let system = rustix::system::uname();
    Some(system.nodename().to_string_lossy().into_owned())
}

/// Windows sets a variable.
#[cfg(not(unix))]
fn node_name() -> Option<String> {
    None
}

/// The value of the first of these environment variables that is set.
fn first_set(names: &[&str]) -> Option<String> {
    names
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
}
