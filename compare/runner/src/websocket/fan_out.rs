//! What a delivery costs: a short message to everybody who listens.

use std::time::Duration;

use super::crowd::{Crowd, NEWS, Route};
use super::sheet::{Section, Sheet};
use super::{Plan, cpu_each};
use crate::server::Server;
use crate::{Error, client, machine};

/// Messages of a round, each published when everybody has the one before.
const PUBLISHED: usize = 10;

/// By now whoever has connected listens.
const SETTLE: Duration = Duration::from_millis(300);

/// How often it is looked whether a server has come to rest.
const LOOK: Duration = Duration::from_millis(15);

pub(super) const ROUTES: [(Route, &str); 2] =
    [(Route::Feed, "a delivery by WebSocket"), (Route::Events, "a delivery as an event")];

pub(super) fn measure(plan: &Plan, sheet: &mut Sheet) -> Result<(), Error> {
    for (route, title) in ROUTES {
        plan.rounds(title, |name| {
            let server = plan.cores.start(|| Server::start(name))?;
            let mut audience = Audience::gather(&server, route, plan.crowd)?;
            let mut publish = |times| audience.publish(times, || rest(&server));
            publish(1)?;
            let each = cpu_each(&server, PUBLISHED * plan.crowd, || publish(PUBLISHED))?;
            sheet.note(Section::Cpu, title, name, each);
            Ok(())
        })?;
    }
    Ok(())
}

/// Waits until the server has done what it has to do. A load that reads meanwhile is woken by the
/// server's writes, at the server's expense, and by those of one more often than by those of
/// another.
fn rest(server: &Server) -> Result<(), Error> {
    let (mut spent, mut still) = (Duration::ZERO, 0);
    while still < 2 {
        std::thread::sleep(LOOK);
        let now = machine::cpu(server.pid())?;
        still = if now == spent { still + 1 } else { 0 };
        spent = now;
    }
    Ok(())
}

/// Who listens, and who publishes.
pub(super) struct Audience {
    crowd: Crowd,
    publisher: client::Client,
}

impl Audience {
    pub(super) fn gather(server: &Server, route: Route, count: usize) -> Result<Audience, Error> {
        let mut crowd = Crowd::new(server.address(), route)?;
        crowd.join(count)?;
        std::thread::sleep(SETTLE);
        let publisher = client::connect(server.address(), 1)?.pop().ok_or("no publisher")?;
        Ok(Audience { crowd, publisher })
    }

    /// Publishes so often, waits, and then reads what everybody must have.
    pub(super) fn publish(
        &mut self,
        times: usize,
        mut wait: impl FnMut() -> Result<(), Error>,
    ) -> Result<(), Error> {
        for _ in 0..times {
            self.publisher.post("/publish", NEWS)?;
            wait()?;
            self.crowd.hear()?;
        }
        Ok(())
    }
}
