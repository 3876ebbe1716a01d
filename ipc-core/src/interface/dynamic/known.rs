//! What is known of a server from its description.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::find::{self, Found};
use super::{arguments, read, shape, write};
use crate::error::CallError;
use crate::interface::args::Args;
use crate::interface::describe::{Method, MethodKind, ServerDescription};
use crate::interface::schema::Schema;
use crate::interface::value::{Value, unpack_result};
use crate::wire::block::Payload;
use crate::wire::bulk;
use crate::wire::codec::CodecError;
use crate::wire::ctrl::Form;
use crate::wire::failure::Refusal;
use crate::wire::frame::CallFrame;

/// The description of a server, kept for all calls of a client. Clones share it.
#[derive(Clone, Default)]
pub struct Described(Arc<Mutex<Option<Arc<KnownServer>>>>);

impl Described {
    pub(super) fn get(&self) -> Option<Arc<KnownServer>> {
        self.lock().clone()
    }

    pub(super) fn set(&self, description: ServerDescription) -> Arc<KnownServer> {
        let known = Arc::new(KnownServer {
            description,
            methods: Mutex::default(),
        });
        *self.lock() = Some(Arc::clone(&known));
        known
    }

    /// Forgets `known`, unless there is a newer one.
    pub(super) fn forget(&self, known: &Arc<KnownServer>) {
        let mut current = self.lock();
        if current.as_ref().is_some_and(|it| Arc::ptr_eq(it, known)) {
            *current = None;
        }
    }

    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<KnownServer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_known = self.lock().is_some();
        f.debug_tuple("Described").field(&is_known).finish()
    }
}

/// A server, and those of its methods that have been called.
pub(super) struct KnownServer {
    pub(super) description: ServerDescription,
    methods: Mutex<HashMap<(String, MethodKind), Arc<DynamicMethod>>>,
}

impl KnownServer {
    /// The method of this kind that `path` names.
    pub(super) fn method(
        &self,
        path: &str,
        kind: MethodKind,
    ) -> Result<Arc<DynamicMethod>, Refusal> {
        let lock = || self.methods.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (path.to_string(), kind);
        if let Some(method) = lock().get(&key) {
            return Ok(Arc::clone(method));
        }
        let found = find::find(&self.description, path, kind)?;
        let method = Arc::new(DynamicMethod::new(&found));
        lock().insert(key, Arc::clone(&method));
        Ok(method)
    }
}

/// A method as its server describes it.
pub(crate) struct DynamicMethod {
    pub(crate) method: Method,
    pub(crate) prefix: String,
    /// The name on the wire.
    pub(crate) name: String,
    pub(crate) fingerprint: u64,
    /// True if its schemas say all about the bytes of its calls.
    pub(super) is_known: bool,
}

impl DynamicMethod {
    fn new(found: &Found<'_>) -> Self {
        let (method, prefix) = (found.method.clone(), found.prefix().to_string());
        Self {
            name: method.wire_name(&prefix),
            fingerprint: method.fingerprint(),
            is_known: shape::is_known(&method),
            method,
            prefix,
        }
    }

    /// Appends the arguments of a typed call to `frame`. Returns false if the call must go by name; what was appended is then
    /// of no use.
    pub(crate) fn encode(&self, args: &Args, frame: &mut CallFrame) -> Result<bool, CallError> {
        match self.is_known {
            true => arguments::encode(self, args, frame),
            false => arguments::check_all(self, args).map(|()| false),
        }
    }

    /// The same arguments, all of them by their names.
    pub(crate) fn by_names(&self, args: &Args) -> Args {
        let named = args.named.clone();
        let placed = self.method.arguments.iter().zip(&args.positional);
        let placed = placed.map(|(argument, value)| (argument.name.clone(), value.clone()));
        Args {
            positional: Vec::new(),
            named: named.into_iter().chain(placed).collect(),
        }
    }

    /// Reads a result in the form of its call.
    pub(crate) fn decode<T: DeserializeOwned + 'static>(
        &self,
        form: Form,
        payload: Payload,
        memory: usize,
    ) -> Result<T, CodecError> {
        let value = match form {
            Form::Typed => read::read_payload(&self.method.result, payload, memory)?,
            _ => {
                let bytes = payload.into_bytes();
                let value = unpack_result(&bytes, memory)?;
                self.shaped(value, bytes.len(), memory)
            }
        };
        // Most callers want the value itself.
        castaway::cast!(value, T).or_else(Value::into_typed)
    }

    /// A result that came as `size` bytes in self-describing form, as it would be by its schema: lists of numbers are arrays.
    fn shaped(&self, value: Value, size: usize, memory: usize) -> Value {
        // A field that is left out takes no bytes there, and some here.
        let limit = size.saturating_mul(8).saturating_add(SHORT);
        shaped(&value, &self.method.result, limit, memory).unwrap_or(value)
    }

    /// Returns true if arguments for one of the two mean the same for the other, by position and by name.
    pub(super) fn takes_the_same(&self, other: &Self) -> bool {
        let of = |method: &Self| {
            let arguments = method.method.arguments.iter();
            let names = arguments.map(|it| (it.name.clone(), it.unit.clone()));
            names.collect::<Vec<_>>()
        };
        of(self) == of(other)
    }

    /// The signature under the name on the wire.
    pub(super) fn signature(&self) -> String {
        self.method.signature(&self.prefix)
    }
}

/// A value as it would be if it had been read by this schema. `None` if it does not fit, if the schema does not say all, or if
/// it takes more than `limit` bytes.
pub(crate) fn shaped(value: &Value, schema: &Schema, limit: usize, memory: usize) -> Option<Value> {
    if !shape::is_described(schema, shape::Enclosing::NONE) {
        return None;
    }
    let (mut bytes, mut blocks) = (Vec::new(), Vec::new());
    write::write_within(value, schema, &mut bytes, &mut blocks, limit).ok()?;
    let payload = Payload::from(Bytes::from(bulk::joined(&bytes, &blocks)));
    read::read_payload(schema, payload, memory).ok()
}

/// Number of bytes that every value may take.
const SHORT: usize = 64 * 1024;
