//! The cost of a connection: its handshake, and its memory while it is idle.

use std::time::Duration;

use super::crowd::{Crowd, Route};
use super::sheet::{Section, Sheet};
use super::{Plan, SERVERS, at, cpu_each, messages};
use crate::Error;
use crate::machine;
use crate::server::Server;

pub(super) const HANDSHAKE: &str = "handshake";

/// After this time, all data is written and its buffers are released.
const SETTLE: Duration = Duration::from_millis(500);

pub(super) fn measure(plan: &Plan, sheet: &mut Sheet) -> Result<(), Error> {
    plan.rounds(HANDSHAKE, |name| {
        let server = plan.cores.start(|| Server::start(name))?;
        let mut crowd = Crowd::new(server.address(), Route::Echo)?;
        let each = cpu_each(&server, plan.crowd, || crowd.join(plan.crowd))?;
        sheet.note(Section::Cpu, HANDSHAKE, name, each);
        Ok(())
    })?;
    for name in SERVERS {
        eprintln!("idle memory of {name}");
        memory(plan, name, &[plan.crowd / 2, plan.crowd], sheet)
            .map_err(|error| at(name, error))?;
    }
    eprintln!("{} connections to {}", plan.most, SERVERS[0]);
    memory(plan, SERVERS[0], &[plan.most], sheet)
}

/// Starts the server again, and opens connections up to each step.
fn memory(plan: &Plan, name: &str, steps: &[usize], sheet: &mut Sheet) -> Result<(), Error> {
    let server = machine::in_small_pages(|| plan.cores.start(|| Server::start(name)))?;
    std::thread::sleep(SETTLE);
    let none = machine::memory(server.pid())?;
    let each = |count: usize| {
        std::thread::sleep(SETTLE);
        Ok::<_, Error>(machine::memory(server.pid())?.saturating_sub(none) as f64 / count as f64)
    };
    let mut crowd = Crowd::new(server.address(), Route::Echo)?;
    let mut open = 0;
    for &step in steps {
        crowd.join(step - open)?;
        open = step;
        sheet.note(Section::Memory, &idle(open), name, each(open)?);
    }
    // A server that has lost a connection must not gain from it, so each connection must respond.
    crowd.rounds(&messages()[0], open)?;
    sheet.note(Section::Memory, &echoed(open), name, each(open)?);
    Ok(())
}

fn idle(open: usize) -> String {
    format!("{open} open, nothing said yet")
}

pub(super) fn echoed(open: usize) -> String {
    format!("{open} open, each had an echo")
}
