//! Snapshots of what is offered, and how they run calls.

use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::behind::Behind;
use super::recent;
use super::served::{ServedDevice, ServedFunction};
use super::uses;
use super::waiting::{pause, refused, still_wanted};
use crate::contain::contain;
use crate::interface::batch::{BATCH, RECENT};
use crate::interface::context::CallContext;
use crate::interface::describe::{Method, ServerDescription};
use crate::interface::gate::Entry;
use crate::interface::invocation::{Invocation, Source};
use crate::interface::job::{Job, Reply};
use crate::interface::{current, definitions, value};
use crate::wire::block::Probe;
use crate::wire::bulk::LongBlock;
use crate::wire::codec::{self, CodecError, DECODE_MEMORY};
use crate::wire::ctrl::Form;
use crate::wire::failure::{Failure, Fault, FaultKind, Refusal};

/// A snapshot of what is offered, by name.
///
/// It keeps no drivers alive: if a thread still has a snapshot from before a device was removed, or the server stopped,
/// calls through it are refused as unknown. Only a call that is inside a driver keeps its device until it returns.
#[derive(Clone)]
pub struct Offers {
    /// By names of our own choice, so that the hash need not resist an attacker.
    pub(super) targets: FxHashMap<String, Target>,
    description: ServerDescription,
    /// The description as it is sent, once a client has asked for it: packing thousands of methods takes milliseconds.
    packed: OnceLock<Bytes>,
    pub(super) decode_memory: usize,
    /// In the order of registration.
    pub(super) devices: Vec<Weak<ServedDevice>>,
    /// True if a function that does not declare what it uses counts as using all devices.
    pub(super) functions_use_all: bool,
}

#[derive(Clone)]
pub(super) struct Target {
    pub(super) owner: Owner,
    pub(super) method: Arc<Method>,
    pub(super) fingerprint: u64,
    /// True if it only reads, so that the leases of other clients let it in.
    pub(super) reads: bool,
    /// Finds the long lists in its arguments.
    pub(super) probe: Probe,
    pub(super) prefix: String,
}

#[derive(Clone)]
pub(super) enum Owner {
    Device {
        device: Weak<ServedDevice>,
        method: usize,
    },
    /// An urgent method of a device.
    Urgent {
        device: Weak<ServedDevice>,
        method: usize,
    },
    Function(Weak<ServedFunction>),
}

impl Offers {
    /// Returns the description of everything that can be called.
    pub fn description(&self) -> &ServerDescription {
        &self.description
    }

    /// Returns the description to be changed.
    pub(super) fn description_mut(&mut self) -> &mut ServerDescription {
        self.packed = OnceLock::new();
        &mut self.description
    }

    /// Returns true if there is a method of this name.
    pub fn has(&self, method: &str) -> bool {
        self.targets.contains_key(method)
    }

    /// Returns true if there is an urgent method of this name, which any client may call.
    pub fn is_urgent(&self, method: &str) -> bool {
        let target = self.targets.get(method);
        target.is_some_and(|target| matches!(target.owner, Owner::Urgent { .. }))
    }

    /// Returns how to find the long lists in the arguments of a method, if it has this fingerprint.
    pub fn probe_of(&self, method: &str, fingerprint: u64) -> Option<Probe> {
        let target = self.targets.get(method);
        let target = target.filter(|target| target.fingerprint == fingerprint);
        target.map(|target| target.probe)
    }

    /// Runs a call to its end. Blocks while other calls use the driver, and while the driver runs.
    ///
    /// # Errors
    ///
    /// The call was refused, or failed in the driver. A panic of the driver is a fault, and does not unwind further.
    pub fn run(&self, job: Job<'_>, context: &CallContext) -> Result<Reply, Box<Failure>> {
        let outcome = contain(|| match job.form {
            Form::Typed | Form::ByName => self.invoke(job, context).map_err(Box::new),
            Form::Describe | Form::Command => self.answer(job, context).map_err(Box::new),
        });
        outcome.unwrap_or_else(|message| {
            let kind = match current::has_unwound() {
                true => FaultKind::Error,
                false => FaultKind::Panic,
            };
            Err(Box::new(Fault::own(kind, message).into()))
        })
    }

