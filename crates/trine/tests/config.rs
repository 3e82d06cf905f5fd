//! The configuration from its sources to its fields, and every way in which it can be wrong.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use trine::config::{Config, ConfigErrors, Profile, Source};

fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::read(text, env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())))
}

fn errors(text: &str, env: &[(&str, &str)]) -> Vec<String> {
    read(text, env).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_said_is_the_default() {
    assert_eq!(read("", &[]).unwrap(), Config::default());
    assert_eq!(read("", &[("PATH", "/bin"), ("PORT", "80")]).unwrap(), Config::default());
}

#[test]
fn the_environment_wins_over_the_profile_over_the_rest() {
    let text = "port = 1\nworkers = 1\nlimits.body = '1KiB'\n[prod]\nport = 2\nworkers = 2\n[dev.timeouts]\nshutdown = '1s'";
    let config = read(text, &[("TRINE_PROFILE", "prod"), ("TRINE_PORT", "3")]).unwrap();
    assert_eq!((config.server.port, config.server.workers, config.body_limit), (3, 2, 1024));
    assert_eq!(config.server.shutdown_timeout, Config::default().server.shutdown_timeout);
    let config = read(text, &[("TRINE_PROFILE", "dev"), ("TRINE_TIMEOUTS_SHUTDOWN", "1m30s")]).unwrap();
    assert_eq!((config.profile, config.server.port), (Profile::Dev, 1));
    assert_eq!(config.server.shutdown_timeout, Duration::from_secs(90));
}

#[test]
fn values_are_read_in_every_form_of_toml() {
    let config = read("port = 0x1F90\n[limits]\nbody = 1_000", &[]).unwrap();
    assert_eq!((config.server.port, config.body_limit), (8080, 1000));
    assert_eq!(read("limits = { body = \"2 MiB\" }", &[]).unwrap().body_limit, 2 << 20);
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place() {
    let text = "port = 70000\nadress = '::1'\n\n[timeouts]\nshutdown = 30\n\n[limits]\nbody = [1]\n";
    let env = [("TRINE_PROFILE", "live"), ("TRINE_SIGNALS", "no"), ("TRINE_LIMIT_BODY", "1")];
    assert_eq!(
        errors(text, &env),
        [
            "trine.toml:1: `port`: expected a port from 0 (any free one) to 65535, got `70000`",
            "trine.toml:2: there is no key `adress`; did you mean `address`?",
            "trine.toml:5: `timeouts.shutdown`: expected a duration such as `250ms`, `10s` or `1m30s`, got `30`",
            "trine.toml:8: `limits.body`: expected a size such as `65536`, `64KiB` or `2MB`, got `[…]`",
            "environment variable TRINE_PROFILE: `profile`: expected `dev` or `prod`, got `live`",
            "environment variable TRINE_SIGNALS: `signals`: expected `true` or `false`, got `no`",
            "environment variable TRINE_LIMIT_BODY: there is no key `TRINE_LIMIT_BODY`; did you mean `TRINE_LIMITS_BODY`?",
        ]
    );
}

#[test]
fn a_mistake_in_the_section_of_the_other_profile_is_told_too() {
    let wrong = errors("[prod]\nport = 'http'", &[("TRINE_PROFILE", "dev")]);
    assert_eq!(wrong, ["trine.toml:2: `port`: expected a port from 0 (any free one) to 65535, got `http`"]);
}

#[test]
fn what_is_not_toml_is_located() {
    let wrong =
        errors("port = 80\n[limits\nbody = 1", &[("TRINE_CONFIG", "etc/my.toml"), ("TRINE_PORT", "x")]);
    assert!(wrong[0].starts_with("etc/my.toml:2: not TOML: "), "{}", wrong[0]);
    assert!(wrong.last().unwrap().starts_with("environment variable TRINE_PORT: "));
}

#[test]
fn a_key_out_of_place_is_recognised() {
    assert_eq!(
        errors("body = 1", &[]),
        ["trine.toml:1: there is no key `body`; did you mean `limits.body`?"]
    );
    let unlike = "trine.toml:1: there is no key `colour`; `trine::config::Config` lists all of them";
    assert_eq!(errors("colour = 1", &[]), [unlike]);
    let Source::File { path, line } = read("port = -1", &[]).unwrap_err().0[0].place().clone() else {
        panic!()
    };
    assert_eq!((path.as_str(), line), ("trine.toml", 1));
}

#[test]
fn every_limit_is_refused_where_it_cannot_work() {
    let text = "limits.headers = 257\nlimits.target = '64KiB'\nlimits.connections = 0\nlimits.backlog = 0\nlimits.head = 0\ntimeouts.head = '0s'";
    assert_eq!(errors(text, &[]).len(), 6);
    read("limits.headers = 256\nlimits.target = 65534\nlimits.connections = 1\nlimits.backlog = 1", &[])
        .unwrap();
}
