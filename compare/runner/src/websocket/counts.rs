//! Instructions in user space, which other programs on the machine do not affect.

use std::time::Instant;

use super::connections::HANDSHAKE;
use super::crowd::{Crowd, Route};
use super::fan_out::{Audience, ROUTES};
use super::sheet::{Section, Sheet};
use super::{Plan, SERVERS, at, echo, messages};
use crate::callgrind::{self, Callgrind};
use crate::server::Program;
use crate::{Error, profile};

/// Disables `rep stosb` and `rep movsb`, because callgrind counts each of their bytes as an
/// instruction.
const LARGE_BLOCKS: &str =
    "glibc.cpu.x86_rep_stosb_threshold=100000000:glibc.cpu.x86_rep_movsb_threshold=100000000";

/// The number of connections that send messages in step.
pub(super) const TALKING: usize = 16;

/// The number of echoed messages, a multiple of [`TALKING`]. A fifth of that number warms up the
/// server.
pub(super) const ECHOED: usize = 1600;

pub(super) const LISTENING: usize = 200;

/// The number of messages that are published to the listening connections.
pub(super) const PUBLISHED: usize = 20;

pub(super) const HANDSHAKES: usize = 320;

pub(super) fn measure(plan: &Plan, sheet: &mut Sheet) -> Result<(), Error> {
    if let Err(error) = callgrind::version() {
        eprintln!("instructions are skipped: {error}");
        return Ok(());
    }
    for name in SERVERS {
        if Instant::now() > plan.last {
            eprintln!("instructions of {name} are skipped: time is up");
            continue;
        }
        eprintln!("{name} under callgrind");
        let program = Program::of(name)?.env("GLIBC_TUNABLES", LARGE_BLOCKS.to_owned());
        let server = Callgrind::start(name, &program)?;
        Counting { server, name, tries: plan.tries, sheet }
            .all()
            .map_err(|error| at(name, error))?;
    }
    Ok(())
}

struct Counting<'a> {
    server: Callgrind,
    name: &'static str,
    tries: usize,
    sheet: &'a mut Sheet,
}

impl Counting<'_> {
    fn all(&mut self) -> Result<(), Error> {
        let address = self.server.server.address();
        let mut crowd = Crowd::new(address, Route::Echo)?;
        crowd.join(TALKING)?;
        for message in messages() {
            crowd.rounds(&message, ECHOED / 5)?;
            self.count(&echo::title(message.name), ECHOED, || crowd.rounds(&message, ECHOED))?;
        }
        drop(crowd);
        for (route, title) in ROUTES {
            let mut audience = Audience::gather(&self.server.server, route, LISTENING)?;
            audience.publish(PUBLISHED / 5, || Ok(()))?;
            self.count(title, LISTENING * PUBLISHED, || audience.publish(PUBLISHED, || Ok(())))?;
        }
        let mut crowd = Crowd::new(address, Route::Echo)?;
        self.count(HANDSHAKE, HANDSHAKES, || crowd.join(HANDSHAKES))
    }

    /// Discards the counters, runs the function, and reads the counters.
    fn count(
        &mut self,
        title: &str,
        count: usize,
        mut run: impl FnMut() -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.server.dump()?;
        for _ in 0..self.tries {
            run()?;
            let counted = profile::parse(&std::fs::read_to_string(self.server.dump()?)?)?;
            let each = |sum: u64| sum as f64 / count as f64;
            self.sheet.note(Section::Instructions, title, self.name, each(counted.instructions));
            self.sheet.note(Section::Allocations, title, self.name, each(counted.allocations));
        }
        Ok(())
    }
}
