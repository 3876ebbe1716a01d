//! An invocation on its way to the thread on which its driver must stay.

use std::sync::Arc;

use super::{Arguments, Invocation, Source};
use crate::interface::context::CallContext;
use crate::interface::current;
use crate::interface::describe::Method;
use crate::interface::job::Reply;
use crate::wire::block::ReadBlocks;
use crate::wire::ctrl::Form;
use crate::wire::failure::Failure;

/// An invocation that can be sent to another thread.
pub(in crate::interface) struct OwnedInvocation {
    method: Arc<Method>,
    wire_name: String,
    form: Form,
    arguments: Vec<u8>,
    blocks: ReadBlocks,
    memory: usize,
    context: CallContext,
    running: current::Running,
    reply: Vec<u8>,
    limit: usize,
}

impl Invocation<'_> {
    /// Everything that another thread needs to run the method. No argument has been taken yet.
    pub(in crate::interface) fn hand_over(&mut self) -> OwnedInvocation {
        let blocks = match &mut self.arguments {
            Arguments::Typed(reader) => reader.take_blocks(),
            Arguments::ByName(_) => ReadBlocks::default(),
        };
        OwnedInvocation {
            method: Arc::clone(self.method),
            wire_name: self.wire_name.to_string(),
            form: self.source.form,
            arguments: self.source.bytes.to_vec(),
            blocks,
            memory: self.source.memory,
            context: self.context.clone(),
            running: current::Running::call(self.context),
            reply: std::mem::take(&mut self.reply.head),
            limit: self.limit,
        }
    }

    /// Takes the result that another thread has written.
    pub(in crate::interface) fn take_back(&mut self, reply: Reply) {
        self.reply = reply;
    }
}

impl OwnedInvocation {
    /// Runs the method on the calling thread, as the call that it is.
    pub(in crate::interface) fn run(
        self,
        mut dispatch: impl FnMut(&mut Invocation<'_>) -> Result<(), Failure>,
    ) -> Result<Reply, Failure> {
        let context = &self.context;
        let source = Source {
            form: self.form,
            bytes: &self.arguments,
            memory: self.memory,
        };
        let mut invocation = Invocation::new(
            &self.method,
            &self.wire_name,
            source,
            source.arguments(&self.wire_name, self.blocks)?,
            context,
            self.reply,
            self.limit,
        );
        let mut ran = Ok(());
        self.running.run(&mut || ran = dispatch(&mut invocation));
        ran.map(|()| invocation.into_reply())
    }
}
