//! The signals that stop a server: Ctrl-C, SIGTERM, a terminal that is closed; on Windows also the end of the session.

#[cfg(unix)]
pub(crate) use unix::Signals;
#[cfg(windows)]
pub(crate) use windows::Signals;

#[cfg(unix)]
mod unix {
    use std::future::poll_fn;
    use std::io;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Arc, OnceLock};
    use std::task::Poll;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Catches the signals, whose default is to end the process, until dropped.
    pub(crate) struct Signals(Vec<Signal>);

    impl Signals {
        pub(crate) fn install() -> io::Result<Self> {
            let dispositions = Dispositions::read();
            // `nohup`, and shells that start a program in the background, make it ignore some of them.
            let signals = [SIGINT, SIGTERM, SIGHUP]
                .into_iter()
                .filter(|signal| !dispositions.ignores(*signal));
            let signals: Vec<i32> = signals.collect();
            for signal in &signals {
                restore_later(*signal, &dispositions)?;
            }
            let streams = signals
                .into_iter()
                .map(|kind| signal(SignalKind::from_raw(kind)));
            let streams = streams.collect::<io::Result<_>>()?;
            RUNNING.fetch_add(1, Ordering::SeqCst);
            is_over().store(false, Ordering::SeqCst);
            Ok(Self(streams))
        }

        /// Waits for the next signal.
        pub(crate) async fn wait(&mut self) {
            poll_fn(|context| {
                let mut streams = self.0.iter_mut();
                match streams.any(|stream| stream.poll_recv(context).is_ready()) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
        }
    }

    impl Drop for Signals {
        fn drop(&mut self) {
            if RUNNING.fetch_sub(1, Ordering::SeqCst) == 1 {
                is_over().store(true, Ordering::SeqCst);
            }
        }
    }

    /// Number of servers in this process that wait for signals.
    static RUNNING: AtomicUsize = AtomicUsize::new(0);

    /// True while no server of this process waits for signals.
    fn is_over() -> &'static Arc<AtomicBool> {
        static OVER: OnceLock<Arc<AtomicBool>> = OnceLock::new();
        OVER.get_or_init(Arc::default)
    }

    /// Restores the default effect of a signal for the time after the server, as an installed handler cannot be removed.
    /// Signals that the program handles itself are left alone.
    fn restore_later(signal: i32, dispositions: &Dispositions) -> io::Result<()> {
        static DONE: [OnceLock<()>; 3] = [const { OnceLock::new() }; 3];
        let place = [SIGINT, SIGTERM, SIGHUP].iter().position(|s| *s == signal);
        let is_first = place
            .and_then(|place| DONE.get(place))
            .is_some_and(|done| done.set(()).is_ok());
        if is_first && !dispositions.handles(signal) {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(is_over()))?;
        }
        Ok(())
    }

    /// What the process did with signals before, if the system tells: bit sets, with bit 0 for signal 1.
    #[derive(Default)]
    struct Dispositions {
        ignored: u64,
        handled: u64,
    }

    impl Dispositions {
        fn read() -> Self {
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            let set = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
                    .unwrap_or_default()
            };
            Self {
                ignored: set("SigIgn:"),
                handled: set("SigCgt:"),
            }
        }

        fn ignores(&self, signal: i32) -> bool {
            has(self.ignored, signal)
        }

        fn handles(&self, signal: i32) -> bool {
            has(self.handled, signal)
        }
    }

    fn has(set: u64, signal: i32) -> bool {
        let bit = u32::try_from(signal - 1).ok();
        bit.and_then(|bit| set.checked_shr(bit))
            .is_some_and(|set| set & 1 == 1)
    }
}

#[cfg(windows)]
mod windows {
    use std::io;

    use tokio::signal::windows::{
        CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close,
        ctrl_logoff, ctrl_shutdown,
    };

    /// Catches the console events, whose default is to end the process, until dropped. After a closed window, a logoff or
    /// a shutdown, the system allows a few seconds.
    pub(crate) struct Signals {
        interrupt: CtrlC,
        interrupt_hard: CtrlBreak,
        close: CtrlClose,
        logoff: CtrlLogoff,
        shutdown: CtrlShutdown,
    }

    impl Signals {
        pub(crate) fn install() -> io::Result<Self> {
            Ok(Self {
                interrupt: ctrl_c()?,
                interrupt_hard: ctrl_break()?,
                close: ctrl_close()?,
                logoff: ctrl_logoff()?,
                shutdown: ctrl_shutdown()?,
            })
        }

        /// Waits for the next signal.
        pub(crate) async fn wait(&mut self) {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.interrupt_hard.recv() => {}
                _ = self.close.recv() => {}
                _ = self.logoff.recv() => {}
                _ = self.shutdown.recv() => {}
            }
        }
    }
}
