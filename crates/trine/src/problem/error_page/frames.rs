//! The way to the error, without the framework's part of it.

use std::backtrace::Backtrace;

use serde::Serialize;

use super::location::{Place, is_of_the_framework};

/// One call.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Frame {
    pub(super) function: String,
    pub(super) place: Place,
}

/// The calls that are the program's own.
pub(super) fn of_the_program(backtrace: &Backtrace) -> Vec<Frame> {
    own(&backtrace.to_string())
}

// The text is all that std gives on stable: a line `3: path::of::function`, and below it
// `at file:line:column`.
fn own(text: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut function = "";
    for line in text.lines().map(str::trim) {
        if let Some(place) = line.strip_prefix("at ") {
            let Some(place) = Place::parse(place).filter(|place| is_own(function, place)) else {
                continue;
            };
            // Inlined calls and the halves of an async function stand at one place more than once.
            if frames.last().is_none_or(|last| last.place != place) {
                frames.push(Frame { function: plain(function), place });
            }
        } else if let Some((number, name)) = line.split_once(": ")
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            function = name;
        }
    }
    frames
}

fn is_own(function: &str, place: &Place) -> bool {
    let name = function.trim_start_matches(['<', '&']);
    let crate_name = name.split("::").next().unwrap_or_default();
    // What an attribute wrote stands at the name of the handler, and only calls it.
    let is_ours = FRAMEWORK.contains(&crate_name)
        || name.contains(" as trine::dispatch::endpoint::DeclaredHandler>");
    !is_ours && place.file.ends_with(".rs") && !is_of_the_framework(&place.file)
}

const FRAMEWORK: [&str; 14] = [
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
    "trine_server",
];

/// An async function is known to its writer by its name alone.
fn plain(function: &str) -> String {
    function.replace("::{{closure}}", "").replace("::{closure#0}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_of_the_framework_are_left_out() {
        let text = "
   0: <trine::error::Error as core::convert::From<E>>::from
             at /home/ann/.cargo/registry/src/x/trine-0.1.0/src/error/mod.rs:88:9
   1: app::users::show::{{closure}}
             at ./src/users.rs:12:5
   2: <app::show as trine::endpoint::DeclaredHandler>::call::{{closure}}
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
        let frames: Vec<_> = own(text)
            .into_iter()
            .map(|frame| format!("{} {}", frame.function, frame.place))
            .collect();
        assert_eq!(frames, ["app::users::show src/users.rs:12", "app::main src/main.rs:3"]);
    }
}
