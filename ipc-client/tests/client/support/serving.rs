//! What the scripted server does with its connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use ipc_core::CallContext;
use ipc_core::interface::context::CallHost;
use ipc_core::interface::function::IntoFunction;
use ipc_core::interface::registry::Registry;
use ipc_core::native;
use ipc_core::session::arrival::Arrival;
use ipc_core::session::link::{Link, LinkError};
use ipc_core::session::server::{End, ServerSession};
use ipc_core::session::table::Greeted;
use ipc_core::wire::ctrl::{ByeReason, ConnectionRole, CtrlMsg, Form};
use ipc_core::wire::frame::ReplyFrame;
use ipc_core::wire::message::IncomingCall;
use ipc_core::wire::preamble::Role;

use super::{Admission, Cut, Shared, commands, fresh};

/// The functions that it offers.
pub(super) fn registry() -> Registry {
    let mut registry = Registry::new();
    for function in [
        (|n: u64| n).into_function("echo"),
        (|a: f64, b: f64| a / b).into_function("divide"),
        (|text: String| text).into_function("mirror"),
        (|name: String| -> Result<u32, String> { Err(format!("{name} is on fire")) })
            .into_function("fail"),
        (|| ()).into_function("gate"),
        (|| ()).into_function("gate_is_open"),
        (|| 0_u32).into_function("sweep_slowly"),
        (|| ()).into_function("until_cancelled"),
        (|steps: u32| steps).into_function("sweep"),
    ] {
        registry.add_function(function).unwrap();
    }
    registry
}

/// Accepts connections until the server is stopped.
pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.control.lock().unwrap().stopping {
            return;
        }
        let Ok(stream) = stream else { continue };
        stream.set_nodelay(true).unwrap();
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let id = fresh();
            let registered = (None, stream.try_clone().unwrap());
            shared
                .control
                .lock()
                .unwrap()
                .streams
                .insert(id, registered);
            let session = admit(&stream, &shared, id);
            if let Some(mut session) = session {
                serve(&stream, &shared, &mut session);
                let mut control = shared.control.lock().unwrap();
                match session.end() {
                    Some(End::Finished) => control.table.remove(session.key()),
                    _ => {
                        session.detach();
                    }
                }
                let end = session
                    .end()
                    .cloned()
                    .unwrap_or(End::Lost(LinkError::Silent));
                control.ended.push(end);
                control.table.park(session, Instant::now());
            }
            let _ = stream.shutdown(Shutdown::Both);
            shared.control.lock().unwrap().streams.remove(&id);
            shared.changed.notify_all();
        });
    }
}

fn admit(mut stream: &TcpStream, shared: &Shared, id: u64) -> Option<Box<ServerSession>> {
    let mut arrival = Arrival::new(Link::plain(Role::Server, 16 << 20));
    let mut buffer = [0; 4096];
    while arrival.hello().is_none() {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        arrival.handle_input(&buffer[..count]).ok()?;
    }
    let hello = arrival.hello()?.clone();
    let mut control = shared.control.lock().unwrap();
    control.hellos.push(hello.clone());
    shared.changed.notify_all();
    if control.refuses_observers && hello.role == ConnectionRole::Observer {
        arrival.refuse(ByeReason::Protocol, "role number 1 is not served");
        let _ = stream.write_all(arrival.transmit());
        return None;
    }
    loop {
        match control.admission.clone() {
            Admission::Open => break,
            Admission::Refuse(reason, message) => {
                arrival.refuse(reason, message);
                let _ = stream.write_all(arrival.transmit());
                return None;
            }
            Admission::Queue(status) => {
                arrival.tell_place(status);
                while !arrival.transmit().is_empty() {
                    let count = stream.write(arrival.transmit()).ok()?;
                    arrival.consume(count);
                }
                control = shared.changed.wait(control).unwrap();
                if control.stopping {
                    return None;
                }
            }
        }
    }
    // Closes an earlier connection of the same session, and waits for the session.
    while let Some(key) = hello.resume
        && control.fence(key)
    {
        control = shared.changed.wait(control).unwrap();
    }
    match control
        .table
        .greet(&hello, u128::from(fresh()), Instant::now())
    {
        Greeted::Session(mut session) => {
            let key = session.key();
            control.sessions.push(key);
            if control.last_session != Some(key) {
                control.epoch += 1;
                control.last_session = Some(key);
            }
            if let Some(entry) = control.streams.get_mut(&id) {
                entry.0 = Some(key);
            }
            session.attach(arrival.into_link(), &hello, control.epoch);
            Some(session)
        }
        Greeted::Out(_) | Greeted::Stale | Greeted::Full => None,
    }
}

