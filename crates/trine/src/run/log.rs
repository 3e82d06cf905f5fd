//! The default log: lines on standard error, unless the program sets another subscriber.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging at the level of `TRINE_LOG`: `debug`, or by target `trine=debug,info`. Default:
/// `info`. A subscriber that the program has set stays.
pub(crate) fn start() {
    let wanted = std::env::var("TRINE_LOG").unwrap_or_default();
    let (filter, wrong) = match wanted.parse::<Targets>() {
        Ok(filter) if !wanted.is_empty() => (filter, false),
        Ok(_) => (Targets::new().with_default(LevelFilter::INFO), false),
        Err(_) => (Targets::new().with_default(LevelFilter::INFO), true),
    };
    let ansi = std::io::stderr().is_terminal();
    // Internal errors would be printed by `eprintln!`, which panics if standard error is closed.
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .with_ansi(ansi);
    let set = tracing_subscriber::registry().with(lines).with(filter).try_init().is_ok();
    if set && wrong {
        tracing::warn!(
            "TRINE_LOG=`{wanted}`: expected a level or `target=level,…`; `info` is used"
        );
    }
}