    /// Runs what is no call of a single method.
    #[cold]
    fn answer(&self, job: Job<'_>, context: &CallContext) -> Result<Reply, Failure> {
        match job.form {
            Form::Describe => self.describe(job),
            _ if job.method == BATCH => self.batch(job, context),
            _ if job.method == RECENT => self.recent(job, context),
            _ => Err(Refusal::unknown_command(job.method).into()),
        }
    }

    fn describe(&self, job: Job<'_>) -> Result<Reply, Failure> {
        let unsendable = |error: CodecError| Fault::own(FaultKind::Unsendable, error.to_string());
        let packed = self.packed().map_err(unsendable)?;
        let (mut head, limit) = (job.reply, job.limit);
        codec::encode(&packed.len(), &mut head, limit).map_err(unsendable)?;
        if head.len().saturating_add(packed.len()) > limit {
            return Err(unsendable(CodecError::TooLarge { limit }).into());
        }
        let blocks = vec![LongBlock {
            at: head.len(),
            bytes: packed,
        }];
        Ok(Reply { head, blocks })
    }

    fn packed(&self) -> Result<Bytes, CodecError> {
        if let Some(packed) = self.packed.get() {
            return Ok(packed.clone());
        }
        let packed = Bytes::from(value::pack(&self.description)?);
        Ok(self.packed.get_or_init(|| packed).clone())
    }

    fn invoke(&self, job: Job<'_>, context: &CallContext) -> Result<Reply, Failure> {
        let name = job.method;
        let target = self.targets.get(name).ok_or_else(|| self.unknown(name))?;
        if job.form == Form::Typed && job.fingerprint != target.fingerprint {
            return Err(target.mismatch(name).into());
        }
        let source = Source {
            form: job.form,
            bytes: job.arguments,
            memory: self.decode_memory,
        };
        let arguments = source.arguments(name, job.blocks)?;
        let mut invocation = Invocation::new(
            &target.method,
            name,
            source,
            arguments,
            context,
            job.reply,
            job.limit,
        );
        invocation.check_shape()?;
        match &target.owner {
            Owner::Device { device, method } => {
                let device = device.upgrade().ok_or_else(|| self.unknown(name))?;
                let entry = target.entry(*method, context);
                let _inside = current::Inside::call(&entry);
                match device.uses.is_empty() {
                    true => self.run_method(&device, entry, &mut invocation)?,
                    false => self.run_method_reserved(&device, entry, &mut invocation)?,
                }
            }
            Owner::Urgent { device, method } => {
                self.run_urgent(device, *method, &mut invocation)?;
            }
            Owner::Function(function) => {
                let function = function.upgrade().ok_or_else(|| self.unknown(name))?;
                self.run_function(&function, target.entry(0, context), &mut invocation)?;
            }
        }
        Ok(invocation.into_reply())
    }

    /// Runs a method inside the gate of its device.
    #[inline(always)]
    fn run_method(
        &self,
        device: &ServedDevice,
        entry: Entry,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), Failure> {
        let (name, context) = (invocation.wire_name(), invocation.context());
        let behind = || Behind::Device(device);
        let mut waited = false;
        let entered = device.enter(entry, |place| {
            waited = true;
            pause(place, behind(), context)
        });
        let mut driver = entered.map_err(|blocked| refused(&blocked, name, behind(), context))?;
        still_wanted(waited, name, context)?;
        if device.is_removed() {
            return Err(self.unknown(name).into());
        }
        if driver.gate().is_first_use(&entry) {
            let known = current::ask_host(driver.gate(), &entry, context.host().as_ref(), name);
            known.map_err(|refusal| context.host().for_client(refusal))?;
        }
        match driver.gate().readings().are_used() {
            false => driver.dispatch(entry.method, invocation),
            true => recent::dispatch(&mut driver, &entry, invocation),
        }
    }

