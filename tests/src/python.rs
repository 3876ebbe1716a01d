//! Python with the packages that the programs in `interop` need.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Returns the interpreter of a virtual environment with the pinned packages, created once in `place`, which is the
/// `CARGO_TARGET_TMPDIR` of the test. `None` if it cannot be created here.
///
/// # Panics
///
/// If it cannot be created and `IPC_REQUIRE_INTEROP` is set in the environment.
#[allow(clippy::expect_used, reason = "a helper of tests")]
pub fn interpreter(place: &str) -> Option<&'static Path> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PYTHON.get_or_init(|| make_environment(Path::new(place))) {
        Ok(python) => Some(python),
        Err(reason) => {
            // Bypasses the capture of the test harness, so that it is visible although the test passes.
            let notice = format!("\n*** SKIPPED: interoperation with Python. {reason} ***\n\n");
            io::stderr()
                .write_all(notice.as_bytes())
                .expect("a standard error");
            let required = std::env::var_os("IPC_REQUIRE_INTEROP").is_some();
            assert!(!required, "interoperation is required: {reason}");
            None
        }
    }
}

/// Returns the command for a program of the directory `interop`, with its standard output piped.
pub fn program(python: &Path, name: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("interop")
        .join(name);
    let mut command = Command::new(python);
    command
        .arg(script)
        .env("PYTHONUTF8", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdout(Stdio::piped());
    command
}

fn make_environment(place: &Path) -> Result<PathBuf, String> {
    // Other test programs may create it at the same time; closing the file releases the lock.
    let lock = File::create(place.join("interop-venv.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let place = place.join("interop-venv");
    let python = place.join("bin/python");
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/requirements.txt");
    if !works(&python) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        let install = ["-m", "pip", "install", "--quiet"];
        run(Command::new(&python)
            .args(install)
            .args(["--disable-pip-version-check", "-r"])
            .arg(&requirements))?;
    }
    Ok(python)
}

fn works(python: &Path) -> bool {
    Command::new(python)
        .args(["-c", "import rbcl, cryptography, msgpack"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.lines().last().unwrap_or("no message").to_owned();
    Err(format!("{command:?} failed: {last}"))
}
