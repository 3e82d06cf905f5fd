//! The cost of a delivery: a short message to every listening connection.

use std::time::Duration;

use super::crowd::{Crowd, NEWS, Route};
use super::sheet::{Section, Sheet};
use super::{Plan, cpu_each};
use crate::server::Server;
use crate::{Error, client, machine};

/// The number of messages in a round. Each is published after every connection has received the one
/// before.
const PUBLISHED: usize = 10;

/// After this time, every open connection listens.
const SETTLE: Duration = Duration::from_millis(300);

/// How often to check whether a server has come to rest.
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

/// Waits until the server has finished its work. If the load read during that time, the writes of
/// the server would also pay for waking the load up, and for some servers more often than for
/// others.
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

/// The listening connections, and the connection that publishes.
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

    /// Publishes this many messages. After each one it waits, and then reads it on every
    /// connection.
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
