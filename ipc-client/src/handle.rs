//! What the handles of both clients offer alike.

/// The methods that choose how calls are made, and those that look without calling. `$client` has `options` and a
/// `watch()`.
macro_rules! handle_methods {
    ($client:ident) => {
        impl $client {
            /// A handle whose calls take at most `timeout` each; the default is as long as it takes.
            ///
            /// The time covers everything: connecting, waiting for the turn of this client, and the call itself. It
            /// begins with the call; that of a future when it is polled for the first time. The connection outlives
            /// it, a late answer is dropped, and the driver is asked to stop at once. The error tells a call that was
            /// never sent from one that may still be running.
            pub fn timeout(&self, timeout: Duration) -> Self {
                self.with(|options| options.timeout = Some(timeout))
            }

            /// A handle whose calls take until `deadline` at most, each of them. Together with a
            /// [`timeout`](Self::timeout) the earlier end counts.
            pub fn deadline(&self, deadline: Instant) -> Self {
                self.with(|options| options.deadline = Some(deadline))
            }

            /// A handle whose calls end once `token` is cancelled, with [`CallError::Cancelled`] or
            /// `NotSent::Cancelled`: at once if they are futures, within about 50 ms if they block a thread. The
            /// driver is asked to stop; the next call waits until it does.
            pub fn cancel_with(&self, token: &CancelToken) -> Self {
                self.with(|options| options.token = Some(token.clone()))
            }

            /// A handle whose calls tell `callback` how far they are, from 0 to 1, and what is going on, if the driver
            /// says so. All of it is told before the call returns; of more than 1000 steps that come while the callback
            /// runs, the latest. If the callback panics, the panic is logged as an error and the call goes on.
            ///
            /// The callback of a blocking client runs on the thread that makes the call, and may make calls itself.
            /// That of an async client runs on the task that has the socket and holds it up: it must not block, and
            /// leaves further calls to tasks that it spawns.
            pub fn on_progress(
                &self,
                callback: impl Fn(f64, &str) + Send + Sync + 'static,
            ) -> Self {
                self.with(|options| {
                    options.progress = Some(Callback::new("`on_progress`", Arc::new(callback)));
                })
            }

            /// A handle whose calls may be run more than once if the server is restarted in between. Getters, and
            /// methods that the driver marks so, are anyway.
            pub fn idempotent(&self) -> Self {
                self.with(|options| options.idempotent = true)
            }

            /// How the client stands with its server, as far as it knows without looking. Never blocks.
            pub fn state(&self) -> ConnectionState {
                self.watch().state()
            }

            /// Counts how often somebody else may have used the instruments between two connections of this client,
            /// or the server was restarted. Never blocks.
            ///
            /// A script that relies on settings it made earlier compares the count after a measurement with the one
            /// before: if it rose, the settings may have changed, and the measurement is to be looked at or repeated.
            /// It rises only while a call is made, when the client has connected again.
            pub fn handovers(&self) -> u64 {
                self.watch().handovers()
            }

            fn with(&self, change: impl FnOnce(&mut CallOptions)) -> Self {
                let mut handle = self.clone();
                change(&mut handle.options);
                handle
            }
        }

        impl fmt::Debug for $client {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($client))
                    .field("state", &self.state())
                    .field("options", &self.options)
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use handle_methods;
