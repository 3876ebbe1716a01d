//! What withdraws a claim, however the program leaves it.

use ipc_core::Caller;

/// A client that can have leases. Implemented by [`Client`](crate::Client) and [`AsyncClient`](crate::AsyncClient).
pub trait Lessee: Caller {
    /// Ends a claim, whatever has become of it, without waiting for the answer: at once if there is a connection, otherwise
    /// before the next call.
    #[doc(hidden)]
    fn withdraw(&self, claim: u128);
}

/// A claim that the server may know. Withdrawn when it is dropped.
pub(super) struct ClaimGuard<C: Lessee> {
    client: C,
    claim: Option<u128>,
}

impl<C: Lessee> ClaimGuard<C> {
    pub(super) fn new(client: C, claim: u128) -> Self {
        let claim = Some(claim);
        Self { client, claim }
    }

    pub(super) fn client(&self) -> &C {
        &self.client
    }

    /// Ends the claim, if the server may still have it.
    pub(super) fn withdraw(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.client.withdraw(claim);
        }
    }

    /// The server no longer has the claim of this client.
    pub(super) fn is_over(&mut self) {
        self.claim = None;
    }

    /// The client is about to claim under this number.
    pub(super) fn arm(&mut self, claim: u128) {
        self.claim = Some(claim);
    }
}

impl<C: Lessee> Drop for ClaimGuard<C> {
    fn drop(&mut self) {
        self.withdraw();
    }
}
