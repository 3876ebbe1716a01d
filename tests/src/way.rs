//! Runs tests both with a secret and without.

use std::time::Duration;

use ipc_client::{AsyncClient, AsyncClientBuilder, Client, ClientBuilder, Retry};
use ipc_server::{AccessLimits, Server, ServerBuilder, ServerHandle};

/// Whether the two ends encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Unencrypted.
    Plain,
    /// Under [`SECRET`].
    Secret,
}

/// The secret of all servers that have one, long enough to cause no warning.
pub const SECRET: &str = "canary-9f2b71 with enough letters";

impl Way {
    /// Builds a server on any free port. Unauthenticated connections get less time than usual, which keeps tests short.
    pub fn server(self) -> ServerBuilder {
        let mut limits = AccessLimits::default();
        limits.answer_after(Duration::from_millis(200));
        let server = Server::builder().port(0).access_limits(limits);
        match self {
            Way::Plain => server,
            Way::Secret => server.secret(SECRET),
        }
    }

    /// Builds a client of that server that gives up soon.
    pub fn client(self, server: &ServerHandle) -> ClientBuilder {
        self.client_at(&server.local_addr().to_string())
    }

    /// Builds a client of the server at `address`.
    pub fn client_at(self, address: &str) -> ClientBuilder {
        self.set_up(Client::builder(address))
    }

    /// Connects a client of that server that calls itself `name`.
    #[allow(clippy::missing_panics_doc, reason = "tests")]
    pub fn connect(self, server: &ServerHandle, name: &str) -> Client {
        let client = self.client(server).name(name).connect();
        client.expect("a client of the server")
    }

    /// An async client of that server, which gives up soon.
    pub fn async_client(self, server: &ServerHandle) -> AsyncClientBuilder {
        self.async_client_at(&server.local_addr().to_string())
    }

    /// An async client of the server at `address`.
    pub fn async_client_at(self, address: &str) -> AsyncClientBuilder {
        self.set_up(AsyncClient::builder(address))
    }

    fn set_up<C>(self, client: ClientBuilder<C>) -> ClientBuilder<C> {
        let client = client.retry(Retry::up_to(Duration::from_secs(10)));
        match self {
            Way::Plain => client,
            Way::Secret => client.secret(SECRET),
        }
    }
}

/// Runs an async test. The tasks of clients and servers have threads of their own, so the test may block.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}

/// Makes two tests of each async function that takes a [`Way`].
#[macro_export]
macro_rules! both_ways_async {
    ($($test:ident),* $(,)?) => {
        mod plain {
            $(#[test] fn $test() { $crate::way::run(super::$test($crate::Way::Plain)); })*
        }
        mod secret {
            $(#[test] fn $test() { $crate::way::run(super::$test($crate::Way::Secret)); })*
        }
    };
}

/// Makes two tests of each function that takes a [`Way`].
#[macro_export]
macro_rules! both_ways {
    ($($test:ident),* $(,)?) => {
        mod plain {
            $(#[test] fn $test() { super::$test($crate::Way::Plain); })*
        }
        mod secret {
            $(#[test] fn $test() { super::$test($crate::Way::Secret); })*
        }
    };
}
