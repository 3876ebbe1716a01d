//! The instrument itself: light, photodiode, shunt resistor, converter, and the commands. No line, no clock.

use super::SimulatorOptions;
use super::random::Random;

/// A power meter that takes commands and returns answers.
#[derive(Debug)]
pub(super) struct Instrument {
    identity: String,
    range: usize,
    light_w: f64,
    noise_v: f64,
    drift_step: f64,
    drift: f64,
    random: Random,
    counters: [u64; COMMANDS.len() + 1],
}

impl Instrument {
    pub(super) fn new(options: &SimulatorOptions) -> Self {
        Self {
            identity: options.identity.clone(),
            range: POWER_ON_RANGE,
            light_w: options.light_w,
            noise_v: options.noise_v,
            drift_step: options.drift,
            drift: 0.0,
            random: Random::new(options.seed),
            counters: [0; COMMANDS.len() + 1],
        }
    }

    pub(super) fn power_on(&mut self) {
        self.range = POWER_ON_RANGE;
    }

    pub(super) fn set_light_w(&mut self, light_w: f64) {
        self.light_w = light_w;
    }

    pub(super) fn commands(&self, verb: &str) -> u64 {
        let counter = match verb {
            "ERR" => Some(COMMANDS.len()),
            known => COMMANDS.iter().position(|command| *command == known),
        };
        counter
            .and_then(|at| self.counters.get(at))
            .copied()
            .unwrap_or(0)
    }

    pub(super) fn count(&mut self, line: &str) {
        let verb = verb(line);
        let known = COMMANDS.iter().position(|command| *command == verb);
        if let Some(counter) = self.counters.get_mut(known.unwrap_or(COMMANDS.len())) {
            *counter += 1;
        }
    }

    /// Executes the command and returns the answer, if the command has one.
    pub(super) fn execute(&mut self, line: &str) -> Option<String> {
        let argument = line.strip_prefix(verb(line)).unwrap_or_default().trim();
        match (verb(line), argument) {
            ("*IDN?", "") => Some(self.identity.clone()),
            ("*RST", "") => {
                self.power_on();
                None
            }
            ("RANGE?", "") => Some(self.range.to_string()),
            ("RANGE", range) => match range.parse() {
                Ok(range) if (1..=SHUNTS_OHM.len()).contains(&range) => {
                    self.range = range;
                    None
                }
                _ => Some("ERR range is 1 to 5".into()),
            },
            ("VOLT?", "") => Some(format!("{:.6}", volts(self.photodiode()))),
            ("RAW?", "") => Some(self.photodiode().to_string()),
            ("ALLIN?", "") => Some(self.all_inputs()),
            _ => Some("ERR unknown command".into()),
        }
    }

    /// The photodiode voltage as the converter sees it: with noise, in steps, and no more than full scale.
    fn photodiode(&mut self) -> u16 {
        let step = self.drift_step * self.random.gauss();
        self.drift = (self.drift + step).clamp(-MAX_DRIFT, MAX_DRIFT);
        let current_a = self.light_w * (1.0 + self.drift) * RESPONSIVITY_A_PER_W;
        let shunt_ohm = SHUNTS_OHM.get(self.range - 1).copied().unwrap_or(0.0);
        self.convert(current_a * shunt_ohm)
    }

    fn convert(&mut self, input_v: f64) -> u16 {
        let noisy_v = input_v + self.noise_v * self.random.gauss();
        // The cast saturates, which is what the converter does.
        (noisy_v / FULL_SCALE_V * f64::from(u16::MAX)).round() as u16
    }

    fn all_inputs(&mut self) -> String {
        let photodiode = self.photodiode();
        let mut answer = format!("{:.6}", volts(photodiode));
        for input_v in OTHER_INPUTS_V {
            let counts = self.convert(input_v);
            answer.push_str(&format!(",{:.6}", volts(counts)));
        }
        let temperature_c = ROOM_TEMPERATURE_C + 0.05 * self.random.gauss();
        answer.push_str(&format!(",{temperature_c:.2}"));
        answer
    }
}

fn verb(line: &str) -> &str {
    line.split_ascii_whitespace().next().unwrap_or_default()
}

fn volts(counts: u16) -> f64 {
    f64::from(counts) / f64::from(u16::MAX) * FULL_SCALE_V
}

const COMMANDS: [&str; 7] = [
    "*IDN?", "*RST", "RANGE?", "RANGE", "VOLT?", "RAW?", "ALLIN?",
];
const POWER_ON_RANGE: usize = 1;
const RESPONSIVITY_A_PER_W: f64 = 0.5;
const SHUNTS_OHM: [f64; 5] = [1e6, 1e5, 1e4, 1e3, 1e2];
const FULL_SCALE_V: f64 = 2.5;
const MAX_DRIFT: f64 = 0.1;
const OTHER_INPUTS_V: [f64; 7] = [0.1, 0.2, 0.5, 1.0, 1.2, 1.8, 2.0];
const ROOM_TEMPERATURE_C: f64 = 23.5;
