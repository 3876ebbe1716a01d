//! What then is.

use std::time::Duration;

use ipc_core::interface::commands::ClaimState;

use super::watch::Broken;
use super::world::{Call, Gate, Origin, Step, Wish, World};
use super::{DEVICES, SHORT, Search};

impl World {
    pub(super) fn take(&mut self, search: &Search, step: Step) {
        match step {
            Step::Claim(program) => self.claim(search, program),
            Step::Ask(program) => self.ask(search, program, program),
            Step::Release(program, claim) => self.release(search, program, claim),
            Step::Transfer(program, claim, to) => self.transfer(search, program, claim, to),
            Step::Call(program, device, claim) => self.call(program, device, claim),
            Step::Arrive(program) => self.arrive(search, program),
            Step::Enter(device) => self.enter(search, device),
            Step::Leave(device) => self.gates[device].inside = None,
            Step::RunHook(device) => self.run_hook(search, device),
            Step::Confirm(program) => self.confirm(program),
            Step::Lose(program) => self.lose(search, program),
            Step::Return(program) => self.come_back(search, program),
            Step::Stop(program) => {
                self.left.stops -= 1;
                self.programs[program].is_stopped = true;
            }
            Step::GoOn(program) => {
                self.programs[program].is_stopped = false;
                self.ask_for_all(search, program);
            }
            Step::Kick(device, at_once) => self.kick(search, device, at_once),
            Step::Pass(seconds) => self.pass(search, seconds),
            Step::Restart => self.restart(search),
            Step::GetStuck => self.break_promise(Broken::Stuck),
        }
    }

    fn claim(&mut self, search: &Search, program: usize) {
        let before = self.table.list(self.now);
        let party = self.programs[program].party;
        let request = search.request(program);
        let is_known = |device: &str| DEVICES.contains(&device);
        let state = self.table.claim(party, request, is_known, self.now);
        self.carry_out(search, &before);
        self.programs[program].wish = Wish::Asking;
        match state {
            Ok(state) => self.learn(search, program, program, &state),
            Err(_) => self.programs[program].wish = Wish::Over,
        }
    }

    fn ask(&mut self, search: &Search, program: usize, claim: usize) {
        let before = self.table.list(self.now);
        let party = self.programs[program].party;
        let state = self.table.asked(party, claim as u128, self.now);
        self.carry_out(search, &before);
        self.learn(search, program, claim, &state);
    }

    /// A program asks for all that it waits for, or believes to hold.
    fn ask_for_all(&mut self, search: &Search, program: usize) {
        let it = self.programs[program];
        for claim in 0..3 {
            let waits = claim == program && it.wish == Wish::Asking;
            if it.is_connected && (waits || it.holds[claim]) {
                self.ask(search, program, claim);
            }
        }
    }

    /// A program learns the state of a claim, if it is connected.
    fn learn(&mut self, search: &Search, program: usize, claim: usize, state: &ClaimState) {
        let it = &mut self.programs[program];
        if !it.is_connected || matches!(state, ClaimState::Waiting { .. }) {
            return;
        }
        it.holds[claim] = matches!(state, ClaimState::Held { .. });
        if !it.holds[claim] {
            for device in search.claims[claim] {
                it.was_told[*device] |= self.table.fence(it.party, DEVICES[*device]).is_some();
            }
        }
        if claim == program {
            it.wish = Wish::Over;
        }
    }

    fn release(&mut self, search: &Search, program: usize, claim: usize) {
        self.programs[program].holds[claim] = false;
        let party = self.programs[program].party;
        self.table.release(party, claim as u128, self.now);
        self.carry_out(search, &[]);
    }

    fn transfer(&mut self, search: &Search, program: usize, claim: usize, to: usize) {
        self.left.transfers -= 1;
        let before = self.table.list(self.now);
        let [party, other] = [program, to].map(|it| self.programs[it].party);
        let transferred = self.table.transfer(party, claim as u128, other, self.now);
        self.carry_out(search, &before);
        match transferred {
            Ok(_) => {
                self.programs[program].holds[claim] = false;
                self.programs[to].holds[claim] = true;
            }
            // Its next question tells it.
            Err(_) => self.ask(search, program, claim),
        }
    }

    fn call(&mut self, program: usize, device: usize, claim: Option<usize>) {
        self.left.calls -= 1;
        let party = self.programs[program].party;
        let origin = Origin { party, claim };
        self.flying.push(Call { origin, device });
    }

    /// The server learns that a program knows of its loss: all that it called before has come to an end.
    fn confirm(&mut self, program: usize) {
        let it = &mut self.programs[program];
        it.is_free = true;
        for (device, was_told) in DEVICES.iter().zip(&mut it.was_told) {
            if std::mem::take(was_told) {
                self.table.was_fenced(it.party, device);
            }
        }
    }

    fn lose(&mut self, search: &Search, program: usize) {
        self.left.drops -= 1;
        self.programs[program].is_connected = false;
        let party = self.programs[program].party;
        self.table.party_lost(party, self.now);
        self.carry_out(search, &[]);
    }

    fn come_back(&mut self, search: &Search, program: usize) {
        self.programs[program].is_connected = true;
        self.programs[program].has_session = true;
        let party = self.programs[program].party;
        self.table.party_back(party, self.now);
        self.carry_out(search, &[]);
        self.ask_for_all(search, program);
    }

    fn kick(&mut self, search: &Search, device: usize, at_once: bool) {
        self.left.kicks -= 1;
        let notice = match at_once {
            true => Duration::ZERO,
            false => Duration::from_millis(SHORT),
        };
        self.table
            .kick(DEVICES[device], "ann", "maintenance", notice, self.now);
        self.carry_out(search, &[]);
    }

    /// Time passes, in which all who wait go on asking.
    fn pass(&mut self, search: &Search, seconds: u64) {
        self.left.passes -= 1;
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            for program in 0..3 {
                let it = self.programs[program];
                if it.is_connected && !it.is_stopped && it.wish == Wish::Asking {
                    self.ask(search, program, program);
                }
            }
            let inside = self.gates.clone().map(|gate| gate.inside);
            self.table.look(self.now, |party| {
                let mut inside = inside.iter().flatten();
                inside.any(|call| call.origin.party == party)
            });
            self.carry_out(search, &[]);
        }
    }

    /// The programs find another server, and come back to it one after the other.
    fn restart(&mut self, search: &Search) {
        self.left.restarts -= 1;
        let saved = self.table.saved(self.now);
        self.table = search.new_table();
        self.gates = [Gate::default(), Gate::default()];
        self.flying.clear();
        self.watch.forget_server();
        for (at, program) in self.programs.iter_mut().enumerate() {
            if program.holds[at] || program.wish == Wish::Asking {
                program.wish = Wish::NotAsked;
            }
            program.party += 3;
            program.is_connected = false;
            program.has_session = false;
            program.holds = [false; 3];
            program.was_told = [false; 2];
        }
        let is_known = |device: &str| DEVICES.contains(&device);
        self.table.restore(saved, is_known, self.now);
        self.carry_out(search, &[]);
    }
}
