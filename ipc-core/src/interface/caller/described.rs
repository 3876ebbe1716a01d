//! Calls of methods that are known from the description of their server.

use std::sync::Arc;

use super::outgoing::{Callee, OutgoingCall, head};
use crate::error::CallError;
use crate::interface::args::Args;
use crate::interface::dynamic::DynamicMethod;
use crate::interface::value;
use crate::wire::codec::{self, MAX_VALUE};
use crate::wire::ctrl::{CtrlMsg, Form};

impl OutgoingCall {
    /// A call of a method as its server describes it: a typed one, if the description says all about its bytes.
    pub(crate) fn dynamic(method: &Arc<DynamicMethod>, args: &Args) -> Result<Self, CallError> {
        let begin = |ctrl, form, fingerprint| {
            let callee = Callee::Dynamic(Arc::clone(method));
            let head = head(ctrl, &method.name, fingerprint);
            let mut call = Self::begin(head, form, callee, method.method.idempotent);
            call.is_for_observers = method.method.urgent;
            call
        };
        let mut typed = begin(CtrlMsg::Call, Form::Typed, method.fingerprint);
        if method.encode(args, &mut typed.frame)? {
            return Ok(typed);
        }
        let mut by_name = begin(CtrlMsg::CallByName, Form::ByName, 0);
        // Nothing tells the server that the method may have changed: by their names, arguments never change places.
        let args = method.by_names(args);
        by_name.append(|frame| codec::encode(&value::pack(&args)?, frame, MAX_VALUE));
        Ok(by_name)
    }
}
