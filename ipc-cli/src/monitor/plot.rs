//! Readings as a live chart in the terminal.

mod chart;
mod curve;
mod view;

use std::io;
use std::time::{Duration, Instant};

use ipc_client::Schema;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};

use self::view::View;
use super::Display;
use super::event::Event;
use super::names::{Target, Targets};
use crate::failure::{ExitCode, Failure};

/// A chart that has the whole terminal, until it is dropped.
pub(super) struct Plot {
    terminal: DefaultTerminal,
    view: View,
    /// When it was drawn; `None` if something has changed since.
    drawn: Option<Instant>,
}

/// Refuses what is no number and cannot become one.
pub(super) fn check(targets: &Targets) -> Result<(), Failure> {
    if let [only] = targets.as_slice()
        && is_array(&only.schema)
    {
        return Ok(());
    }
    let (numbers, others): (Vec<_>, Vec<_>) =
        targets.iter().partition(|target| is_number(&target.schema));
    let Some(other) = others.first() else {
        return Ok(());
    };
    let hint = match (numbers.as_slice(), is_array(&other.schema)) {
        (_, true) => "an array is drawn alone, when no other name is given".into(),
        ([], false) => "leave --plot out for a table".into(),
        (numbers, false) => format!("the numbers among the names are {}", listed(numbers)),
    };
    Err(Failure::usage(format!(
        "--plot draws numbers, but `{}` is `{}`; {hint}",
        other.name, other.schema
    )))
}

fn listed(targets: &[&std::sync::Arc<Target>]) -> String {
    let names: Vec<_> = targets.iter().map(|it| it.name.as_str()).collect();
    names.join(", ")
}

fn is_number(schema: &Schema) -> bool {
    match schema {
        Schema::Unsigned(_) | Schema::Signed(_) | Schema::Float(_) => true,
        Schema::Option(inner) => is_number(inner),
        _ => false,
    }
}

/// Returns true for an array of one dimension.
fn is_array(schema: &Schema) -> bool {
    match schema {
        Schema::List(inner) | Schema::Array(inner, _) => is_number(inner),
        Schema::Option(inner) => is_array(inner),
        _ => false,
    }
}

impl Plot {
    /// Takes the terminal. A panic gives it back, too.
    pub(super) fn new(targets: &Targets) -> Result<Self, Failure> {
        let terminal = ratatui::try_init().map_err(failed)?;
        Ok(Self {
            terminal,
            view: View::new(targets),
            drawn: None,
        })
    }

    /// Reads what was typed. Returns false if the user wants to end.
    fn goes_on(&mut self) -> io::Result<bool> {
        while event::poll(Duration::ZERO)? {
            match event::read()? {
                TerminalEvent::Key(key) if is_end(&key) => return Ok(false),
                TerminalEvent::Resize(..) => self.drawn = None,
                _ => {}
            }
        }
        Ok(true)
    }
}

impl Display for Plot {
    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        self.view.event(event);
        self.drawn = None;
        Ok(())
    }

    fn tick(&mut self, connection: &str) -> Result<bool, Failure> {
        if !self.goes_on().map_err(failed)? {
            return Ok(false);
        }
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            let (view, now) = (&self.view, Instant::now());
            let drawn = self
                .terminal
                .draw(|frame| view.draw(frame, connection, now));
            drawn.map_err(failed)?;
            self.drawn = Some(now);
        }
        Ok(true)
    }
}

impl Drop for Plot {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Ctrl-C is a key like others while a chart has the terminal.
fn is_end(key: &KeyEvent) -> bool {
    let is_ctrl_c = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
    !key.is_release() && (is_ctrl_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
}

fn failed(error: io::Error) -> Failure {
    Failure::new(ExitCode::Driver, format!("cannot draw: {error}"))
}

/// Time between two drawings while nothing changes but the age.
const REDRAW: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ipc_client::MethodKind;

    use super::*;

    fn checked(schemas: &[(&str, Schema)]) -> Result<(), String> {
        let target = |(name, schema): &(&str, Schema)| {
            Arc::new(Target {
                name: name.to_string(),
                wire_name: name.to_string(),
                kind: MethodKind::Get,
                schema: schema.clone(),
                unit: None,
            })
        };
        let targets = schemas.iter().map(target).collect();
        match check(&targets) {
            Ok(()) => Ok(()),
            Err(Failure::Failed { text, .. }) => Err(text),
            Err(failure) => panic!("{failure:?}"),
        }
    }

    #[test]
    fn numbers_and_a_single_array_can_be_drawn() {
        let float = || Schema::Float(64);
        let list = |of| Schema::List(Box::new(of));
        let option = Schema::Option(Box::new(Schema::Signed(8)));
        assert_eq!(checked(&[("a", float()), ("b", option)]), Ok(()));
        assert_eq!(checked(&[("trace", list(float()))]), Ok(()));
        let two = Schema::Array(Box::new(list(float())), 2);
        for (names, texts) in [
            (
                vec![("title", Schema::String)],
                ["`title` is `String`", "leave --plot out"],
            ),
            (
                vec![("title", Schema::String), ("level", float())],
                ["`title`", "the numbers among the names are level"],
            ),
            (
                vec![("level", float()), ("trace", list(float()))],
                ["`trace`", "is drawn alone"],
            ),
            (vec![("image", two)], ["`image`", "leave --plot out"]),
        ] {
            let error = checked(&names).unwrap_err();
            for text in texts {
                assert!(error.contains(text), "{text}: {error}");
            }
        }
    }

    #[test]
    fn q_and_ctrl_c_end_it() {
        let key = |code, modifiers| is_end(&KeyEvent::new(code, modifiers));
        assert!(key(KeyCode::Char('q'), KeyModifiers::NONE));
        assert!(key(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(!key(KeyCode::Char('c'), KeyModifiers::NONE));
        assert!(!key(KeyCode::Enter, KeyModifiers::NONE));
    }
}
