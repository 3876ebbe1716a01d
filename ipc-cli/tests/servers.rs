//! Servers that are missing, busy, or that refuse the client: messages, waiting times and exit codes.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod lab;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use ipc_client::Client;
use ipc_server::Server;
use lab::{Ended, Lab, Running, ipc, server, until};

const SECRET: &str = "a secret of the laboratory";

/// Starts a call that runs until the shutter is closed.
fn running(lab: &Lab) -> Running {
    let child = lab
        .command(&["call", "laser.run"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    lab.begun.recv_timeout(lab::PATIENCE).unwrap();
    Running(child)
}

#[test]
fn a_server_that_is_not_there_is_waited_for_shortly() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let begun = Instant::now();
    let ended = Ended::of(
        ipc(&["-a", &address, "call", "laser.run"])
            .output()
            .unwrap(),
    );
    ended.fails(3, &["no connection to ", &address]);
    let took = begun.elapsed();
    assert!((4..20).contains(&took.as_secs()), "{took:?}");
    let list = Ended::of(ipc(&["-a", &address, "--json", "list"]).output().unwrap());
    let error: serde_json::Value = serde_json::from_str(&list.err).unwrap();
    assert_eq!(
        (list.code, &error["code"]),
        (Some(3), &serde_json::json!(3))
    );
}

#[test]
fn another_kind_of_server_is_recognised() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.read(&mut [0; 1000]);
        }
    });
    let ended = Ended::of(ipc(&["-a", &address, "list"]).output().unwrap());
    ended.fails(3, &["is not an instrument server"]);
}

#[test]
fn a_busy_server_is_told_with_place_and_holder() {
    let lab = Lab::new(server());
    let mut run = running(&lab);
    let at_once = lab.run(&["--wait", "0", "call", "laser.read_power", "2"]);
    at_once.fails(
        4,
        &[
            "place 1 of 1",
            "ipc call by ",
            "`laser_run` has run for",
            "--wait TIME",
        ],
    );
    let soon = lab.run(&["--wait", "300ms", "get", "laser.level"]);
    soon.fails(
        4,
        &["waiting: place 1 of 1,", "gave up after 0.", "--wait TIME"],
    );
    // What needs no place in the queue does not wait.
    for words in [
        &["list"][..],
        &["describe", "laser"],
        &["who"],
        &["info"],
        &["ping"],
    ] {
        let ended = lab.run(words);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    }
    lab.run(&["call", "laser.close"])
        .says("laser.close: done\n");
    assert!(run.0.wait().unwrap().success());
}

#[test]
fn a_call_waits_until_the_server_is_free() {
    let lab = Lab::new(server());
    let _run = running(&lab);
    let waits = lab.command(&["--json", "call", "laser.read_power", "2"]);
    let waits = { waits }
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("it waits", || lab.server.waiting() == 1);
    assert_eq!(lab.run(&["call", "laser.close"]).code, Some(0));
    let ended = Ended::of(waits.wait_with_output().unwrap());
    assert_eq!(ended.json()[0]["value"], 3.0);
    assert!(
        ended.err.starts_with("waiting: place 1 of 1, held for "),
        "{ended:?}"
    );
}

#[test]
fn a_busy_device_of_a_shared_server_is_waited_for() {
    let lab = Lab::new(server().shared());
    let _run = running(&lab);
    let ended = lab.run(&["--wait", "0", "call", "laser.shift", "2"]);
    ended.fails(4, &["place 1 at `laser`", "`laser_run` runs"]);
    assert_eq!(lab.run(&["call", "laser.close"]).code, Some(0));
    let level = lab.run(&["--json", "get", "laser.level"]);
    assert_eq!(level.json()[0]["value"], 1.5);
}

#[test]
fn secrets_come_from_files_and_the_environment() {
    let lab = Lab::new(Server::builder().bind("127.0.0.1:0").secret(SECRET));
    lab.run(&["list"]).fails(4, &["requires a secret"]);
    let with = |secret: &str, words: &[&str]| {
        Ended::of(
            lab.command(words)
                .env("IPC_SECRET", secret)
                .output()
                .unwrap(),
        )
    };
    let get = ["--json", "get", "laser.level"];
    with("another secret of others", &get[1..]).fails(4, &["secret"]);
    assert_eq!(with(SECRET, &get).json()[0]["value"], 1.5);
    with("", &get[1..]).fails(2, &["IPC_SECRET"]);
    let file = file("lab.secret", SECRET);
    let path = file.to_str().unwrap();
    let of_file = lab.run(&["--secret-file", path, "--json", "get", "laser.level"]);
    assert_eq!(of_file.json()[0]["value"], 1.5);
    lab.run(&["--secret-file", "/nowhere/s", "list"])
        .fails(2, &["/nowhere/s"]);
    lab.run(&["--ask-secret", "list"])
        .fails(2, &["standard input is none"]);
    lab.run(&["--ask-secret", "--secret-file", path, "list"])
        .fails(2, &["give one of them"]);
}

