//! `docs/defaults.md` is what an operator reads: it has every key, and its defaults are the true ones.
#![allow(clippy::unwrap_used, reason = "tests")]

use trine::config::Config;
use trine::sse::Sse;
use trine::topic::TopicConfig;

const PAGE: &str = include_str!("../../../docs/defaults.md");
const KEYS: &str = include_str!("../src/config/mod.rs");
const HTTP3: &str = include_str!("../../trine-server/src/config/http3.rs");
const SERVER: &str = include_str!("../../trine-server/src/config.rs");
const HTTP2: &str = include_str!("../../trine-server/src/config/http2.rs");

struct Row<'a> {
    key: &'a str,
    field: &'a str,
    default: &'a str,
    rest: Vec<&'a str>,
}

fn rows() -> Vec<Row<'static>> {
    // The proxy's tables have no keys; `trine-proxy` has a test of its own.
    let page = PAGE.split("## The reverse proxy").next().unwrap();
    let lines = page.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [key, field, default, rest @ ..] = &*cells else { panic!("{line}") };
            let code = |cell: &'static str| cell.trim_matches('`');
            Row { key: code(key), field: code(field), default: code(default), rest: rest.to_vec() }
        })
        .collect()
}

#[test]
fn every_default_on_the_page_is_the_true_one() {
    for row in rows() {
        let config = Config::read(&format!("{} = '{}'", row.key, row.default), []);
        let config = config.unwrap_or_else(|errors| panic!("{}: {errors}", row.key));
        assert_eq!(config, Config::default(), "{} = {}", row.key, row.default);
        assert!(row.rest.len() == 2 && row.rest.iter().all(|cell| !cell.is_empty()), "{}", row.key);
    }
}

#[test]
fn every_key_is_on_the_page_and_names_its_field() {
    let rows = rows();
    let keys = KEYS.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let mut count = 0;
    for line in keys {
        let (key, rest) = line.split_once('`').unwrap();
        let row = rows.iter().find(|row| row.key == key).unwrap_or_else(|| panic!("no row for {key}"));
        let field = row.field.rsplit('.').next().unwrap();
        assert!(rest.contains(&format!("::{field})")), "{key} is not {}", row.field);
        count += 1;
    }
    assert_eq!(rows.len(), count, "the page has a row for no key");
}

#[test]
fn every_field_of_the_server_is_on_the_page() {
    let rows = rows();
    let mut count = 0;
    let places = [
        (SERVER, "pub struct ServerConfig {", ""),
        (HTTP2, "pub struct Http2 {", "http2."),
        (HTTP3, "pub struct Http3 {", "http3."),
    ];
    for (source, start, table) in places {
        let start = source.find(start).unwrap();
        let fields = source[start..].lines().take_while(|line| *line != "}");
        for line in fields.filter_map(|line| line.strip_prefix("    pub ")) {
            let (field, _) = line.split_once(':').unwrap();
            let is_row = |row: &Row<'_>| row.field.ends_with(field) && row.key.starts_with(table);
            // What has fields of its own is not a row.
            assert!(
                ["http2", "http3"].contains(&field) || rows.iter().any(is_row),
                "no row for {table}{field}"
            );
            count += 1;
        }
    }
    assert!(count >= 40, "{count} fields");
}

#[test]
fn every_limit_of_topics_and_streams_is_on_the_page() {
    let TopicConfig { queue, overflow, history, rooms, linger } = TopicConfig::default();
    let heartbeat = Sse::<()>::HEARTBEAT.as_secs();
    let linger = linger.as_secs();
    for (what, field, default) in [
        ("topic", "queue", queue.to_string()),
        ("topic", "overflow", format!("{overflow:?}")),
        ("topic", "history", history.to_string()),
        ("topic", "rooms", rooms.to_string()),
        ("topic", "linger", format!("{linger}s")),
        ("stream", "heartbeat", format!("{heartbeat}s")),
    ] {
        let row = format!("| *{what}:* `{field}` | `{default}` |");
        assert!(PAGE.lines().any(|line| line.starts_with(&row)), "no row {row}");
    }
}