fn serve(stream: &TcpStream, shared: &Shared, session: &mut ServerSession) {
    let mut buffer = vec![0; 64 * 1024];
    flush(stream, session);
    while session.end().is_none() {
        let count = stream.peek(&mut buffer).unwrap_or_default();
        if count > 0 && shared.take_cut(Cut::BeforeRunning) {
            return forget_call(stream, session);
        }
        read(stream, session, &mut buffer);
        while let Some((call, _)) = session.next_call(Instant::now()) {
            let cut = shared.take_cut(Cut::BeforeAnswering);
            let reply = run(stream, shared, session, &call);
            session.reply(call.number, reply);
            if cut {
                return forget_call(stream, session);
            }
            flush(stream, session);
        }
        flush(stream, session);
    }
}

fn forget_call(stream: &TcpStream, session: &mut ServerSession) {
    let _ = stream.shutdown(Shutdown::Both);
    session.handle_eof(Some("cut by the script".into()));
}

fn run(
    stream: &TcpStream,
    shared: &Shared,
    session: &mut ServerSession,
    call: &IncomingCall,
) -> ReplyFrame {
    let number = call.number;
    let log = |entry: &str| {
        shared.control.lock().unwrap().ledger.push(entry.into());
        shared.changed.notify_all();
    };
    match call.method() {
        "gate" | "sweep_slowly" => {
            log(&format!("{} entered", call.method()));
            let control = shared.control.lock().unwrap();
            let _open = shared
                .changed
                .wait_while(control, |c| !c.gate_open)
                .unwrap();
        }
        "until_cancelled" => {
            log("until_cancelled entered");
            let mut buffer = [0; 4096];
            while session.end().is_none() && !session.is_cancelled(number) {
                read(stream, session, &mut buffer);
            }
            log("cancelled");
        }
        "sweep" => {
            for step in 1..=4 {
                session.progress(number, f64::from(step) / 4.0, &format!("step {step}"));
            }
            flush(stream, session);
        }
        _ => {}
    }
    let refusal = match call.form {
        Form::Command => None,
        _ => shared.control.lock().unwrap().refusal.take(),
    };
    if let Some(refusal) = refusal {
        log("refused");
        return commands::frame(CtrlMsg::Error, &(number, refusal));
    }
    let context = CallContext::new(Arc::new(Host), number, "test".into(), None);
    let limit = session.reply_limit();
    let reply = match call.form {
        Form::Command => {
            let leases = &mut shared.control.lock().unwrap().leases;
            commands::run(leases, &shared.registry, &context, call)
        }
        _ => native::run(shared.registry.offers(), call, &context, limit),
    };
    log(call.method());
    reply
}

pub(super) fn read(mut stream: &TcpStream, session: &mut ServerSession, buffer: &mut [u8]) {
    match stream.read(buffer) {
        Ok(0) => session.handle_eof(None),
        Ok(count) => session.handle_input(&buffer[..count], Instant::now()),
        Err(error) => session.handle_eof(Some(error.to_string())),
    }
}

pub(super) fn flush(mut stream: &TcpStream, session: &mut ServerSession) {
    while !session.transmit().is_empty() {
        match stream.write(session.transmit()) {
            Ok(count) => session.consume(count),
            Err(error) => session.handle_eof(Some(error.to_string())),
        }
    }
}

/// A host for calls that use nothing of it.
pub(super) struct Host;

impl CallHost for Host {
    fn is_cancelled(&self, _call: u64) -> bool {
        false
    }

    fn progress(&self, _call: u64, _fraction: f64, _message: &str) {}

    fn block_on(&self, _future: std::pin::Pin<&mut dyn Future<Output = ()>>) {}
}
