//! A program from its start to its end, as the operating system sees it: what it prints, what it
//! refuses, and the order of its shutdown.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::Duration;

use trine::config::Secret;
use trine::prelude::*;
use trine_testkit::process::{Process, this_binary};

struct Db;

#[derive(trine::Config)]
#[expect(dead_code, reason = "only read")]
struct Keys {
    sign: Secret,
}

async fn hello(_: State<Db>) -> &'static str {
    "hello"
}

async fn slow() -> &'static str {
    println!("slow began");
    tokio::time::sleep(Duration::from_millis(300)).await;
    println!("slow ended");
    "slow"
}

/// The program: this test binary, run again with `PROGRAM` set.
#[test]
#[ignore = "the program that the other tests start"]
fn program() -> ExitCode {
    if std::env::var_os("PROGRAM").is_none() {
        return ExitCode::SUCCESS;
    }
    let app = App::new()
        .config_section::<Keys>("keys")
        .state_with(|_| async {
            println!("state made");
            Ok(Db)
        })
        .on_shutdown(|cx| async move {
            cx.state::<Db>()?;
            println!("hook ran");
            Ok(())
        })
        .task("watcher", |cx| async move {
            cx.shutdown().await;
            println!("task told");
            Ok(())
        })
        .group(Group::at("/empty"))
        .route("/", get(hello))
        .route("/slow", get(slow));
    trine::__private::main(app.serve())
}

/// The same program, but `main` takes a section itself and passes only its value on.
#[test]
#[ignore = "the program that the other tests start"]
fn by_hand() -> ExitCode {
    if std::env::var_os("PROGRAM").is_none() {
        return ExitCode::SUCCESS;
    }
    trine::__private::main(async {
        let keys = trine::Config::load()?.section::<Keys>("keys")?;
        let app = App::new()
            .state(keys)
            .state(Db)
            .route("/", get(async |_: State<Keys>, _: State<Db>| "by hand"));
        app.serve().await
    })
}

fn command(env: &[(&str, &str)]) -> Command {
    command_of("launch::program", env)
}

