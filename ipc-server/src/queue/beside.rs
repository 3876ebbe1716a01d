//! Connections that do not queue: observers, and lanes of clients that hold the server.

use std::sync::Arc;

use ipc_core::wire::ctrl::{ByeReason, ConnectionRole, Hello};

use crate::handshake::pending::PendingConnection;
use crate::queue::arrivals::{NextHolder, Rejection, arrive, open_session};
use crate::queue::place::QueuePlace;
use crate::session::claim::SessionClaim;
use crate::state::{ActiveSession, Place, ServerState};

/// Admits an observer or a lane at once, or refuses it.
pub(crate) fn admit_beside(
    state: &Arc<ServerState>,
    connection: &PendingConnection,
    hello: &Hello,
    claim: Option<SessionClaim>,
) -> Result<NextHolder, Rejection> {
    let main = hello.of.and_then(|key| state.active_session(key));
    let is_lane = hello.role == ConnectionRole::Lane;
    let main = main.filter(|main| main.role == ConnectionRole::Control);
    if is_lane && main.is_none() {
        let message = "the client of this lane does not hold the server; the lane comes after it";
        return Err(Rejection::full(message));
    }
    let (id, activity) = arrive(state, connection, hello);
    let entered = state
        .admission()
        .enter_beside(id, Arc::clone(&activity), BESIDE);
    if entered.is_err() {
        let message = format!("there are {BESIDE} lanes and observers already; close some of them");
        return Err(Rejection::full(message));
    }
    let place: Arc<dyn Place> = Arc::new(QueuePlace::new(state, id));
    let mut places = vec![place];
    let party = main.as_ref().map(|main| Arc::clone(&main.party));
    if let Some(ActiveSession {
        place,
        activity: of,
        ..
    }) = main.filter(|_| is_lane)
    {
        let Some(place) = place.and_then(|place| place.upgrade()) else {
            let message = "the client of this lane is leaving".to_string();
            return Err(Rejection::Bye(ByeReason::Full, message));
        };
        of.add_lane(&activity);
        places.push(place);
    }
    let claim = match claim {
        Some(claim) => claim,
        None => open_session(state, hello)?,
    };
    Ok(NextHolder {
        places,
        activity,
        claim,
        party,
    })
}

/// Maximum number of lanes and observers at the same time. Each takes a thread.
const BESIDE: usize = 100;
