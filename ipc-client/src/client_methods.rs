//! The methods that the handles of both clients have in common.

/// Writes the methods that set the options of calls, and those that report the state of the connection. `$client` has
/// `options` and a `watch()`.
macro_rules! client_methods {
    ($client:ident) => {
        impl $client {
            /// A handle whose calls take at most `timeout` each. By default, a call takes as long as it needs.
            ///
            /// The time covers everything: connecting, waiting in the queue, and the call itself. It starts with the
            /// call; for a future, when it is first polled. When it is over, the call ends with
            /// [`CallError::TimedOut`] or, if it was never sent, with [`CallError::NotSent`]; the driver is asked to
            /// stop, and a late answer is dropped. The connection stays open. A late answer still crosses the network, and
            /// the next call waits for that: over a slow one, 8 MB take their time. A call that is behind another call of this
            /// client waits up to 0.1 s longer, for the server to say whether it had begun.
            pub fn timeout(&self, timeout: Duration) -> Self {
                self.changed(|options| options.timeout = Some(timeout))
            }

            /// A handle whose calls must each end by `deadline`. If there is also a [`timeout`](Self::timeout), the
            /// earlier of the two applies.
            pub fn deadline(&self, deadline: Instant) -> Self {
                self.changed(|options| options.deadline = Some(deadline))
            }

            /// A handle whose calls end when `token` is cancelled, with [`CallError::Cancelled`] or
            /// `NotSent::Cancelled`: at once if they are futures, within about 50 ms if they block. The driver is asked
            /// to stop; the next call to the same device waits until it has returned.
            pub fn cancel_with(&self, token: &CancellationToken) -> Self {
                self.changed(|options| options.token = Some(token.clone()))
            }

            /// A handle whose calls report their progress to `callback`: a fraction from 0 to 1, and a message, if the
            /// driver reports any. All progress is delivered before the call returns; if more than 1000 steps arrive
            /// while the callback runs, the oldest are dropped. If the callback panics, the panic is logged as an error
            /// and the call goes on.
            ///
            /// The callback of a blocking client runs on the thread that makes the call, and can make calls itself. The
            /// callback of an async client runs on the task that serves the connection, and holds it up: it must not
            /// block, and has to spawn a task to make further calls.
            pub fn on_progress(
                &self,
                callback: impl Fn(f64, &str) + Send + Sync + 'static,
            ) -> Self {
                self.changed(|options| options.reporting.set_progress(callback))
            }

            /// A handle whose calls report to `callback` why they have not begun: which device each of them waits for, its
            /// place in line, and who uses the device. The server reports when that changes, and every 5 s.
            ///
            /// The callback runs like that of [`on_progress`](Self::on_progress).
            pub fn on_waiting(
                &self,
                callback: impl Fn(&WaitingStatus) + Send + Sync + 'static,
            ) -> Self {
                self.changed(|options| options.reporting.set_waiting(callback))
            }

            /// A handle whose calls may run more than once if the server is restarted in the meantime. Getters, and
            /// methods that the driver marks as idempotent, may do so anyway.
            pub fn idempotent(&self) -> Self {
                self.changed(|options| options.idempotent = true)
            }

            /// A handle whose readings may be up to `max_age` old: while another call runs in a device, a getter or a method
            /// that the driver marks with `read` returns the result of the last such call, instead of waiting. A device that
            /// is free is always read anew.
            ///
            /// For a program that watches a device in which others make long calls. The server remembers the results of
            /// those calls that such a handle has made before, with the same arguments, whoever makes them: a program that
            /// has just begun has to wait for its first reading, so give the handle a [`timeout`](Self::timeout) as well.
            /// A reading may be from before a change that another client has made since. It is never from before one that
            /// this client has made, nor from before a release hook, an urgent method or a use by the server's own code.
            ///
            /// A stuck device, a lease that refuses reads and an interruption refuse as usual. Other calls are made as if
            /// this was not set; so are readings of devices that use others, and calls by name other than of getters. The
            /// result of a method that depends on who calls it should not be read so.
            pub fn max_age(&self, max_age: Duration) -> Self {
                self.changed(|options| options.max_age = Some(max_age))
            }

            /// The state of the connection, as far as the client knows. Never blocks.
            pub fn state(&self) -> ConnectionState {
                self.watch().state()
            }

            /// Number of handovers so far: times that another client may have used the instruments between two
            /// connections of this client, or that the server was restarted. Never blocks.
            ///
            /// A script that relies on settings it made earlier can compare the count before and after a measurement. If
            /// it has risen, the settings may have changed. The count rises only during a call, when the client has
            /// connected again.
            pub fn handovers(&self) -> u64 {
                self.watch().handovers()
            }

            /// The commands of the server: who uses it, who has which device, and how to make them leave.
            ///
            /// They work while this client waits in the queue, and while a call of it runs: they have a connection of their
            /// own, which [`ServerCommands`] describes.
            pub fn server(&self) -> ServerCommands<Self> {
                ServerCommands::new(self.clone())
            }

            /// What the server offers, called by name with arguments and results that are known from its description:
            /// `client.dynamic().call("pump.read_voltage", args![20])`. The handle keeps to the options of this one.
            pub fn dynamic(&self) -> DynamicServer<Self> {
                DynamicServer::with_description(self, self.described.clone())
            }

            /// The device called `name`, whose methods are called by name:
            /// `client.device("pump").call("read_voltage", args![samples = 20])`. Nothing is sent before the first call.
            pub fn device(&self, name: impl Into<String>) -> DynamicDevice<Self> {
                self.dynamic().device(name)
            }

            /// Maximum memory for a decoded answer, as the builder has set it.
            pub(crate) fn decode_memory(&self) -> usize {
                self.options.decode_memory
            }

            /// A handle whose calls keep to the session of this client, even if an observer can make them.
            pub(crate) fn kept_to_session(&self) -> Self {
                self.changed(|options| options.keeps_to_session = true)
            }

            /// A handle whose calls end by `until` at the latest, whatever else limits them.
            pub(crate) fn until(&self, until: Option<Instant>) -> Self {
                self.changed(|options| {
                    options.deadline = options.deadline.into_iter().chain(until).min();
                })
            }

            /// How long a call that begins now may take.
            pub(crate) fn time_left(&self, now: Instant) -> Duration {
                self.options.time_left(now).unwrap_or(Duration::MAX)
            }

            fn changed(&self, change: impl FnOnce(&mut CallOptions)) -> Self {
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

pub(crate) use client_methods;
