//! The configuration from its sources to its fields, and every way in which it can be wrong.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use trine::config::{Config, ConfigErrors, Location, Profile};
use trine_server::{Acme, AcmeChallenge, Certificate};

fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::read(text, env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())))
}

fn errors(text: &str, env: &[(&str, &str)]) -> Vec<String> {
    read(text, env).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_configuration_has_the_defaults() {
    assert_eq!(read("", &[]).unwrap(), Config::default());
    assert_eq!(read("", &[("PATH", "/bin"), ("PORT", "80")]).unwrap(), Config::default());
}

#[test]
fn the_environment_wins_over_the_profile_over_the_rest() {
    let text = "port = 1\nworkers = 1\nlimits.body = '1KiB'\n[prod]\nport = 2\nworkers = 2\n[dev.timeouts]\nshutdown = '1s'";
    let config = read(text, &[("TRINE_PROFILE", "prod"), ("TRINE_PORT", "3")]).unwrap();
    assert_eq!((config.server.port, config.server.workers, config.body_limit), (3, 2, 1024));
    assert_eq!(config.server.shutdown_timeout, Config::default().server.shutdown_timeout);
    let config =
        read(text, &[("TRINE_PROFILE", "dev"), ("TRINE_TIMEOUTS_SHUTDOWN", "1m30s")]).unwrap();
    assert_eq!((config.profile, config.server.port), (Profile::Dev, 1));
    assert_eq!(config.server.shutdown_timeout, Duration::from_secs(90));
}

#[test]
fn an_acme_certificate_has_a_table_of_its_own() {
    let text = "[acme]\ndomains = ['example.com', 'www.example.com']\ncontact = ['mailto:ops@example.com']\n\
                cache = '/var/lib/x'\nagree_to_terms = true\nchallenge = 'http-01'";
    let acme = read(text, &[("TRINE_ACME_DIRECTORY", "https://ca.internal/directory")])
        .unwrap()
        .server
        .certificate;
    let expected = Acme::new(["example.com", "www.example.com"])
        .contact("mailto:ops@example.com")
        .cache("/var/lib/x")
        .agree_to_terms()
        .challenge(AcmeChallenge::Http01)
        .directory("https://ca.internal/directory");
    assert_eq!(acme, Certificate::from(expected));
    let of_variables = read("", &[("TRINE_ACME_DOMAINS", "a.example, b.example")]).unwrap();
    let Certificate::Acme(acme) = of_variables.server.certificate else { panic!() };
    assert_eq!(acme.domains, ["a.example", "b.example"]);
    let wrong = errors("acme.challenge = 'dns-01'", &[]);
    assert!(wrong[0].contains("`tls-alpn-01` or `http-01`"), "{wrong:?}");
}

#[test]
fn keys_of_two_certificates_exclude_each_other() {
    let files = "tls_cert = 'a.pem'\ntls_key = 'a.key'";
    let certificate = |text: &str| read(text, &[]).unwrap().server.certificate;
    assert_eq!(certificate(""), Certificate::None);
    assert_eq!(certificate(files), Certificate::files("a.pem", "a.key"));
    assert_eq!(certificate("tls_self_signed = true"), Certificate::SelfSigned);
    let taken_back = read(files, &[("TRINE_TLS_CERT", "none"), ("TRINE_TLS_KEY", "none")]);
    assert_eq!(taken_back.unwrap().server.certificate, Certificate::None);

    assert_eq!(
        errors("port = 1\ntls_cert = 'a.pem'", &[]),
        ["trine.toml:2: `tls_cert` is set, but `tls_key` is not: set both or neither"]
    );
    assert_eq!(
        errors(files, &[("TRINE_TLS_SELF_SIGNED", "true")]),
        [
            "environment variable TRINE_TLS_SELF_SIGNED: `tls_self_signed` and `tls_cert`/`tls_key` exclude each other: remove one of them"
        ]
    );
    for other in [files, "tls_self_signed = true"] {
        let wrong = errors(&format!("{other}\nacme.domains = ['example.com']"), &[]);
        let wanted = "`acme.domains`, `tls_cert`/`tls_key` and `tls_self_signed` exclude one \
                      another: keep one of them";
        assert!(wrong[0].ends_with(wanted), "{wrong:?}");
    }
    // The certificate may be in the part of the file that cannot be read.
    let broken = errors("tls_cert = 'a.pem'\nport = ", &[("TRINE_TLS_KEY", "a.key")]);
    assert!(broken.len() == 1 && !broken[0].contains("belong together"), "{broken:?}");
}

#[test]
fn values_are_read_in_every_form_of_toml() {
    let config = read("port = 0x1F90\n[limits]\nbody = 1_000", &[]).unwrap();
    assert_eq!((config.server.port, config.body_limit), (8080, 1000));
    assert_eq!(read("limits = { body = \"2 MiB\" }", &[]).unwrap().body_limit, 2 << 20);
}

#[test]
fn all_mistakes_are_reported_at_once_with_their_locations() {
    let text =
        "port = 70000\nadress = '::1'\n\n[timeouts]\nshutdown = 30\n\n[limits]\nbody = [1]\n";
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
fn a_mistake_in_the_other_profiles_section_is_reported_too() {
    let wrong = errors("[prod]\nport = 'http'", &[("TRINE_PROFILE", "dev")]);
    assert_eq!(
        wrong,
        ["trine.toml:2: `port`: expected a port from 0 (any free one) to 65535, got `http`"]
    );
}

#[test]
fn invalid_toml_is_located() {
    let wrong = errors(
        "port = 80\n[limits\nbody = 1",
        &[("TRINE_CONFIG", "etc/my.toml"), ("TRINE_PORT", "x")],
    );
    assert!(wrong[0].starts_with("etc/my.toml:2: not TOML: "), "{}", wrong[0]);
    assert!(wrong.last().unwrap().starts_with("environment variable TRINE_PORT: "));
}

#[test]
fn a_misplaced_key_is_recognised() {
    assert_eq!(
        errors("body = 1", &[]),
        ["trine.toml:1: there is no key `body`; did you mean `limits.body`?"]
    );
    let unlike = "trine.toml:1: there is no key `colour`; the documentation of the module `trine::config` lists the keys of the server; a section has the keys of its struct";
    assert_eq!(errors("colour = 1", &[]), [unlike]);
    let Location::File { path, line } = read("port = -1", &[]).unwrap_err().0[0].location().clone()
    else {
        panic!()
    };
    assert_eq!((path.as_str(), line), ("trine.toml", 1));
}

#[test]
fn unusable_limits_are_refused() {
    let text = "limits.headers = 257\nlimits.target = '64KiB'\nlimits.connections = 0\nlimits.backlog = 0\nlimits.head = 0\ntimeouts.head = '0s'";
    assert_eq!(errors(text, &[]).len(), 6);
    read(
        "limits.headers = 256\nlimits.target = 65534\nlimits.connections = 1\nlimits.backlog = 1",
        &[],
    )
    .unwrap();
}

mod sections {
    use std::net::SocketAddr;
    use std::path::PathBuf;

    use trine::config::{Secret, Section, Size};

    use super::*;

    #[derive(Debug, PartialEq, trine::Config)]
    enum Delivery {
        Now,
        NextDay,
        #[config(name = "never")]
        Off,
    }

    /// Where mail goes.
    #[derive(Debug, trine::Config)]
    struct Mail {
        /// The server.
        host: String,
        #[config(default = 25)]
        port: u16,
        from: Option<String>,
        #[config(default = "10s")]
        timeout: Duration,
        #[config(default = "2MiB")]
        max: Size,
        #[config(default)]
        copies: Vec<String>,
        #[config(name = "when", default = Delivery::Now)]
        delivery: Delivery,
        password: Option<Secret>,
    }

    fn mail(text: &str, env: &[(&str, &str)]) -> Result<Mail, Vec<String>> {
        let mut config = read(text, env).unwrap();
        config
            .section::<Mail>("mail")
            .map_err(|errors| errors.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn defaults_are_as_they_are_declared() {
        let mail = mail("mail.host = 'h'", &[]).unwrap();
        assert_eq!(
            (mail.host.as_str(), mail.port, mail.from, mail.timeout.as_secs()),
            ("h", 25, None, 10)
        );
        assert_eq!(
            (mail.max.bytes(), mail.copies.len(), mail.delivery),
            (2 << 20, 0, Delivery::Now)
        );
        assert!(mail.password.is_none());
        let keys: Vec<_> =
            Mail::KEYS.iter().map(|key| (key.name, key.default, key.secret)).collect();
        assert_eq!(keys[0], ("host", None, false));
        assert_eq!(keys[3], ("timeout", Some("10s"), false));
        assert_eq!(keys[6], ("when", Some("Delivery :: Now"), false));
        assert_eq!(keys[7], ("password", None, true));
        assert_eq!(Mail::KEYS[0].doc, "The server.");
    }

    #[test]
    fn the_environment_wins_over_the_profile_over_the_rest() {
        let text = "[mail]\nhost = 'a'\nport = 1\ntimeout = '1s'\nwhen = 'next_day'\ncopies = ['x', 'y']\n\
                    [dev.mail]\nport = 2\ntimeout = '2s'\n[prod.mail]\nport = 3";
        let env =
            [("TRINE_PROFILE", "dev"), ("TRINE_MAIL_TIMEOUT", "3s"), ("TRINE_MAIL_MAX", "64KiB")];
        let mail = mail(text, &env).unwrap();
        assert_eq!((mail.port, mail.timeout.as_secs(), mail.max.bytes()), (2, 3, 65536));
        assert_eq!(
            (mail.delivery, mail.copies),
            (Delivery::NextDay, vec!["x".to_owned(), "y".to_owned()])
        );
        let listed =
            super::sections::mail("mail.host = 'h'", &[("TRINE_MAIL_COPIES", "a, b")]).unwrap();
        assert_eq!(listed.copies, ["a", "b"]);
        assert_eq!(
            super::sections::mail("mail = { host = 'h', when = 'never' }", &[]).unwrap().delivery,
            Delivery::Off
        );
    }

    #[test]
    fn all_mistakes_are_reported_at_once_with_their_locations() {
        let text = "[mail]\nport = 'http'\nfrmo = 'me'\nwhen = 'later'\n[prod.mail]\ntimeout = 5\n";
        let line = line!() + 1;
        let told = mail(
            text,
            &[("TRINE_PROFILE", "dev"), ("TRINE_MAIL_MAX", "lots"), ("TRINE_MAIL_HSOT", "h")],
        );
        let here = format!("{}:{}", file!(), line - 40);
        let told = told.unwrap_err();
        assert_eq!(
            told[..6],
            [
                "trine.toml:2: `mail.port`: expected a whole number from 0 to 65535, got `http`",
                "trine.toml:3: there is no key `mail.frmo`; did you mean `mail.from`?",
                "trine.toml:4: `mail.when`: expected `now`, `next_day` or `never`, got `later`",
                "trine.toml:6: `mail.timeout`: expected a duration such as `250ms`, `10s` or `1m30s`, got `5`",
                "environment variable TRINE_MAIL_MAX: `mail.max`: expected a size such as `65536`, `64KiB` or `2MB`, got `lots`",
                "environment variable TRINE_MAIL_HSOT: there is no key `TRINE_MAIL_HSOT`; did you mean `TRINE_MAIL_HOST`?",
            ]
        );
        assert!(told[6].starts_with(here.split(':').next().unwrap()), "{told:?}");
        assert!(
            told[6]
                .ends_with("add `host = …` under `[mail]` in trine.toml, or set TRINE_MAIL_HOST"),
            "{told:?}"
        );
        assert_eq!(told.len(), 7);
    }

    /// A variable may belong to another section whose name starts with this section's name.
    #[test]
    fn sections_may_have_names_that_begin_alike() {
        let mut config = read(
            "mail.host = 'h'",
            &[("TRINE_MAIL_BACKUP_HOST", "b"), ("TRINE_MAIL_BACKUP_PORT", "9")],
        )
        .unwrap();
        assert_eq!(config.section::<Mail>("mail").unwrap().host, "h");
        let backup: Mail = config.section("mail_backup").unwrap();
        assert_eq!((backup.host.as_str(), backup.port), ("b", 9));
        let mut config = read("[mail.backup]\nhost = 'in'", &[]).unwrap();
        assert_eq!(config.section::<Mail>("mail.backup").unwrap().host, "in");
    }

    #[test]
    fn names_that_cannot_be_sections_are_refused() {
        for name in ["limits", "timeout", "dev", "prod", "", "Mail", "a b", "mail.", "limits.mail"]
        {
            let errors = Config::default().section::<Mail>(name).unwrap_err().to_string();
            assert!(errors.contains("cannot be the name of a section"), "{name}: {errors}");
        }
        assert_eq!(
            errors("[timeout]\nhead = '1s'", &[]),
            ["trine.toml:2: there is no key `timeout.head`; did you mean `timeouts.head`?"]
        );
    }

    #[derive(Debug, trine::Config)]
    #[expect(dead_code, reason = "some are only read")]
    struct Keys {
        #[config(min = 32)]
        sign: Secret,
        #[config(default = "only for development")]
        cookie: Secret,
        #[config(secret)]
        database: Option<PathBuf>,
        #[config(secret)]
        peer: Option<SocketAddr>,
    }

    fn keys(profile: &str, sign: &str, cookie: Option<&str>) -> Result<Keys, String> {
        let mut env = vec![("TRINE_PROFILE", profile), ("TRINE_KEYS_SIGN", sign)];
        env.extend(cookie.map(|cookie| ("TRINE_KEYS_COOKIE", cookie)));
        read("", &env).unwrap().section::<Keys>("keys").map_err(|errors| errors.to_string())
    }

    #[test]
    fn under_prod_a_weak_secret_is_refused() {
        let (long, other) = ("9e107d9d372bb6826bd81d3542a419d6", "a tiger 7 lily");
        let read = keys("prod", long, Some(other)).unwrap();
        assert!(read.sign.matches(long) && read.cookie.matches(other));
        for (sign, cookie, why) in [
            (
                &long[1..],
                Some(other),
                "TRINE_KEYS_SIGN: the value of `keys.sign` is too weak for the profile `prod`: it has 31 bytes, expected at least 32",
            ),
            ("", Some(other), "it is a well-known example: set a random value"),
            (long, Some("Change-Me"), "it is a well-known example: set a random value"),
            (long, Some("a lily!"), "it has 7 bytes, expected at least 8"),
            (
                long,
                Some("abababababab"),
                "it has fewer than 4 different characters: set a random value",
            ),
            (
                long,
                None,
                "the value of `keys.cookie` is too weak for the profile `prod`: its default is in the source code, which others can read: set TRINE_KEYS_COOKIE",
            ),
        ] {
            let errors = keys("prod", sign, cookie).unwrap_err();
            assert!(errors.contains(why), "{errors}");
            assert!(sign.is_empty() || !errors.contains(sign), "{errors}");
            assert!(keys("dev", sign, cookie).is_ok(), "`dev` accepts weak secrets");
        }
        let missing = super::read("", &[("TRINE_PROFILE", "dev")])
            .unwrap()
            .section::<Keys>("keys")
            .unwrap_err();
        assert!(missing.to_string().contains("`keys.sign` is missing: expected text"), "{missing}");
    }

    #[test]
    fn no_error_and_no_debug_shows_a_secret() {
        let mut config = read("[keys]\npeer = 'tiger'\nsign = [1]\nlily = 'tiger'", &[]).unwrap();
        assert!(!format!("{config:?}").contains("tiger"));
        let errors = config.section::<Keys>("keys").unwrap_err();
        let text = format!("{errors} {errors:?}");
        let wanted = "`keys.peer`: expected an address and a port such as `127.0.0.1:25`; the \
                      current value is not shown because it is a secret";
        assert!(text.contains(wanted), "{text}");
        assert!(!text.contains("tiger"), "{text}");
        let read = keys("dev", "tiger", None).unwrap();
        assert!(!format!("{read:?}").contains("tiger"), "{read:?}");
    }

    #[test]
    fn a_default_that_cannot_be_read_is_pointed_at() {
        #[derive(Debug, trine::Config)]
        #[expect(dead_code, reason = "only read")]
        struct Wrong {
            #[config(default = "10")]
            timeout: Duration,
        }
        let line = line!() - 2;
        let error = Config::default().section::<Wrong>("wrong").unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{}:{line}: `wrong.timeout`: expected a duration", file!())),
            "{error}"
        );
    }
}
