//! A server whose methods are called by name.

use std::fmt;
use std::sync::Arc;

use super::arguments;
use super::known::{Described, DynamicMethod, KnownServer};
use crate::error::CallError;
use crate::interface::args::Args;
use crate::interface::caller::{AsyncCaller, BlockingCaller, Caller, OutgoingCall};
use crate::interface::describe::{DeviceDescription, MethodKind, ServerDescription};
use crate::interface::value::Value;
use crate::wire::failure::Refusal;

/// A server whose methods are called by name, without the types of its drivers.
///
/// Methods are named as `device.method`, functions by their names. The names on the wire work as well
/// (`pump_read_voltage`). Methods of blocking callers have plain names, those for async callers end in `_async`.
///
/// The description of the server is asked for at the first call and kept. Arguments are checked against it before anything
/// is sent: names, types, values that are accepted, with defaults for those that are left out. Integers are taken for
/// floating-point numbers, and floating-point numbers without a fraction for integers.
///
/// If the method has changed at the server since, the server refuses the call before its driver is entered. The description
/// is then asked for once more, and the call is made again if its arguments mean the same: the method has arguments of the
/// same names and units in the same order. Otherwise the call is refused, and the next one goes by the new description.
///
/// The server notices changes of names, types and the order of arguments. It does not notice a change of a unit or a default
/// alone: after a device has been replaced at a running server by one with other units, call [`refresh`](Self::refresh). A
/// restart of the server is an interruption: the next call of a client is refused, unless the client resumes silently, and the
/// description is read again.
///
/// A call goes by name, in self-describing form, if a type of the method is known by its name only, or if an argument was left
/// out whose default is not a literal. Such a call gives all arguments by their names, so a new order of them does no harm.
pub struct DynamicServer<C> {
    caller: C,
    described: Described,
}

/// A device whose methods are called by name: a [`DynamicServer`] with the name of the device put before each name.
pub struct DynamicDevice<C> {
    server: DynamicServer<C>,
    name: String,
}

impl<C: Caller> DynamicServer<C> {
    /// Calls methods through `caller`, with a description of its own.
    pub fn new(caller: &C) -> Self {
        Self::with_description(caller, Described::default())
    }

    /// Calls methods through `caller`, with a description that others use as well.
    pub fn with_description(caller: &C, described: Described) -> Self {
        let caller = caller.clone();
        Self { caller, described }
    }

    /// The device called `name`. Nothing is sent, and whether there is one shows with the first call.
    pub fn device(&self, name: impl Into<String>) -> DynamicDevice<C> {
        DynamicDevice {
            server: self.clone(),
            name: name.into(),
        }
    }

    /// Keeps a description that was read in another way, such as beside the session of a client that waits in a queue.
    pub fn learn(&self, description: ServerDescription) {
        self.described.set(description);
    }

    /// The description, if it is known already. Never blocks.
    pub fn known_description(&self) -> Option<ServerDescription> {
        Some(self.described.get()?.description.clone())
    }

    /// Forgets the description, so that the next call asks for it.
    pub fn refresh(&self) {
        self.described.clear();
    }
}

impl<C: BlockingCaller> DynamicServer<C> {
    /// What the server offers: asked for once, then kept. Blocks if it has to ask.
    pub fn description(&self) -> Result<ServerDescription, CallError> {
        Ok(self.known()?.description.clone())
    }

    /// Calls a method or function, and blocks until it has ended.
    ///
    /// # Errors
    ///
    /// As for every call; [`Refused`](CallError::Refused) also for a name or arguments that do not fit, before anything is
    /// sent. The error names the method, the argument, what was expected and what was given.
    pub fn call(&self, path: &str, args: Args) -> Result<Value, CallError> {
        self.run(path, MethodKind::Call, &args)
    }

    /// Reads a property.
    pub fn get(&self, path: &str) -> Result<Value, CallError> {
        self.run(path, MethodKind::Get, &Args::new())
    }

    /// Sets a property.
    pub fn set(&self, path: &str, value: impl Into<Value>) -> Result<(), CallError> {
        let args = Args::new().with(value);
        self.run(path, MethodKind::Set, &args).map(drop)
    }

