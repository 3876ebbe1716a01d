//! What stands below the options in help texts: explanations and examples.

/// Of the program.
pub(super) const PROGRAM: &str = r#"Files:
  ~/.config/ipc/hosts.toml   servers by name (%APPDATA%\ipc\hosts.toml on Windows)
    default = "lab3"
    [hosts.lab3]
    address = "lab3.example.org:4440"
    secret_file = "lab3.secret"
    service = "optics"

Environment:
  IPC_ADDRESS   address of the server
  IPC_SERVICE   service of that server, if it names one
  IPC_SECRET    secret of the server
  IPC_HOSTS     path of another hosts.toml

Exit codes:
  0  done
  1  the driver failed
  2  the command line, a name or a value is wrong
  3  the server cannot be reached
  4  the server refused, or others use it
  5  timed out, cancelled, or outcome unknown

Examples:
  ipc -a lab-pc list
  ipc -s lab3 call pump.read_voltage 20
  ipc -s lab3 monitor pump.voltage --plot"#;

/// Of `ipc list`.
pub(super) const LIST: &str = r#"Examples:
  ipc list
  ipc list pump
  ipc --json list | jq -r .name"#;

/// Of `ipc describe`.
pub(super) const DESCRIBE: &str = r#"Examples:
  ipc describe
  ipc describe pump
  ipc describe pump.read_voltage"#;

/// Of `ipc call`.
pub(super) const CALL: &str = r#"Arguments are given by position or by name, with a unit or without: 20, 4.2nm,
gain=High, '{"x": 1}', @file.npy, @file.json, or - for standard input. Behind the
first argument, everything is an argument: options go before it. A property is
read without an argument, and set with one.

Examples:
  ipc call pump.read_voltage 20
  ipc call pump.read_voltage samples=20
  ipc call --npy trace.npy scope.acquire -0.5
  ipc --json call pump_read_voltage | jq .value"#;

/// Of `ipc get`.
pub(super) const GET: &str = r#"Examples:
  ipc get pump.range
  ipc --json get pump.range | jq .value"#;

/// Of `ipc set`.
pub(super) const SET: &str = r#"Examples:
  ipc set pump.range 20mV
  ipc set stage.position -1.5"#;

/// Of `ipc monitor`.
pub(super) const MONITOR: &str = r#"Reads until Ctrl-C, also after a restart of the server; times without a connection are
told when they are over. A value that cannot be read keeps its place and grows old. At
a server of one client at a time, others have to wait as long as the monitor reads.
A chart is of numbers, or of one array over its index; q ends it.

Examples:
  ipc monitor pump.voltage pump.range
  ipc monitor pump --every 2s --csv night.csv
  ipc monitor pump.voltage --plot
  ipc --json monitor pump.voltage | jq .value"#;

/// Of `ipc lease`.
pub(super) const LEASE: &str = r#"Without a command, the lease is held until Ctrl-C. With one, it is held while the
command runs: each `ipc` that the command starts joins this client by the variable
IPC_LANE, so that it has the devices. Other programs are other clients, which the
lease keeps out. Ctrl-C is then for the command.

Examples:
  ipc lease laser meter --for 10m --why alignment
  ipc lease laser --why "night run" -- ./scan.sh"#;

/// Of `ipc release`.
pub(super) const RELEASE: &str = r#"Ends leases that `ipc lease` of the same user on the same computer holds. For those
of others there is `ipc kick`.

Examples:
  ipc release laser"#;

/// Of `ipc kick`.
pub(super) const KICK: &str = r#"`ipc who` shows the numbers of clients. A call that runs may end first, for up to 10 s. At a server of
one client at a time, the end of the lease of any device disconnects that client.

Examples:
  ipc kick laser --why "beam needed" --notice 1m
  ipc kick '#12' --why "forgotten over lunch""#;

/// Of `ipc ping`.
pub(super) const PING: &str = r#"Examples:
  ipc ping
  ipc ping -n 100"#;

/// Of `ipc keygen`.
pub(super) const KEYGEN: &str = r#"Examples:
  ipc keygen lab3.secret
  ipc -a lab-pc --secret-file lab3.secret list"#;

/// Of `ipc completions`.
pub(super) const COMPLETIONS: &str = r#"Examples:
  ipc completions bash > ~/.local/share/bash-completion/completions/ipc
  ipc completions fish > ~/.config/fish/completions/ipc.fish"#;
