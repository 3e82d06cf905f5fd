//! The section of the proxy in `docs/defaults.md` lists every field with its actual default.
#![allow(clippy::unwrap_used, reason = "tests")]

use trine_proxy::ProxyConfig;

const PAGE: &str = include_str!("../../../../docs/defaults.md");

#[test]
fn the_page_has_every_field_with_its_default() {
    let (_, section) = PAGE.split_once("## The reverse proxy").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [field, default, why, seen] = &*cells else { panic!("{line}") };
        assert!(!why.is_empty() && !seen.is_empty(), "{line}");
        let default = default.trim_matches('`');
        let size = |unit, bytes: u64| {
            let number = default.strip_suffix(unit)?;
            Some((number.parse::<u64>().unwrap() * bytes).to_string())
        };
        let default = match (size("KiB", 1 << 10).or_else(|| size("GiB", 1 << 30)), default) {
            (Some(bytes), _) => bytes,
            (None, "none") => "None".to_owned(),
            (None, as_it_is) => as_it_is.to_owned(),
        };
        format!("    {}: {default},", field.trim_matches('`'))
    });
    let told: Vec<String> = rows.collect();
    let debug = format!("{:#?}", ProxyConfig::default());
    let true_ones: Vec<&str> = debug.lines().filter(|line| line.starts_with("    ")).collect();
    assert_eq!(told, true_ones);
}
