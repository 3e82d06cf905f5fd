//! `docs/defaults.md` is the operator's reference: it lists every key with its actual default.
#![allow(clippy::unwrap_used, reason = "tests")]

use trine::config::Config;
use trine::sse::Sse;
use trine::topic::TopicConfig;

const PAGE: &str = include_str!("../../../../docs/defaults.md");
const KEYS: &str = include_str!("../../src/run/config/mod.rs");
const ACME: &str = include_str!("../../../trine-server/src/config/acme.rs");
const HTTP3: &str = include_str!("../../../trine-server/src/config/http3.rs");
#[cfg(feature = "ws")]
const WEBSOCKET: &str = include_str!("../../../trine-websocket/src/config.rs");
const SERVER: &str = include_str!("../../../trine-server/src/config/mod.rs");
const HTTP2: &str = include_str!("../../../trine-server/src/config/http2.rs");

struct Row<'a> {
    key: &'a str,
    field: &'a str,
    default: &'a str,
    rest: Vec<&'a str>,
}

fn rows() -> Vec<Row<'static>> {
    // WebSockets and the proxy have no keys. Their tables have tests of their own.
    let page = PAGE
        .split("\n## WebSockets\n")
        .next()
        .unwrap()
        .split("\n## The reverse proxy\n")
        .next()
        .unwrap();
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
fn every_documented_default_is_the_actual_one() {
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
        let row =
            rows.iter().find(|row| row.key == key).unwrap_or_else(|| panic!("no row for {key}"));
        let field = row.field.rsplit('.').next().unwrap();
        let named = [format!("::{field})"), format!("#structfield.{field})")];
        assert!(named.iter().any(|link| rest.contains(link)), "{key} is not {}", row.field);
        count += 1;
    }
    assert_eq!(rows.len(), count, "the page has a row without a key");
}

#[test]
fn every_field_of_the_server_is_on_the_page() {
    let rows = rows();
    let mut count = 0;
    let places = [
        (SERVER, "pub struct ServerConfig {", ""),
        (HTTP2, "pub struct Http2 {", "http2."),
        (HTTP3, "pub struct Http3 {", "http3."),
        (ACME, "pub struct Acme {", "acme."),
    ];
    for (source, start, table) in places {
        let start = source.find(start).unwrap();
        let fields = source[start..].lines().take_while(|line| *line != "}");
        for line in fields.filter_map(|line| line.strip_prefix("    pub ")) {
            let (field, _) = line.split_once(':').unwrap();
            let is_row = |row: &Row<'_>| row.field.ends_with(field) && row.key.starts_with(table);
            // A field that is itself a section has no row.
            assert!(
                ["acme", "http2", "http3"].contains(&field) || rows.iter().any(is_row),
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

#[cfg(feature = "ws")]
#[test]
fn every_field_of_a_websocket_is_on_the_page_with_its_default() {
    let (_, section) = PAGE.split_once("\n## WebSockets\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let row = |field: &str| {
        let row = section.lines().find(|line| line.starts_with(&format!("| `{field}` |")));
        let row = row.unwrap_or_else(|| panic!("no row for {field}"));
        row.split('|').nth(2).unwrap().trim().trim_matches('`').to_owned()
    };
    let config = trine::ws::WebSocketConfig::default();
    let compression = config.compression.clone().unwrap();
    let seconds = |duration: std::time::Duration| format!("{}s", duration.as_secs());
    let defaults = [
        ("max_message_size", config.max_message_size.to_string()),
        ("max_frame_size", config.max_frame_size.to_string()),
        ("max_fragments", config.max_fragments.to_string()),
        ("max_queued_bytes", config.max_queued_bytes.to_string()),
        ("heartbeat_interval", seconds(config.heartbeat_interval)),
        ("pong_timeout", seconds(config.pong_timeout)),
        ("idle_timeout", seconds(config.idle_timeout)),
        ("close_timeout", seconds(config.close_timeout)),
        ("write_timeout", seconds(config.write_timeout)),
        ("compression", "on".to_owned()),
        ("min_size", compression.min_size.to_string()),
        ("level", compression.level.to_string()),
        ("context_takeover", compression.context_takeover.to_string()),
        ("server_window_bits", compression.server_window_bits.to_string()),
        ("client_window_bits", compression.client_window_bits.to_string()),
    ];
    for (field, default) in &defaults {
        assert_eq!(row(field), *default, "{field}");
    }
    let fields = WEBSOCKET.lines().filter_map(|line| line.strip_prefix("    pub "));
    let fields: Vec<_> =
        fields.filter_map(|line| line.split_once(':')).map(|(field, _)| field).collect();
    assert_eq!(fields, defaults.each_ref().map(|(field, _)| *field));
}
