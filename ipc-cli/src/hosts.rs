//! Which server is meant: by the command line, the environment, or hosts.toml.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::arguments::Global;
use crate::failure::Failure;

/// The variable with the address of the server.
pub(crate) const ADDRESS_VARIABLE: &str = "IPC_ADDRESS";
/// The variable with the service of that server, if it names one.
pub(crate) const SERVICE_VARIABLE: &str = "IPC_SERVICE";
/// The variable with the path of another hosts.toml.
const HOSTS_VARIABLE: &str = "IPC_HOSTS";

/// The server that is meant.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Server {
    /// Its name in hosts.toml.
    pub(crate) name: Option<String>,
    pub(crate) address: String,
    /// The service that it must have; empty for any.
    pub(crate) service: String,
    pub(crate) secret_file: Option<PathBuf>,
    /// True if the environment names it.
    pub(crate) is_of_environment: bool,
}

/// The content of hosts.toml.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Hosts {
    default: Option<String>,
    hosts: BTreeMap<String, Host>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    address: String,
    secret_file: Option<PathBuf>,
    service: Option<String>,
}

/// The server that is meant: the command line counts more than the environment, and that more than hosts.toml.
pub(crate) fn server(global: &Global) -> Result<Server, Failure> {
    let mut server = found(global)?;
    if let Some(service) = &global.service {
        server.service.clone_from(service);
    }
    Ok(server)
}

fn found(global: &Global) -> Result<Server, Failure> {
    match (&global.address, &global.server, variable(ADDRESS_VARIABLE)) {
        (Some(_), Some(_), _) => Err(Failure::usage(
            "-a and -s both name a server; give one of them",
        )),
        (Some(address), None, _) => Ok(Server {
            address: address.clone(),
            ..Server::default()
        }),
        (None, Some(name), _) => named(name),
        (None, None, Some(address)) => Ok(Server {
            address,
            service: variable(SERVICE_VARIABLE).unwrap_or_default(),
            is_of_environment: true,
            ..Server::default()
        }),
        (None, None, None) => default_server(),
    }
}

fn named(name: &str) -> Result<Server, Failure> {
    let path = path()?;
    let Some(hosts) = read(&path)? else {
        let text = format!(
            "there is no server `{name}`: {} does not exist",
            path.display()
        );
        return Err(Failure::usage(text));
    };
    of_hosts(hosts, name, &path)
}

fn default_server() -> Result<Server, Failure> {
    let path = path()?;
    let hosts = read(&path)?.unwrap_or_default();
    match hosts.default.clone() {
        Some(name) => of_hosts(hosts, &name, &path),
        None => Err(Failure::usage(format!(
            "no server is named; give its address (-a HOST), set {ADDRESS_VARIABLE}, or set `default` in {}",
            path.display()
        ))),
    }
}

fn of_hosts(mut hosts: Hosts, name: &str, path: &Path) -> Result<Server, Failure> {
    let Some(host) = hosts.hosts.remove(name) else {
        let text = format!("{} has no server `{name}`{}", path.display(), known(&hosts));
        return Err(Failure::usage(text));
    };
    let beside = path.parent().unwrap_or(Path::new(""));
    Ok(Server {
        name: Some(name.into()),
        address: host.address,
        service: host.service.unwrap_or_default(),
        secret_file: host.secret_file.map(|file| beside.join(at_home(file))),
        is_of_environment: false,
    })
}

fn known(hosts: &Hosts) -> String {
    let names: Vec<_> = hosts.hosts.keys().map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => "; it has no servers".into(),
        false => format!("; it has {}", names.join(", ")),
    }
}

/// Reads hosts.toml. `None` if there is none.
fn read(path: &Path) -> Result<Option<Hosts>, Failure> {
    let at = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && variable(HOSTS_VARIABLE).is_none() =>
        {
            return Ok(None);
        }
        Err(error) => return Err(Failure::usage(format!("cannot read {at}: {error}"))),
    };
    let hosts = toml::from_str(&text);
    let hosts = hosts.map_err(|error| Failure::usage(format!("{at}: {}", mistake(&text, &error))));
    hosts.map(Some)
}

/// Where a mistake in hosts.toml is, and which one. Without the line itself, in which there may be a secret.
fn mistake(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!(
            "line {}: {}",
            before.matches('\n').count() + 1,
            error.message()
        ),
        None => error.message().into(),
    }
}

/// Where hosts.toml is, whether it exists or not.
fn path() -> Result<PathBuf, Failure> {
    if let Some(path) = variable(HOSTS_VARIABLE) {
        return Ok(path.into());
    }
    let directory = match cfg!(windows) {
        true => directory("APPDATA"),
        false => directory("XDG_CONFIG_HOME").or_else(|| Some(home()?.join(".config"))),
    };
    let directory = directory.ok_or_else(|| {
        let text = format!("no server is named, and this user has no home directory; give an address (-a HOST), or set {ADDRESS_VARIABLE}");
        Failure::usage(text)
    })?;
    Ok(directory.join("ipc").join("hosts.toml"))
}

/// `~/lab.secret` as a path.
fn at_home(file: PathBuf) -> PathBuf {
    match (file.strip_prefix("~"), home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => file,
    }
}

/// The home directory of the user.
pub(crate) fn home() -> Option<PathBuf> {
    directory("HOME").or_else(|| directory("USERPROFILE"))
}

/// The directory that a variable of the environment names.
pub(crate) fn directory(name: &str) -> Option<PathBuf> {
    Some(PathBuf::from(env::var_os(name)?)).filter(|path| path.is_absolute())
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAB: &str = "default = 'lab3'\n[hosts.lab3]\naddress = 'lab3:4441'\nsecret_file = 'lab3.secret'\n\
                       service = 'optics'\n[hosts.old]\naddress = 'old'\n";

    #[test]
    fn a_host_has_an_address_and_perhaps_a_secret_and_a_service() {
        let path = Path::new("/etc/ipc/hosts.toml");
        let of = |name| of_hosts(toml::from_str(LAB).unwrap(), name, path);
        let lab3 = Server {
            name: Some("lab3".into()),
            address: "lab3:4441".into(),
            service: "optics".into(),
            secret_file: Some("/etc/ipc/lab3.secret".into()),
            is_of_environment: false,
        };
        assert_eq!(of("lab3").unwrap(), lab3);
        let old = of("old").unwrap();
        assert_eq!((old.address.as_str(), old.secret_file), ("old", None));
        let Err(Failure::Failed { text, .. }) = of("lab4") else {
            panic!("there is no lab4");
        };
        assert_eq!(
            text,
            "/etc/ipc/hosts.toml has no server `lab4`; it has `lab3`, `old`"
        );
    }
}
