//! Common command-line clients: curl, and h2load of nghttp2. If one is missing, the test prints
//! that and passes. With `REQUIRE_H2_TOOLS` it fails.

use std::process::Command;

use crate::common::{config, start};

/// Runs a tool and returns its output, or `None` if the tool is not installed.
async fn run(tool: &'static str, args: Vec<String>) -> Option<String> {
    let ran =
        tokio::task::spawn_blocking(move || Command::new(tool).args(args).output()).await.unwrap();
    match ran {
        Ok(output) => {
            assert!(output.status.success(), "{tool}: {output:?}");
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Err(error) => {
            assert!(std::env::var_os("REQUIRE_H2_TOOLS").is_none(), "{tool}: {error}");
            eprintln!("skipped: there is no {tool}");
            None
        }
    }
}

#[tokio::test]
async fn curl_by_prior_knowledge() {
    let server = start(config());
    let url = |path: &str| format!("http://{}{path}", server.address);
    let args = |more: &[&str], path: &str| {
        let fixed =
            ["-sS", "--http2-prior-knowledge", "-m", "20", "-w", " %{http_version} %{http_code}"];
        fixed.iter().chain(more).map(|arg| (*arg).to_owned()).chain([url(path)]).collect::<Vec<_>>()
    };
    for (more, path, expected) in [
        (&[] as &[&str], "/hello", "hello 2 200"),
        (&["-d", "abc"], "/length", "3 2 200"),
        (&["-d", "abc", "-H", "Expect: 100-continue"], "/echo", "abc 2 200"),
        (&["-I", "-o", "/dev/null"], "/hello", " 2 200"),
        (&[], "/stream", "onetwothree 2 200"),
    ] {
        if let Some(printed) = run("curl", args(more, path)).await {
            assert_eq!(printed, expected, "{path}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn h2load_with_a_hundred_streams_a_connection() {
    let server = start(config());
    for (path, more) in [("/hello", ""), ("/stream", ""), ("/large", "-n100")] {
        let args = ["-n5000", "-c8", "-m100", more, &format!("http://{}{path}", server.address)];
        let args = args.into_iter().filter(|arg| !arg.is_empty()).map(str::to_owned).collect();
        if let Some(printed) = run("h2load", args).await {
            assert!(printed.contains(" 0 failed, 0 errored, 0 timeout"), "{path}: {printed}");
        }
    }
    server.stop().await;
}