    fn known(&self) -> Result<Arc<KnownServer>, CallError> {
        match self.described.get() {
            Some(known) => Ok(known),
            None => {
                let description = C::wait(self.caller.call(OutgoingCall::describe()))?;
                Ok(self.described.set(description))
            }
        }
    }

    fn run(&self, path: &str, kind: MethodKind, args: &Args) -> Result<Value, CallError> {
        let mut attempt = Attempt::new(self.described.get());
        loop {
            let known = self.known()?;
            let call = match attempt.begin(&known, path, kind, args) {
                Ok(call) => call,
                Err(Again) => {
                    self.described.forget(&known);
                    continue;
                }
            };
            let result = match call {
                Ok(call) => C::wait(self.caller.call(call)),
                Err(error) => Err(error),
            };
            if let Ok(result) = attempt.ended(&self.described, &known, result) {
                return result;
            }
        }
    }
}

impl<C: AsyncCaller + Send + Sync> DynamicServer<C> {
    /// [`description`](Self::description) for async callers.
    pub async fn description_async(&self) -> Result<ServerDescription, CallError> {
        Ok(self.known_async().await?.description.clone())
    }

    /// [`call`](Self::call) for async callers.
    pub async fn call_async(&self, path: &str, args: Args) -> Result<Value, CallError> {
        self.run_async(path, MethodKind::Call, &args).await
    }

    /// [`get`](Self::get) for async callers.
    pub async fn get_async(&self, path: &str) -> Result<Value, CallError> {
        self.run_async(path, MethodKind::Get, &Args::new()).await
    }

    /// [`set`](Self::set) for async callers.
    pub async fn set_async(&self, path: &str, value: impl Into<Value>) -> Result<(), CallError> {
        let args = Args::new().with(value);
        self.run_async(path, MethodKind::Set, &args).await.map(drop)
    }

    async fn known_async(&self) -> Result<Arc<KnownServer>, CallError> {
        match self.described.get() {
            Some(known) => Ok(known),
            None => {
                let reply = C::wait(self.caller.call(OutgoingCall::describe()));
                Ok(self.described.set(reply.await?))
            }
        }
    }

    async fn run_async(
        &self,
        path: &str,
        kind: MethodKind,
        args: &Args,
    ) -> Result<Value, CallError> {
        let mut attempt = Attempt::new(self.described.get());
        loop {
            let known = self.known_async().await?;
            let call = match attempt.begin(&known, path, kind, args) {
                Ok(call) => call,
                Err(Again) => {
                    self.described.forget(&known);
                    continue;
                }
            };
            let result = match call {
                Ok(call) => {
                    let reply = C::wait(self.caller.call(call));
                    reply.await
                }
                Err(error) => Err(error),
            };
            if let Ok(result) = attempt.ended(&self.described, &known, result) {
                return result;
            }
        }
    }
}

/// One call, which is made with a description that was kept, and then perhaps with a new one.
struct Attempt {
    /// The description that was kept; `None` once it was asked for.
    kept: Option<Arc<KnownServer>>,
    /// The method as the description that was kept has it, if a call of it was refused.
    refused: Option<Arc<DynamicMethod>>,
    current: Option<Arc<DynamicMethod>>,
}

/// The description may be out of date: ask for it, and try again.
struct Again;

impl Attempt {
    fn new(kept: Option<Arc<KnownServer>>) -> Self {
        Self {
            kept,
            refused: None,
            current: None,
        }
    }

    /// The call, or why it is refused.
    fn begin(
        &mut self,
        known: &Arc<KnownServer>,
        path: &str,
        kind: MethodKind,
        args: &Args,
    ) -> Result<Result<OutgoingCall, CallError>, Again> {
        let method = known.method(path, kind);
        let begun = method.map_err(CallError::from).and_then(|method| {
            let call = OutgoingCall::dynamic(&method, args)?;
            Ok((method, call))
        });
        let (method, call) = match begun {
            Ok(begun) => begun,
            Err(error) if self.is_kept(known) => {
                drop(error);
                self.kept = None;
                return Err(Again);
            }
            Err(error) => return Ok(Err(printable(error))),
        };
        if let Some(old) = self.refused.take()
            && !old.takes_the_same(&method)
        {
            let problem = format!(
                "the server has changed it since its description was read, when it was `{}`",
                old.signature()
            );
            return Ok(Err(printable(arguments::bad_call(&method, problem))));
        }
        self.current = Some(method);
        Ok(Ok(call))
    }