/// A file in a directory of this process.
fn file(name: &str, content: &str) -> std::path::PathBuf {
    let directory = std::env::temp_dir().join(format!("ipc-cli-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    path
}

#[test]
fn servers_have_names_in_a_file() {
    let lab = Lab::new(Server::builder().bind("127.0.0.1:0").secret(SECRET));
    file("named.secret", SECRET);
    let address = lab.address();
    let text = format!(
        "default = 'lab3'\n[hosts.lab3]\naddress = '{address}'\nsecret_file = 'named.secret'\n[hosts.far]\naddress = 'x'\n"
    );
    let hosts = file("hosts.toml", &text);
    let run = |hosts: &std::path::Path, words: &[&str]| {
        Ended::of(ipc(words).env("IPC_HOSTS", hosts).output().unwrap())
    };
    let get = ["--json", "get", "laser.level"];
    assert_eq!(run(&hosts, &get).json()[0]["value"], 1.5);
    assert_eq!(
        run(&hosts, &["-s", "lab3", "--json", "get", "laser.level"]).json()[0]["value"],
        1.5
    );
    run(&hosts, &["-s", "lab4", "list"]).fails(2, &["has no server `lab4`; it has `far`, `lab3`"]);
    run(&hosts, &["-s", "lab3", "-a", "x", "list"]).fails(2, &["-a and -s both"]);
    let misspelt = file("misspelt.toml", "[hosts.lab3]\nadress = 'x'\n");
    run(&misspelt, &["list"]).fails(2, &["misspelt.toml: ", "line 2", "`adress`"]);
    run(std::path::Path::new("/nowhere/hosts.toml"), &["list"])
        .fails(2, &["cannot read /nowhere/hosts.toml"]);
    Ended::of(ipc(&["list"]).output().unwrap())
        .fails(2, &["no server is named", "/nowhere/ipc/hosts.toml"]);
    // The environment counts more than the file, the command line more than both.
    let named = ipc(&["-s", "lab3", "--json", "get", "laser.level"])
        .env("IPC_HOSTS", &hosts)
        .env("IPC_ADDRESS", "nowhere.invalid")
        .output();
    assert_eq!(Ended::of(named.unwrap()).json()[0]["value"], 1.5);
    let address = ipc(&["list"])
        .env("IPC_HOSTS", &hosts)
        .env("IPC_ADDRESS", "bad address")
        .output();
    assert_eq!(Ended::of(address.unwrap()).code, Some(2));
}

#[test]
fn a_new_secret_is_for_its_owner_only() {
    let directory = file("empty", "").parent().unwrap().join("keygen");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("new.secret");
    let path = path.to_str().unwrap();
    assert_eq!(
        Ended::of(ipc(&["keygen", path]).output().unwrap()).code,
        Some(0)
    );
    let secret = std::fs::read_to_string(path).unwrap();
    assert_eq!(secret.trim_end().len(), 26);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    Ended::of(ipc(&["keygen", path]).output().unwrap()).fails(2, &["exists already"]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), secret);
    let (one, other) = (
        ipc(&["keygen"]).output().unwrap(),
        ipc(&["keygen"]).output().unwrap(),
    );
    assert_ne!(one.stdout, other.stdout);
}

#[test]
fn who_is_there_is_listed() {
    let lab = Lab::new(server());
    let client = Client::builder(lab.address())
        .name("sweep\u{1b}[2J")
        .connect()
        .unwrap();
    client.describe().unwrap();
    let who = lab.run(&["who"]);
    assert!(
        who.out.contains("sweep\u{fffd}[2J at 127.0.0.1:"),
        "{who:?}"
    );
    assert!(who.out.contains("laser: held by"), "{who:?}");
    let entries = lab.run(&["--json", "who"]).json();
    let kinds: Vec<_> = entries
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"client") && kinds.contains(&"device"),
        "{kinds:?}"
    );
    let id = entries.iter().find(|it| {
        it["client"]["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("sweep"))
    });
    let id = format!("#{}", id.unwrap()["client"]["id"]);
    let kicked = lab.run(&["kick", &id, "--why", "lunch"]);
    assert!(kicked.out.contains("has to leave"), "{kicked:?}");
    until("it has left", || lab.server.holder().is_none());
    lab.run(&["kick", &id, "--why", "lunch"])
        .fails(4, &["client"]);
    drop(client);
}

#[test]
fn a_server_of_another_version_is_told_from_one_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Its first bytes say version 2 of the protocol, and no more follows.
        stream.write_all(b"LIPC\x02\x00S\x00").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    });
    let ended = Ended::of(
        ipc(&["-a", &address, "get", "laser.level"])
            .output()
            .unwrap(),
    );
    ended.fails(4, &["version"]);
    server.join().unwrap();
}