    /// Runs a method while the gates of its device, and of those that it uses, are reserved for the call.
    #[cold]
    fn run_method_reserved(
        &self,
        device: &ServedDevice,
        entry: Entry,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), Failure> {
        let (name, context) = (invocation.wire_name(), invocation.context());
        let used = self.used([device.name()]);
        let used = used.map_err(|device| uses::gone(name, &device))?;
        let _reserved = uses::reserve(&used, entry, name, context, &mut pause)?;
        self.run_method(device, entry, invocation)
    }

    /// Runs an urgent method, beside the gate. A removal does not wait for it: the device is not kept while it runs.
    #[cold]
    fn run_urgent(
        &self,
        device: &Weak<ServedDevice>,
        method: usize,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), Failure> {
        let (name, context) = (invocation.wire_name(), invocation.context());
        let urgent = device.upgrade().and_then(|device| device.urgent());
        let urgent = urgent.ok_or_else(|| self.unknown(name))?;
        let _forgets = ForgetsReadings(device);
        urgent.run(method, name, invocation, context)
    }

    /// Runs a function inside its gate, while those of the devices that it uses are reserved for the call.
    #[inline(never)]
    fn run_function(
        &self,
        function: &ServedFunction,
        entry: Entry,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), Failure> {
        let _inside = current::Inside::call(&entry);
        let (name, context) = (invocation.wire_name(), invocation.context());
        let used = self.used(self.used_by(function));
        let used = used.map_err(|device| uses::gone(name, &device))?;
        let _reserved = uses::reserve(&used, entry, name, context, &mut pause)?;
        let behind = || Behind::Function(function);
        let slot = &function.slot;
        let mut waited = false;
        let entered = slot.enter(entry, |place| {
            waited = true;
            pause(place, behind(), context)
        });
        let mut function = entered.map_err(|blocked| refused(&blocked, name, behind(), context))?;
        still_wanted(waited, name, context)?;
        function.run(invocation)
    }

    /// Returns the names of the devices that a function declares to use, or is taken to use.
    pub(super) fn used_by<'a>(&'a self, function: &'a ServedFunction) -> Vec<&'a str> {
        let all = || {
            self.description
                .devices
                .iter()
                .map(|device| device.name.as_str())
        };
        match &function.uses {
            Some(uses) => uses.iter().map(String::as_str).collect(),
            None if self.functions_use_all => all().collect(),
            None => Vec::new(),
        }
    }

    #[cold]
    pub(super) fn unknown(&self, name: &str) -> Refusal {
        Refusal::UnknownMethod {
            method: name.to_string(),
            similar: self.description.names_like(name),
            hint: String::new(),
        }
    }
}

/// Forgets the readings of a device when an urgent method ends, or panics.
struct ForgetsReadings<'a>(&'a Weak<ServedDevice>);

impl Drop for ForgetsReadings<'_> {
    fn drop(&mut self) {
        if let Some(device) = self.0.upgrade() {
            device.gate().readings().forget();
        }
    }
}

impl Default for Offers {
    fn default() -> Self {
        Self {
            targets: FxHashMap::default(),
            description: ServerDescription::default(),
            packed: OnceLock::new(),
            decode_memory: DECODE_MEMORY,
            devices: Vec::new(),
            functions_use_all: false,
        }
    }
}

impl std::fmt::Debug for Offers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offers")
            .field("names", &self.targets.len())
            .finish_non_exhaustive()
    }
}

impl Target {
    pub(super) fn entry(&self, method: usize, context: &CallContext) -> Entry {
        Entry {
            id: context.id(),
            method,
            party: context.party(),
            reads: self.reads,
        }
    }

    pub(super) fn mismatch(&self, name: &str) -> Refusal {
        // The client knows its own signature and fills it in.
        let (client, server) = (
            String::new(),
            definitions::full_signature(&self.method, &self.prefix),
        );
        Refusal::SignatureMismatch {
            method: name.into(),
            client,
            server,
        }
    }
}
