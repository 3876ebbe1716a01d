//! `ipc monitor`: reads properties again and again, and shows them as a table, a chart or lines.
//!
//! One thread reads, the other one shows: values age on the screen while a call is under way.

mod csv;
mod event;
mod lines;
mod names;
#[cfg(feature = "plot")]
mod plot;
mod poll;
mod rows;
mod schedule;
mod screen;
mod stop;
mod table;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use ipc_client::{Client, ConnectionState};

use self::csv::Csv;
use self::event::Event;
use self::names::Targets;
use self::poll::Poller;
use self::stop::Stop;
use crate::arguments::MonitorOptions;
use crate::connect::Session;
use crate::failure::Failure;
use crate::output::Output;
use crate::{interrupt, progress};

/// Watches properties until Ctrl-C, or for as many readings as the user wants.
pub(crate) fn run(
    session: &Session,
    options: &MonitorOptions,
    output: Output,
) -> Result<(), Failure> {
    check(options, output)?;
    let targets = names::find(&session.description()?, &options.names)?;
    #[cfg(feature = "plot")]
    if options.plot {
        plot::check(&targets)?;
    }
    let csv = options.csv.as_deref();
    let csv = csv.map(|path| Csv::open(path, &targets)).transpose()?;
    session.enter()?;
    if options.plot {
        return plot(session, options, targets, csv);
    }
    match output.is_terminal() {
        true => progress::covered(|| {
            let table = table::Live::new(&targets);
            watch(session, options, targets, csv, table)
        }),
        false => watch(session, options, targets, csv, lines::Lines::new(output)),
    }
}

/// Something that shows what is read.
trait Display {
    fn event(&mut self, event: &Event) -> Result<(), Failure>;

    /// Called many times a second. Returns false if the user wants to end.
    fn tick(&mut self, connection: &str) -> Result<bool, Failure>;
}

/// Refuses options that cannot work, before anything is asked of a server.
fn check(options: &MonitorOptions, output: Output) -> Result<(), Failure> {
    if !(SHORTEST..=LONGEST).contains(&options.every) {
        return Err(Failure::usage(format!(
            "--every must be from 1ms to 1d, but is {:?}",
            options.every
        )));
    }
    match options.plot {
        true if cfg!(not(feature = "plot")) => Err(Failure::usage(
            "this program was built without charts; leave --plot out for a table, or build it with the feature `plot`",
        )),
        true if output.json => Err(Failure::usage(
            "--plot draws for people, --json writes for programs; give one of them",
        )),
        true if !output.is_terminal() => Err(Failure::usage(
            "--plot needs a terminal, and standard output is none; leave it out for plain lines",
        )),
        _ => Ok(()),
    }
}

#[cfg(feature = "plot")]
fn plot(
    session: &Session,
    options: &MonitorOptions,
    targets: Targets,
    csv: Option<Csv>,
) -> Result<(), Failure> {
    progress::covered(|| {
        let plot = plot::Plot::new(&targets)?;
        watch(session, options, targets, csv, plot)
    })
}

#[cfg(not(feature = "plot"))]
fn plot(_: &Session, _: &MonitorOptions, _: Targets, _: Option<Csv>) -> Result<(), Failure> {
    Ok(())
}

/// Reads on another thread, and shows here.
fn watch(
    session: &Session,
    options: &MonitorOptions,
    targets: Targets,
    csv: Option<Csv>,
    display: impl Display,
) -> Result<(), Failure> {
    let (sender, events) = channel();
    let stop = Stop::default();
    let poller = Poller::new(session, targets, options, &stop, sender);
    interrupt::stopping(stop.all(), || {
        thread::scope(|scope| {
            scope.spawn(|| poller.run());
            let shown = show(&session.client, &stop, &events, csv, display);
            stop.stop();
            shown
        })
    })
}

/// Shows what comes, until nothing comes any more or the user wants to end.
fn show(
    client: &Client,
    stop: &Stop,
    events: &Receiver<Event>,
    mut csv: Option<Csv>,
    mut display: impl Display,
) -> Result<(), Failure> {
    loop {
        let goes_on = display.tick(&connection(client))?;
        if stop.all().is_cancelled() || !goes_on {
            return Ok(());
        }
        let event = match events.recv_timeout(TICK) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => {
                return display.tick(&connection(client)).map(drop);
            }
        };
        if let Some(csv) = &mut csv {
            csv.event(&event)?;
        }
        display.event(&event)?;
    }
}

/// The state of the connection, with the reason if there is none.
fn connection(client: &Client) -> String {
    match (client.state(), client.connect_error()) {
        (ConnectionState::Disconnected, Some(error)) => format!("not connected: {error}"),
        (state, _) => state.to_string(),
    }
}

/// Time between two looks at the keyboard, the size of the terminal, and the state of the connection.
const TICK: Duration = Duration::from_millis(50);
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(86_400);
