//! The page, and which goals are met.

use std::fmt::Write;
use std::path::Path;

use super::connections::echoed;
use super::sheet::{Section, Sheet};
use super::{FLOOR, Plan, counts, echo, fan_out};
use crate::{Error, machine, report};

const VERSIONS: [&str; 8] = [
    "actix-web",
    "actix-web-lab",
    "actix-ws",
    "axum",
    "hyper",
    "tokio",
    "tokio-tungstenite",
    "trine",
];

pub(super) fn page(plan: &Plan, sheet: &Sheet, workspace: &Path) -> Result<String, Error> {
    let mut page = format!(
        "# WebSockets, feeds and event streams\n\n\
         `cargo run --release --manifest-path compare/Cargo.toml -- websocket` wrote this page; load average of the machine at \
         the end: {}. In brackets stands the ratio to Trine; where there are two figures, they are the least and the median \
         of the rounds. [The README](../README.md) says what is measured, and how.\n\n",
        machine::load_average()?
    );
    // Writing to a `String` does not fail.
    let _ = write!(
        page,
        "## CPU time of the server\n\n{}\nUser and kernel, on one core, the load on another; {} rounds, in each of which the servers \
         take turns. Echo: {} connections that always have one message under way. Handshake: {} connections, opened as \
         fast as the server takes them, 64 under way at a time; none failed, or there would be no page. Delivery: a message of 32 \
         bytes to {} who listen.\n\n",
        sheet.table(Section::Cpu),
        plan.rounds,
        echo::TALKING,
        plan.crowd,
        plan.crowd,
    );
    let _ = write!(
        page,
        "## Instructions in user space\n\n{}\n{}\nBy callgrind, {} tries: {} messages echoed on {} connections in step, {} messages to {} \
         who listen, {} handshakes. What the kernel does for a system call is not in it.\n\n",
        sheet.table(Section::Instructions),
        sheet.table(Section::Allocations),
        plan.tries,
        counts::ECHOED,
        counts::TALKING,
        counts::PUBLISHED,
        counts::LISTENING,
        counts::HANDSHAKES,
    );
    let _ = write!(
        page,
        "## Memory of a connection\n\n{}\nRssAnon with the connections, less RssAnon without any, per connection, without huge \
         pages: with them the process grows by 2 MiB at a time, some 6 MiB of which are there for the first connection. What the \
         kernel holds for a socket is not in it.\n\n## Goals\n\n{}\n",
        sheet.table(Section::Memory),
        goals(plan, sheet)
    );
    for (name, version) in report::versions_of(workspace, &VERSIONS)? {
        let _ = writeln!(page, "- {name} {}", version.as_str().unwrap_or_default());
    }
    Ok(page)
}

/// The goals of the roadmap, each with the measured figure.
fn goals(plan: &Plan, sheet: &Sheet) -> String {
    let [trine, axum, actix, _] = super::SERVERS;
    let mut rows =
        vec![["goal", "measured", ""].map(str::to_owned).to_vec(), vec!["---".to_owned(); 3]];
    let mut goal = |text: &str, value: Option<f64>, most: f64, unit: &str| {
        let told = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}{unit}"));
        let met =
            value.map_or("not measured", |value| if value <= most { "met" } else { "missed" });
        rows.push(vec![text.to_owned(), told, met.to_owned()]);
    };
    let idle = |open| sheet.median(Section::Memory, &echoed(open), trine);
    goal("an idle connection: at most 2 KiB", idle(plan.crowd), 2.0, " KiB");
    goal(
        &format!("{} connections in one process", plan.most),
        idle(plan.most),
        f64::INFINITY,
        " KiB each",
    );
    for message in super::messages() {
        let title = echo::title(message.name);
        let of = |section, server| sheet.median(section, &title, server);
        for (section, what) in [(Section::Cpu, "CPU"), (Section::Instructions, "instructions")] {
            for (other, most, named) in
                [(actix, 1.0, "at most actix-ws's"), (axum, 0.5, "half of axum's")]
            {
                let ratio =
                    of(section, trine).zip(of(section, other)).map(|(ours, theirs)| ours / theirs);
                goal(&format!("{title}, {what}: {named}"), ratio, most, "");
            }
        }
    }
    let delivery = |server| sheet.median(Section::Cpu, fan_out::ROUTES[0].1, server);
    let listen = plan.crowd;
    goal(
        &format!("a delivery by WebSocket to {listen}: at most 4 µs of CPU"),
        delivery(trine),
        4.0,
        " µs",
    );
    let own = delivery(trine).zip(delivery(FLOOR)).map(|(ours, floor)| ours - floor);
    goal("the same without the floor's, which is the kernel's", own, 4.0, " µs");
    report::align(&rows)
}