    /// What the caller gets, unless the call was refused because the description was out of date.
    fn ended(
        &mut self,
        described: &Described,
        known: &Arc<KnownServer>,
        result: Result<Value, CallError>,
    ) -> Result<Result<Value, CallError>, Again> {
        match &result {
            Err(CallError::Refused(
                Refusal::SignatureMismatch { .. } | Refusal::UnknownMethod { .. },
            )) if self.is_kept(known) => {
                self.kept = None;
                self.refused = self.current.take();
                described.forget(known);
                Err(Again)
            }
            // The server is perhaps another one.
            Err(
                CallError::Refused(Refusal::Interrupted { .. }) | CallError::OutcomeUnknown { .. },
            ) => {
                described.forget(known);
                Ok(result)
            }
            _ => Ok(result),
        }
    }

    fn is_kept(&self, known: &Arc<KnownServer>) -> bool {
        self.kept
            .as_ref()
            .is_some_and(|kept| Arc::ptr_eq(kept, known))
    }
}

/// A refusal quotes the description, which can be hostile: without characters that a terminal would act on.
fn printable(error: CallError) -> CallError {
    match error {
        CallError::Refused(refusal) => CallError::Refused(refusal.into_printable()),
        error => error,
    }
}

impl<C: Caller> DynamicDevice<C> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn path(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }
}

impl<C: BlockingCaller> DynamicDevice<C> {
    /// Calls a method, like [`DynamicServer::call`].
    pub fn call(&self, method: &str, args: Args) -> Result<Value, CallError> {
        self.server.call(&self.path(method), args)
    }

    /// Reads a property.
    pub fn get(&self, property: &str) -> Result<Value, CallError> {
        self.server.get(&self.path(property))
    }

    /// Sets a property.
    pub fn set(&self, property: &str, value: impl Into<Value>) -> Result<(), CallError> {
        self.server.set(&self.path(property), value)
    }

    /// What the device offers; `None` if the server has no such device.
    pub fn description(&self) -> Result<Option<DeviceDescription>, CallError> {
        Ok(self.server.known()?.description.device(&self.name).cloned())
    }
}

impl<C: AsyncCaller + Send + Sync> DynamicDevice<C> {
    /// [`call`](Self::call) for async callers.
    pub async fn call_async(&self, method: &str, args: Args) -> Result<Value, CallError> {
        self.server.call_async(&self.path(method), args).await
    }

    /// [`get`](Self::get) for async callers.
    pub async fn get_async(&self, property: &str) -> Result<Value, CallError> {
        self.server.get_async(&self.path(property)).await
    }

    /// [`set`](Self::set) for async callers.
    pub async fn set_async(
        &self,
        property: &str,
        value: impl Into<Value>,
    ) -> Result<(), CallError> {
        self.server.set_async(&self.path(property), value).await
    }

    /// [`description`](Self::description) for async callers.
    pub async fn description_async(&self) -> Result<Option<DeviceDescription>, CallError> {
        let known = self.server.known_async().await?;
        Ok(known.description.device(&self.name).cloned())
    }
}

impl<C: Clone> Clone for DynamicServer<C> {
    fn clone(&self) -> Self {
        Self {
            caller: self.caller.clone(),
            described: self.described.clone(),
        }
    }
}

impl<C: Clone> Clone for DynamicDevice<C> {
    fn clone(&self) -> Self {
        Self {
            server: self.server.clone(),
            name: self.name.clone(),
        }
    }
}

impl<C> fmt::Debug for DynamicServer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicServer")
            .field("described", &self.described)
            .finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for DynamicDevice<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicDevice")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
