//! What a delivery costs: a short message to everybody who listens.

use std::time::Duration;

use super::crowd::{Crowd, NEWS, Route};
use super::sheet::{Section, Sheet};
use super::{Plan, cpu_each};
use crate::server::Server;
use crate::{Error, client};

/// Messages of a round, each published when everybody has the one before.
const PUBLISHED: usize = 10;

/// By now whoever has connected listens.
const SETTLE: Duration = Duration::from_millis(300);

pub(super) const ROUTES: [(Route, &str); 2] =
    [(Route::Feed, "a delivery by WebSocket"), (Route::Events, "a delivery as an event")];

pub(super) fn measure(plan: &Plan, sheet: &mut Sheet) -> Result<(), Error> {
    for (route, title) in ROUTES {
        plan.rounds(title, |name| {
            let server = plan.cores.start(|| Server::start(name))?;
            let mut audience = Audience::gather(&server, route, plan.crowd)?;
            audience.publish(1)?;
            let each = cpu_each(&server, PUBLISHED * plan.crowd, || audience.publish(PUBLISHED))?;
            sheet.note(Section::Cpu, title, name, each);
            Ok(())
        })?;
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

    /// Publishes so often, and waits until everybody has it.
    pub(super) fn publish(&mut self, times: usize) -> Result<(), Error> {
        for _ in 0..times {
            self.publisher.post("/publish", NEWS)?;
            self.crowd.hear()?;
        }
        Ok(())
    }
}
