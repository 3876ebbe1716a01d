//! The second connection of an async client, for calls that wait neither for the server nor for other calls.

use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::task::{ClientTask, Command};
use crate::settings::ClientSettings;
use crate::watch::Watch;

/// The observer of a client, once it has had such a call.
#[derive(Clone)]
pub(super) struct ObserverSlot {
    runtime: Handle,
    observer: Arc<OnceLock<Arc<Observer>>>,
}

/// The task of an observer ends with the last of these, and with the futures of its calls.
pub(super) struct Observer {
    pub(super) commands: UnboundedSender<Command>,
    watch: Arc<Watch>,
}

impl ObserverSlot {
    pub(super) fn new(runtime: Handle) -> Self {
        let observer = Arc::default();
        Self { runtime, observer }
    }

    /// The observer of the client with these `settings` and this `watch`; `None` once the client is closed.
    pub(super) fn get_or_start(
        &self,
        settings: &ClientSettings,
        watch: &Watch,
    ) -> Option<Arc<Observer>> {
        let observer = self.observer.get_or_init(|| {
            let settings = settings.of_observer(watch.session());
            Arc::new(Observer::start(Arc::new(settings), &self.runtime))
        });
        // A client that is closed from now on finds it there.
        (!watch.is_closed()).then(|| Arc::clone(observer))
    }

    /// Ends the session of the observer, and returns when its goodbye has been sent.
    pub(super) async fn close(&self) {
        if let Some(observer) = self.observer.get() {
            close(&observer.commands).await;
        }
    }
}

impl Observer {
    fn start(settings: Arc<ClientSettings>, runtime: &Handle) -> Self {
        let (commands, receiver) = unbounded_channel();
        let watch = Arc::new(Watch::default());
        runtime.spawn(ClientTask::new(settings, Arc::clone(&watch), receiver).run());
        Self { commands, watch }
    }

    /// Returns true if the server does not serve observers.
    pub(super) fn is_unserved(&self) -> bool {
        self.watch.is_unserved()
    }
}

/// Ends the session of a task, and returns when its goodbye has been sent.
pub(super) async fn close(commands: &UnboundedSender<Command>) {
    let (done, closed) = oneshot::channel();
    if commands.send(Command::Close { done }).is_ok() {
        let _ = closed.await;
    }
}
