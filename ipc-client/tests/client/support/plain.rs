//! A server without a script.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use ipc_core::CallContext;
use ipc_core::interface::registry::Registry;
use ipc_core::native;
use ipc_core::session::arrival::Arrival;
use ipc_core::session::link::Link;
use ipc_core::session::server::ServerSession;
use ipc_core::wire::ctrl::SessionKey;
use ipc_core::wire::preamble::Role;

use super::fresh;
use super::serving::{Host, flush, read};

/// Serves each connection with a session of its own, for measurements.
pub(crate) fn serve_plainly(registry: fn() -> Registry) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve_one(&stream.unwrap(), &registry()));
        }
    });
    address
}

fn serve_one(mut stream: &TcpStream, registry: &Registry) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let mut arrival = Arrival::new(Link::plain(Role::Server, 16 << 20));
    while arrival.hello().is_none() {
        let count = stream.read(&mut buffer).unwrap();
        arrival.handle_input(&buffer[..count]).unwrap();
    }
    let hello = arrival.hello().unwrap().clone();
    let key = SessionKey {
        incarnation: 1,
        session: fresh().into(),
    };
    let mut session = ServerSession::new(key, Default::default());
    session.attach(arrival.into_link(), &hello, 1);
    let context = CallContext::new(Arc::new(Host), 0, "test".into(), None);
    while session.end().is_none() {
        flush(stream, &mut session);
        read(stream, &mut session, &mut buffer);
        while let Some((call, _)) = session.next_call(Instant::now()) {
            let limit = session.reply_limit();
            let reply = native::run(registry.offers(), &call, &context, limit);
            session.reply(call.number, reply);
        }
    }
}
