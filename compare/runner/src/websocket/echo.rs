//! The cost of an echoed message, on connections that always have one message in flight.

use super::crowd::{Crowd, Route};
use super::sheet::{Section, Sheet};
use super::{Plan, SERVERS, messages};
use crate::server::Server;
use crate::{Error, machine};

/// The number of connections that send messages at the same time.
pub(super) const TALKING: usize = 100;

pub(super) fn measure(plan: &Plan, sheet: &mut Sheet) -> Result<(), Error> {
    let mut running = Vec::new();
    for name in SERVERS {
        let server = plan.cores.start(|| Server::start(name))?;
        let mut crowd = Crowd::new(server.address(), Route::Echo)?;
        crowd.join(TALKING)?;
        running.push((name, server, crowd));
    }
    for message in messages() {
        let title = title(message.name);
        plan.rounds(&title, |wanted| {
            for (name, server, crowd) in running.iter_mut().filter(|(name, ..)| *name == wanted) {
                crowd.saturate(&message, plan.cell / 5)?;
                let before = machine::cpu(server.pid())?;
                let count = crowd.saturate(&message, plan.cell)?;
                let spent = machine::cpu(server.pid())?.saturating_sub(before);
                sheet.note(Section::Cpu, &title, name, spent.as_secs_f64() * 1e6 / count as f64);
            }
            Ok(())
        })?;
    }
    Ok(())
}

pub(super) fn title(message: &str) -> String {
    format!("echo of {message}")
}
