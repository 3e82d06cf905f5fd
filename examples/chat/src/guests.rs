//! Limits how many rooms one client can visit at the same time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trine::extract::Client;
use trine::prelude::*;

/// More windows than one person opens, and few enough that one client cannot use up the limit of
/// rooms or fill a room with names. Raise it if many people share an address, for example in a
/// school.
const AT_ONCE: usize = 20;

/// The number of open visits of each client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guests(Arc<Mutex<HashMap<Guest, usize>>>);

/// The IP address of a client, or for IPv6 the network that belongs to it alone. All clients
/// without an address count as one client.
type Guest = Option<IpAddr>;

/// The right to one visit. Dropping it allows the client another visit.
#[derive(Debug)]
pub(crate) struct Seat {
    guests: Guests,
    guest: Guest,
}

impl Guests {
    fn seat(&self, guest: Guest) -> Option<Seat> {
        let mut visits = self.visits();
        let paid = visits.entry(guest).or_default();
        if *paid >= AT_ONCE {
            return None;
        }
        *paid += 1;
        drop(visits);
        Some(Seat { guests: self.clone(), guest })
    }

    fn visits(&self) -> MutexGuard<'_, HashMap<Guest, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut visits = self.guests.visits();
        if let Some(paid) = visits.get_mut(&self.guest) {
            *paid -= 1;
            if *paid == 0 {
                visits.remove(&self.guest);
            }
        }
    }
}

impl FromRequest for Seat {
    type Reads = Head;

    fn needs(needs: &mut Needs) {
        needs.state::<Guests>();
    }

    async fn from_request(cx: &mut Cx) -> Result<Self, Rejection> {
        let guests = cx.state::<Guests>()?;
        let client = Client::from_request(cx).await?;
        guests.seat(client.address.map(network)).ok_or_else(|| {
            let detail = format!("you are in {AT_ONCE} rooms already: leave one of them");
            Problem::new(StatusCode::TOO_MANY_REQUESTS).detail(detail).into()
        })
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_seats_and_takes_none_of_another() {
        let guests = Guests::default();
        let guest = |address: &str| Some(network(address.parse().unwrap()));
        let mut seats: Vec<_> =
            (0..AT_ONCE).map(|at| guests.seat(guest(&format!("2001:db8::{at:x}")))).collect();
        assert!(seats.iter().all(Option::is_some));
        assert!(guests.seat(guest("2001:db8::ffff:1")).is_none(), "it is the same network");
        assert!(guests.seat(guest("2001:db8:0:1::1")).is_some());
        assert!(guests.seat(guest("192.0.2.1")).is_some() && guests.seat(None).is_some());
        seats.pop();
        assert!(guests.seat(guest("2001:db8::1")).is_some());
        drop(seats);
        assert!(guests.visits().is_empty(), "nothing is kept of who is gone");
    }
}