fn command_of(program: &str, env: &[(&str, &str)]) -> Command {
    let mut command = this_binary(program);
    let ours = std::env::vars().filter(|(name, _)| name.starts_with("TRINE_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command
        .env("PROGRAM", "1")
        .env("TRINE_PORT", "0")
        .env("TRINE_WORKERS", "2")
        .envs(env.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(env: &[(&str, &str)]) -> (Output, String) {
    outcome(&mut command(env))
}

fn outcome(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}

fn json(text: &str) -> serde_json::Value {
    let (start, end) = (text.find('{').unwrap(), text.rfind('}').unwrap());
    serde_json::from_str(&text[start..=end]).unwrap_or_else(|error| panic!("{error}: {text}"))
}

const SECRET: (&str, &str) = ("TRINE_KEYS_SIGN", "a tiger, 7 lilies");

#[test]
fn all_mistakes_are_one_report_before_anything_runs() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let env = [
        ("TRINE_PORT", &*port.to_string()),
        ("TRINE_PROFILE", "prod"),
        ("TRINE_KEYS_SIGN", "changeme"),
        ("TRINE_KEYS_SING", "x"),
    ];
    let (output, text) = run(&env);
    assert!(!output.status.success());
    for wanted in [
        "error: the launch audit found 3 mistakes:",
        "the value of `keys.sign` is too weak for the profile `prod`: it is a well-known example",
        "there is no key `TRINE_KEYS_SING`; did you mean `TRINE_KEYS_SIGN`?",
        &format!("127.0.0.1:{port} is in use: "),
        &format!("TRINE_PORT={}", if port == u16::MAX { port - 1 } else { port + 1 }),
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    if cfg!(target_os = "linux") {
        assert!(
            text.contains(&format!("(process {}) listens there", std::process::id())),
            "{text}"
        );
    }
    assert!(!text.contains("state made"), "{text}");
}

#[test]
fn an_invalid_server_value_is_reported_with_the_sections() {
    let (_, text) =
        run(&[("TRINE_WORKERS", "many"), ("TRINE_LIMITS_BODY", "big"), ("TRINE_KEYS_SING", "x")]);
    let missing = "`keys.sign` is missing";
    for wanted in [
        "found 4 mistakes",
        "TRINE_WORKERS",
        "TRINE_LIMITS_BODY",
        "did you mean `TRINE_KEYS_SIGN`",
        missing,
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    // If the file cannot be read, the keys that it lacks are unknown.
    let (_, text) = run(&[("TRINE_CONFIG", "/nowhere/trine.toml"), ("TRINE_WORKERS", "many")]);
    assert!(text.contains("found 2 mistakes") && !text.contains(missing), "{text}");
    assert!(text.contains("the file cannot be read (named by `TRINE_CONFIG`): "), "{text}");
}

#[test]
fn the_audit_is_printed_instead_of_serving() {
    let (output, text) = run(&[("TRINE_AUDIT", "json"), SECRET]);
    assert!(output.status.success(), "{text}");
    assert_eq!(json(&text)["findings"].as_array().unwrap().len(), 1);
    assert_eq!(json(&text)["findings"][0]["kind"], "empty");
    assert!(!text.contains("state made"), "{text}");
    // Another instance may be running on this port.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (output, text) = run(&[("TRINE_AUDIT", "text"), SECRET, ("TRINE_PORT", &port)]);
    assert!(
        output.status.success() && text.contains("note: the group at `/empty` has no routes"),
        "{text}"
    );
    let (output, _) = run(&[("TRINE_AUDIT", "json")]);
    assert!(!output.status.success());
    let told = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(told["findings"][0]["kind"], "config");
    assert!(told["findings"][0]["text"].as_str().unwrap().starts_with("`keys.sign` is missing"));
}

/// `serve` loads the configuration again. It accepts a section that `main` has taken, and refuses
/// an unknown one.
#[test]
fn a_section_that_main_has_taken_is_not_unknown() {
    let mut running = Process::start(&mut command_of("launch::by_hand", &[SECRET]));
    let printed = running.lines_until("on http://");
    let text = get_of(&url(&printed, "/"));
    assert!(text.ends_with("by hand"), "{text}");
    drop(running);

    let (output, text) =
        outcome(&mut command_of("launch::by_hand", &[SECRET, ("TRINE_MAIL_HOST", "x")]));
    assert!(!output.status.success());
    assert!(
        text.contains("found 1 mistake") && text.contains("there is no key `TRINE_MAIL_HOST`"),
        "{text}"
    );
    // The section itself reports a misspelt key.
    let (output, text) =
        outcome(&mut command_of("launch::by_hand", &[("TRINE_KEYS_SING", "x"), SECRET]));
    assert!(!output.status.success() && text.contains("did you mean `TRINE_KEYS_SIGN`?"), "{text}");
}

/// Sends a minimal GET request, for a test without a runtime.
fn get_of(url: &str) -> String {
    use std::io::Write as _;
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Starts the program and waits until it prints a line with `until`. Returns what it printed.
fn start(env: &[(&str, &str)], until: &str) -> (Process, Vec<String>) {
    let mut running = Process::start(&mut command(env));
    let printed = running.lines_until(until);
    (running, printed)
}

fn url(printed: &[String], path: &str) -> String {
    let line = printed.iter().find(|line| line.contains(" on http://")).unwrap();
    let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap();
    format!("http://{address}{path}")
}

/// What the program logs for two requests.
async fn logged(env: &[(&str, &str)]) -> String {
    let (mut running, printed) = start(&[&[SECRET], env].concat(), "/slow");
    assert_eq!(reqwest::get(url(&printed, "/?key=tiger")).await.unwrap().status(), 200);
    assert_eq!(reqwest::get(url(&printed, "/nowhere")).await.unwrap().status(), 404);
    running.signal("TERM");
    let mut text = String::new();
    running.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_dev_each_request_is_logged_to_standard_error() {
    let text = logged(&[("TRINE_PROFILE", "dev")]).await;
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(" trine::request: ")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].contains("INFO") && lines[0].contains(r#"method=GET path="/" status=200 ms="#),
        "{text}"
    );
    assert!(lines[0].contains(r#" route="/""#) && !text.contains("tiger"), "{text}");
    assert!(
        lines[1].contains(r#"path="/nowhere" status=404"#) && lines[1].contains("no route matches"),
        "{text}"
    );

    let quiet: [&[(&str, &str)]; 3] = [
        &[("TRINE_PROFILE", "prod")],
        &[("TRINE_PROFILE", "dev"), ("TRINE_LOG_REQUESTS", "never")],
        &[("TRINE_PROFILE", "dev"), ("TRINE_LOG", "warn")],
    ];
    for env in quiet {
        let text = logged(env).await;
        assert!(!text.contains("trine::request"), "{env:?}: {text}");
    }
    let text = logged(&[("TRINE_PROFILE", "prod"), ("TRINE_LOG_REQUESTS", "always")]).await;
    assert!(text.contains(r#"status=404"#) && text.contains(r#"why="404 Not Found""#), "{text}");
}

// Reading lines blocks, so the client needs a thread of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_requests_then_tasks_then_hooks() {
    let (mut running, printed) = start(&[SECRET, ("TRINE_PROFILE", "prod")], "/slow");
    assert!(printed.iter().any(|line| line.ends_with("state made")), "{printed:?}");
    assert_eq!(reqwest::get(url(&printed, "/")).await.unwrap().text().await.unwrap(), "hello");
    let slow = tokio::spawn(reqwest::get(url(&printed, "/slow")));
    assert_eq!(running.line(), "slow began");
    running.signal("TERM");
    let rest = running.rest();
    assert!(running.wait().success());
    let at = |what: &str| rest.find(what).unwrap_or_else(|| panic!("{what}: {rest}"));
    assert!(
        at("task told") < at("slow ended"),
        "tasks are notified when the shutdown begins: {rest}"
    );
    assert!(at("slow ended") < at("hook ran"), "hooks run after the last request: {rest}");
    assert_eq!(slow.await.unwrap().unwrap().text().await.unwrap(), "slow");
}

#[test]
fn under_dev_the_start_prints_the_number_of_notes() {
    // The note is about the empty group.
    let (_running, printed) =
        start(&[SECRET, ("TRINE_PROFILE", "dev")], "TRINE_AUDIT=text shows them");
    assert!(
        printed.last().unwrap().ends_with("  1 note: TRINE_AUDIT=text shows them"),
        "{printed:?}"
    );
}

#[test]
fn the_tree_is_printed_on_request() {
    let (_running, printed) = start(&[SECRET, ("TRINE_TREE", "1")], "└ GET /slow");
    assert!(printed.iter().any(|line| line.contains("├ GET /  hello  (")), "{printed:?}");
}
