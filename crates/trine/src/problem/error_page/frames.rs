//! The backtrace of an error, without the frames of the framework.

use std::backtrace::Backtrace;

use serde::Serialize;

use super::location::{SourceLocation, is_outside_the_program};

/// One function call.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Frame {
    pub(super) function: String,
    pub(super) location: SourceLocation,
}

/// The frames of functions of the program.
pub(super) fn program_frames(backtrace: &Backtrace) -> Vec<Frame> {
    parse(&backtrace.to_string())
}

// On stable, the standard library only gives the backtrace as text: a line
// `3: path::of::function`, and a line `at file:line:column` below it.
fn parse(text: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut function = "";
    for line in text.lines().map(str::trim) {
        if let Some(location) = line.strip_prefix("at ") {
            let location = SourceLocation::parse(location);
            let Some(location) = location.filter(|it| is_of_the_program(function, it)) else {
                continue;
            };
            // Inlined calls and the parts of an async function repeat a location.
            if frames.last().is_none_or(|last| last.location != location) {
                frames.push(Frame { function: plain(function), location });
            }
        } else if let Some((number, name)) = line.split_once(": ")
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            function = name;
        }
    }
    frames
}

fn is_of_the_program(function: &str, location: &SourceLocation) -> bool {
    let name = function.trim_start_matches(['<', '&']);
    let crate_name = name.split("::").next().unwrap_or_default();
    // The code that an attribute generates is located at the handler, and only calls it.
    let is_ours = FRAMEWORK.contains(&crate_name)
        || name.contains(" as trine::dispatch::declaration::DeclaredHandler>");
    !is_ours && location.file.ends_with(".rs") && !is_outside_the_program(&location.file)
}

const FRAMEWORK: [&str; 16] = [
    "alloc",
    "axum",
    "core",
    "futures_core",
    "futures_util",
    "hyper",
    "hyper_util",
    "std",
    "tokio",
    "tower",
    "tower_http",
    "trine",
    "trine_core",
    "trine_realtime",
    "trine_server",
    "trine_websocket",
];

/// Removes the closures that the compiler makes of async functions.
fn plain(function: &str) -> String {
    function.replace("::{{closure}}", "").replace("::{closure#0}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_framework_are_omitted() {
        let text = "
   0: <trine::error::Error as core::convert::From<E>>::from
             at /home/ann/.cargo/registry/src/x/trine-0.1.0/src/error/mod.rs:88:9
   1: app::users::show::{{closure}}
             at ./src/users.rs:12:5
   2: <app::show as trine::dispatch::declaration::DeclaredHandler>::call::{{closure}}
             at ./src/users.rs:11:5
   3: core::ops::function::FnOnce::call_once
             at /rustc/59807616/library/core/src/ops/function.rs:250:5
   4: tokio::runtime::context::enter
             at /home/ann/tokio/src/x.rs:1:1
   5: no_place
   6: app::main
             at ./src/main.rs:3:1
   7: start_thread
             at ./nptl/pthread_create.c:442:8
";
        let frames: Vec<_> = parse(text)
            .into_iter()
            .map(|frame| format!("{} {}", frame.function, frame.location))
            .collect();
        assert_eq!(frames, ["app::users::show src/users.rs:12", "app::main src/main.rs:3"]);
    }
}
