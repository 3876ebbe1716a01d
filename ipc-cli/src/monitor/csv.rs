//! Readings as rows of a table in a file.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::event::{Event, Outcome, utc};
use super::names::Targets;
use crate::failure::{ExitCode, Failure};
use crate::show;

/// A file to which a row is appended for each round of readings.
pub(super) struct Csv {
    path: PathBuf,
    file: File,
    /// The cells of the current round, without its time.
    cells: Vec<String>,
    /// True if something was read in the current round.
    has_value: bool,
}

impl Csv {
    /// Opens a table, which must have these columns if it exists.
    pub(super) fn open(path: &Path, targets: &Targets) -> Result<Self, Failure> {
        let names = targets.iter().map(|target| target.name.as_str());
        let header = row(["time"].into_iter().chain(names));
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path);
        let file = file.map_err(|error| cannot("open", path, &error))?;
        let mut csv = Self {
            path: path.into(),
            file,
            cells: vec![String::new(); targets.len()],
            has_value: false,
        };
        csv.begin(&header)?;
        Ok(csv)
    }

    /// Writes the header, unless there is one, and ends a row that was not written to its end.
    fn begin(&mut self, header: &str) -> Result<(), Failure> {
        let mut found = String::new();
        // No header is longer than the one that is expected, by much.
        let limit = header.len() as u64 + 1000;
        let read = BufReader::new((&self.file).take(limit)).read_line(&mut found);
        read.map_err(|error| cannot("read", &self.path, &error))?;
        if found.is_empty() {
            return self.write(&format!("{header}\n"));
        }
        if found.trim_end_matches(['\n', '\r']) != header {
            return Err(Failure::usage(format!(
                "{} is a table of other columns: it has `{}`, and this monitor writes `{header}`; give another file",
                self.path.display(),
                found.trim_end()
            )));
        }
        let last = self.file.seek(SeekFrom::End(-1));
        let mut byte = [0];
        let read = last.and_then(|_| self.file.read_exact(&mut byte));
        read.map_err(|error| cannot("read", &self.path, &error))?;
        match &byte {
            b"\n" => Ok(()),
            _ => self.write("\n"),
        }
    }

    pub(super) fn event(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::Reading(reading) => {
                if let Some(cell) = self.cells.get_mut(reading.index)
                    && let Outcome::Value(value) = &reading.outcome
                {
                    *cell = show::cell(value);
                    self.has_value = true;
                }
                Ok(())
            }
            Event::Round(time) => {
                let time = utc(*time);
                let cells = self.cells.iter().map(String::as_str);
                let row = row([time.as_str()].into_iter().chain(cells));
                self.cells.iter_mut().for_each(String::clear);
                match std::mem::take(&mut self.has_value) {
                    true => self.write(&format!("{row}\n")),
                    false => Ok(()),
                }
            }
            Event::Gap(_) => Ok(()),
        }
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.file.write_all(text.as_bytes());
        let written = written.and_then(|()| self.file.flush());
        written.map_err(|error| {
            let text = format!("cannot write {}: {error}", self.path.display());
            Failure::new(ExitCode::Driver, text)
        })
    }
}

fn row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<_> = cells.map(show::quoted).collect();
    cells.join(",")
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot {what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::time::Instant;

    use ipc_client::{MethodKind, Schema, Value};
    use jiff::Timestamp;

    use super::*;
    use crate::monitor::event::Reading;
    use crate::monitor::names::Target;

    fn targets(names: &[&str]) -> Targets {
        let target = |name: &&str| {
            Arc::new(Target {
                name: name.to_string(),
                wire_name: name.to_string(),
                kind: MethodKind::Get,
                schema: Schema::Float(64),
                unit: None,
            })
        };
        names.iter().map(target).collect()
    }

    /// A file in a directory of this process.
    fn file(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("ipc-monitor-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        let _ = fs::remove_file(&path);
        path
    }

    fn round(csv: &mut Csv, targets: &Targets, outcomes: Vec<Outcome>) {
        let time = Timestamp::UNIX_EPOCH;
        for (index, outcome) in outcomes.into_iter().enumerate() {
            csv.event(&Event::Reading(Reading {
                index,
                target: Arc::clone(&targets[index]),
                time,
                at: Instant::now(),
                outcome,
            }))
            .unwrap();
        }
        csv.event(&Event::Round(time)).unwrap();
    }

    fn error(result: Result<Csv, Failure>) -> String {
        match result {
            Err(Failure::Failed { code, text }) => {
                assert_eq!(code, ExitCode::Usage);
                text
            }
            _ => panic!("it was opened"),
        }
    }

    #[test]
    fn rows_are_appended_below_one_header() {
        let (path, targets) = (file("night.csv"), targets(&["pump.range", "pump.mode"]));
        let value = |value: Value| Outcome::Value(value);
        let mut csv = Csv::open(&path, &targets).unwrap();
        let mode = value("slow, \"cold\"".into());
        round(&mut csv, &targets, vec![value(0.5.into()), mode]);
        // It is in the file at once.
        let begin =
            "time,pump.range,pump.mode\n1970-01-01T00:00:00.000Z,0.5,\"slow, \"\"cold\"\"\"\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), begin);
        let failed = || Outcome::Failed("no".into());
        round(&mut csv, &targets, vec![failed(), failed()]);
        round(&mut csv, &targets, vec![failed(), value(2.into())]);
        drop(csv);
        let mut csv = Csv::open(&path, &targets).unwrap();
        round(
            &mut csv,
            &targets,
            vec![value(1e-9.into()), Outcome::Waits("1".into())],
        );
        let all = format!("{begin}1970-01-01T00:00:00.000Z,,2\n1970-01-01T00:00:00.000Z,1e-9,\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), all);
    }

    #[test]
    fn a_row_that_was_cut_off_is_ended() {
        let (path, targets) = (file("cut.csv"), targets(&["pump.range"]));
        fs::write(&path, "time,pump.range\r\n1970-01").unwrap();
        let mut csv = Csv::open(&path, &targets).unwrap();
        round(&mut csv, &targets, vec![Outcome::Value(1.5.into())]);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "time,pump.range\r\n1970-01\n1970-01-01T00:00:00.000Z,1.5\n"
        );
    }

    #[test]
    fn other_files_are_refused_and_kept() {
        let (path, targets) = (file("other.csv"), targets(&["pump.range"]));
        for content in [
            "time,pump.mode\n1,2\n",
            "\n",
            "\u{0}\u{1}",
            &"x".repeat(100_000),
        ] {
            fs::write(&path, content).unwrap();
            let text = error(Csv::open(&path, &targets));
            assert!(text.contains("`time,pump.range`"), "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        let text = error(Csv::open(&path, &targets));
        assert!(text.contains("other.csv") && text.len() < 2000, "{text}");
        let directory = path.parent().unwrap();
        assert!(error(Csv::open(directory, &targets)).contains("cannot open"));
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_refused() {
        let path = file("binary.csv");
        fs::write(&path, [0xff, 0xfe, b'\n']).unwrap();
        let text = error(Csv::open(&path, &targets(&["pump.range"])));
        assert!(text.contains("binary.csv"), "{text}");
    }
}
