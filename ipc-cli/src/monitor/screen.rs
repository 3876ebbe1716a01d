//! Lines at the bottom of a terminal that are redrawn in place.

use std::io::{self, Write};

use crossterm::cursor::{MoveTo, MoveToPreviousLine};
use crossterm::terminal::{Clear, ClearType, DisableLineWrap, EnableLineWrap, size};
use crossterm::{QueueableCommand, cursor};
use ipc_core::wire::sanitize::fit_to_show;

use crate::failure::Failure;
use crate::output::written;

/// The lines that were drawn last.
#[derive(Default)]
pub(super) struct Screen {
    lines: u16,
    /// The size of the terminal when they were drawn.
    size: Option<(u16, u16)>,
}

impl Screen {
    /// The width and height of the terminal.
    pub(super) fn size() -> (u16, u16) {
        match size() {
            Ok((width, height)) if width > 0 && height > 0 => (width, height),
            _ => (80, 24),
        }
    }

    pub(super) fn is_resized(&self) -> bool {
        self.size.is_some_and(|drawn| drawn != Self::size())
    }

    /// Draws lines in the place of those that were drawn last. What does not fit is cut.
    pub(super) fn draw(&mut self, lines: &[String]) -> Result<(), Failure> {
        let size = Self::size();
        let mut out = Vec::new();
        let drawn = self.commands(lines, size, &mut out);
        self.size = Some(size);
        let mut stdout = io::stdout().lock();
        written(
            drawn
                .and_then(|()| stdout.write_all(&out))
                .and_then(|()| stdout.flush()),
        )
    }

    /// Appends what the terminal has to do to `out`, so that it is written at once and nothing flickers.
    fn commands(
        &mut self,
        lines: &[String],
        size: (u16, u16),
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        out.queue(DisableLineWrap)?;
        match (self.size, self.lines) {
            // Terminals break the old lines anew, so that nobody knows where they are.
            (Some(before), _) if before != size => {
                out.queue(Clear(ClearType::All))?.queue(MoveTo(0, 0))?;
            }
            (_, 0) => {}
            (_, count) => {
                out.queue(MoveToPreviousLine(count))?;
            }
        }
        self.lines = 0;
        for line in lines.iter().take(usize::from(size.1).saturating_sub(1)) {
            out.extend_from_slice(fit_to_show(line).as_bytes());
            out.queue(Clear(ClearType::UntilNewLine))?;
            out.extend_from_slice(b"\r\n");
            self.lines += 1;
        }
        out.queue(Clear(ClearType::FromCursorDown))?;
        out.queue(EnableLineWrap)?.queue(cursor::Show)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(screen: &mut Screen, lines: &[&str], size: (u16, u16)) -> String {
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        let mut out = Vec::new();
        screen.commands(&lines, size, &mut out).unwrap();
        screen.size = Some(size);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_drawn_over_the_last_ones() {
        let mut screen = Screen::default();
        let first = drawn(&mut screen, &["a", "b"], (80, 24));
        assert!(!first.contains("\u{1b}[2F"), "{first:?}");
        let second = drawn(&mut screen, &["c"], (80, 24));
        assert!(second.contains("\u{1b}[2Fc"), "{second:?}");
        let third = drawn(&mut screen, &["d"], (80, 24));
        assert!(third.contains("\u{1b}[1Fd"), "{third:?}");
        // After a change of the size, from the top.
        let fourth = drawn(&mut screen, &["e"], (40, 24));
        assert!(fourth.contains("\u{1b}[2J\u{1b}[1;1He"), "{fourth:?}");
    }

    #[test]
    fn lines_keep_to_the_height_and_are_not_obeyed() {
        let mut screen = Screen::default();
        let lines = vec!["\u{1b}[31m\n"; 100];
        let out = drawn(&mut screen, &lines, (80, 10));
        assert_eq!(out.matches("\r\n").count(), 9);
        assert!(!out.contains("\u{1b}[31m"), "{out:?}");
    }
}
