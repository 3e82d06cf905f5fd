//! `docs/defaults.md` is what an operator reads: it has every key, and its defaults are the true ones.
#![allow(clippy::unwrap_used, reason = "tests")]

use trine::config::Config;

const PAGE: &str = include_str!("../../../docs/defaults.md");
const KEYS: &str = include_str!("../src/config/mod.rs");
const HTTP3: &str = include_str!("../../trine-server/src/config/http3.rs");
const SERVER: &str = include_str!("../../trine-server/src/config.rs");

struct Row<'a> {
    key: &'a str,
    field: &'a str,
    default: &'a str,
    rest: Vec<&'a str>,
}

fn rows() -> Vec<Row<'static>> {
    let lines = PAGE.lines().filter(|line| line.starts_with("| `"));
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
    for field in
        fields(SERVER, "ServerConfig").chain(fields(HTTP3, "Http3").map(|field| format!("http3.{field}")))
    {
        // The fields of these are listed each.
        if field != "http3" {
            assert!(rows.iter().any(|row| row.field == field), "no row for {field}");
        }
        count += 1;
    }
    assert!(count >= 27, "{count} fields");
}

fn fields(source: &'static str, name: &str) -> impl Iterator<Item = String> {
    let start = source.find(&format!("pub struct {name} {{")).unwrap();
    let lines = source[start..].lines().take_while(|line| *line != "}");
    lines.filter_map(|line| Some(line.strip_prefix("    pub ")?.split_once(':')?.0.to_owned()))
}
