//! `ipc lease`: keeps devices from others while a program runs, or until Ctrl-C.

use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CancellationToken, ClaimState, Lease, LeaseError};
use serde_json::json;

use crate::arguments::LeaseOptions;
use crate::commands::kick::check_device;
use crate::connect::{Session, busy};
use crate::failure::{self, Failure};
use crate::output::{Output, remark};
use crate::{interrupt, lane, progress};

/// Leases devices. Returns the exit code of the program that has run meanwhile.
pub(crate) fn run(
    session: &Session,
    options: LeaseOptions,
    output: Output,
) -> Result<ExitCode, Failure> {
    for device in &options.devices {
        check_device(session, device)?;
    }
    session.enter()?;
    let lease = acquire(session, &options)?;
    let devices = lease.devices().join(", ");
    if options.command.is_empty() {
        match output.json {
            true => output.json_line(&json!({ "leased": lease.devices() }))?,
            false => output.line(format!("leased {devices}; Ctrl-C ends the lease"))?,
        }
        until_interrupted(&lease, &options)?;
        release(lease);
        return Ok(failure::ExitCode::Done.into());
    }
    remark(format!("leased {devices}"));
    let status = run_command(session, &lease, &options.command)?;
    release(lease);
    Ok(code_of(status))
}

/// Asks for the lease, and waits for others that have the devices.
pub(crate) fn acquire(session: &Session, options: &LeaseOptions) -> Result<Lease, Failure> {
    let token = CancellationToken::new();
    let lease = session
        .client
        .cancel_with(&token)
        .lease(&options.devices)
        .because(&options.why)
        .wait(session.wait)
        .on_waiting(|state| progress::waits(&state.to_string()));
    let lease = match options.time {
        Some(time) => lease.for_at_most(time),
        None => lease,
    };
    let lease = interrupt::cancelling(&token, || lease.acquire());
    progress::clear();
    lease.map_err(|error| match error {
        LeaseError::Timeout { waited, state, .. } => busy(waited, &state.to_string()),
        error => error.into(),
    })
}

/// Holds the lease until Ctrl-C, or until its time is over.
fn until_interrupted(lease: &Lease, options: &LeaseOptions) -> Result<(), Failure> {
    let (token, begun) = (CancellationToken::new(), Instant::now());
    interrupt::cancelling(&token, || {
        while !interrupt::comes_within(LOOK, &token) {
            let is_over = options.time.is_some_and(|time| begun.elapsed() >= time);
            match lost(lease) {
                Some(_) if is_over => return Ok(()),
                Some(why) => return Err(Failure::new(failure::ExitCode::Refused, why)),
                None => {}
            }
        }
        Ok(())
    })
}

/// Why the lease is lost, if it is.
fn lost(lease: &Lease) -> Option<String> {
    match lease.state() {
        Ok(ClaimState::Held { .. }) => None,
        Ok(state) => Some(format!("the lease is lost: {state}")),
        Err(error) => Some(format!(
            "it is not known whether the lease is still held: {error}"
        )),
    }
}

/// Runs a program to its end. Ctrl-C is for the program.
fn run_command(
    session: &Session,
    lease: &Lease,
    command: &[String],
) -> Result<ExitStatus, Failure> {
    let [program, arguments @ ..] = command else {
        return Err(Failure::usage("there is no command behind `--`"));
    };
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(key) = session.client.session_key() {
        lane::pass_on(session, key, &mut command);
    }
    interrupt::ignoring(|| {
        let child = command.spawn();
        let child =
            child.map_err(|error| Failure::usage(format!("cannot run `{program}`: {error}")))?;
        wait(child, lease)
    })
}

/// Waits for the end of the program. Tells when the lease is lost meanwhile.
fn wait(mut child: Child, lease: &Lease) -> Result<ExitStatus, Failure> {
    let (mut looked, mut is_lost) = (Instant::now(), false);
    loop {
        let status = child.try_wait().map_err(|error| {
            let text = format!("cannot wait for the command: {error}");
            Failure::new(failure::ExitCode::Unknown, text)
        })?;
        if let Some(status) = status {
            return Ok(status);
        }
        thread::sleep(STEP);
        if !is_lost && looked.elapsed() >= LOOK {
            looked = Instant::now();
            if let Some(why) = lost(lease) {
                is_lost = true;
                remark(format!("warning: {why}; the command goes on without it"));
            }
        }
    }
}

fn release(lease: Lease) {
    if let Err(error) = lease.release() {
        remark(format!("the end of the lease was not confirmed: {error}"));
    }
}

/// The code with which a shell would tell how the program ended.
fn code_of(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX).into();
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.unwrap_or(u8::MAX).into()
}

/// How often the server is asked whether the lease is still held.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is looked whether the program has ended.
const STEP: Duration = Duration::from_millis(50);
