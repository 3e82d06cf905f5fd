//! Rules that hold for the head of a request in every protocol. Each case of the table is sent over
//! HTTP/1 and HTTP/2, in clear text and over TLS, and over HTTP/3.

use super::host;
use super::protocols::{self, Servers, Transport};

/// The test fails if the table loses cases unnoticed.
const FEWEST_CASES: usize = 250;

pub(super) struct Case {
    pub(super) rfc: &'static str,
    pub(super) name: String,
    pub(super) method: String,
    pub(super) scheme: Scheme,
    pub(super) target: String,
    /// `:authority`, or the Host of HTTP/1.
    pub(super) authority: Option<String>,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: String,
    verdict: Verdict,
    versions: &'static [u8],
}

/// The scheme that the target contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// None, as in a plain target of HTTP/1.
    Unsaid,
    /// The scheme of the connection. HTTP/1 needs an absolute target for it.
    Own,
    /// The scheme of the connection in upper case.
    Upper,
    /// `https` in clear text, `http` over TLS.
    Other,
    Named(&'static str),
}

#[derive(Debug, Clone)]
enum Verdict {
    /// The service has seen this request.
    Served(String),
    /// The engine answers with this status.
    Refused(u16),
    /// 400, or a stream that is reset as malformed (RFC 9113, 8.1.1; RFC 9114, 4.1.2).
    Malformed,
}

/// The result of a case.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Got {
    Answer(u16, String),
    /// The stream was reset as malformed.
    Reset,
    Other(String),
}

use Verdict::{Malformed, Refused};

/// Every version of HTTP.
const ALL: &[u8] = &[1, 2, 3];
/// The versions that carry each message on a stream.
const STREAMS: &[u8] = &[2, 3];

impl Case {
    fn new(rfc: &'static str, name: impl Into<String>) -> Case {
        Case {
            rfc,
            name: name.into(),
            method: "GET".to_owned(),
            scheme: Scheme::Unsaid,
            target: "/a".to_owned(),
            authority: Some("localhost".to_owned()),
            fields: Vec::new(),
            body: String::new(),
            verdict: Malformed,
            versions: ALL,
        }
    }

    fn over(self, versions: &'static [u8]) -> Case {
        Case { versions, ..self }
    }

    fn method(self, method: &str) -> Case {
        Case { method: method.to_owned(), ..self }
    }

    fn scheme(self, scheme: Scheme) -> Case {
        Case { scheme, ..self }
    }

    fn target(self, target: &str) -> Case {
        Case { target: target.to_owned(), ..self }
    }

    fn authority(self, authority: Option<&str>) -> Case {
        Case { authority: authority.map(str::to_owned), ..self }
    }

    fn field(mut self, name: &str, value: &str) -> Case {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn body(self, body: &str) -> Case {
        Case { method: "POST".to_owned(), body: body.to_owned(), ..self }
    }

    fn is(self, verdict: Verdict) -> Case {
        Case { verdict, ..self }
    }

    fn served(self) -> Case {
        let host = self.authority.clone().unwrap_or_else(|| "localhost".to_owned());
        self.served_as(&host)
    }

    fn served_as(self, host: &str) -> Case {
        let seen = format!("{} {} {host} {}", self.method, self.target, self.body);
        self.is(Verdict::Served(seen))
    }

    pub(super) fn is_for(&self, transport: Transport) -> bool {
        self.versions.contains(&transport.version())
    }

    fn judge(&self, got: &Got) -> bool {
        match (&self.verdict, got) {
            (Verdict::Served(seen), Got::Answer(200, body)) => seen == body,
            (Refused(code), Got::Answer(status, _)) => code == status,
            (Malformed, Got::Answer(400, _) | Got::Reset) => true,
            _ => false,
        }
    }
}

fn table() -> Vec<Case> {
    let parts = [
        targets(),
        schemes(),
        hosts(),
        authorities(),
        lengths(),
        expectations(),
        fields(),
        methods(),
    ];
    parts.into_iter().flatten().collect()
}

fn targets() -> Vec<Case> {
    let path = |rfc, path: &str| Case::new(rfc, format!("the path {path:?}")).target(path);
    let mut cases = Vec::new();
    for good in [
        "/",
        "/a?b=c&d",
        "/a?",
        "/??",
        "/a//b/./../c",
        "/%41%2f",
        "/-._~!$&'()*+,;=:@",
        "/*",
        "//b/c",
    ] {
        cases.push(path("RFC 9110, 7.1", good).served());
    }
    cases.push(path("RFC 3986, 2", "/a?b\\c").served());
    for bad in ["/a\\b", "/a\\b?c", "/\u{e9}", "/?\u{e9}", "/a b", "/a\tb", "/a\0b", "/a\u{7f}b"] {
        cases.push(path("RFC 3986, 2", bad).is(Malformed));
    }
    for bad in ["/a#b", "/#", "/a?b#c", "#", "*#a"] {
        cases.push(path("RFC 9110, 4.2.5", bad).is(Malformed));
    }
    for bad in ["a", "a/b", "%2f", "../a", "?a", "*", "**", "*?a", ""] {
        cases.push(path("RFC 9110, 7.1", bad).is(Malformed));
    }
    let long = |bytes: usize| format!("/{}", "x".repeat(bytes - 1));
    cases.push(path("RFC 9112, 3", &long(8192)).served());
    cases.push(path("RFC 9112, 3", &long(8193)).is(Refused(414)));
    cases.push(path("RFC 9110, 9.3.7", "*").method("OPTIONS").served());
    cases
}

fn schemes() -> Vec<Case> {
    let scheme =
        |scheme| Case::new("RFC 9110, 7.4", format!("the scheme {scheme:?}")).scheme(scheme);
    vec![
        scheme(Scheme::Own).served(),
        scheme(Scheme::Upper).served(),
        scheme(Scheme::Other).is(Refused(421)),
        scheme(Scheme::Named("ftp")).is(Refused(400)),
        scheme(Scheme::Named("wss")).is(Refused(400)),
    ]
}

fn hosts() -> Vec<Case> {
    let mut cases = Vec::new();
    for bad in host::INVALID {
        let case = |how| Case::new("RFC 9110, 7.2", format!("the host {bad:?} {how}"));
        cases.push(case("as the authority").authority(Some(bad)).is(Malformed));
        cases.push(case("as Host").authority(None).field("host", bad).over(STREAMS).is(Malformed));
    }
    for good in host::VALID {
        let case = |how| Case::new("RFC 9110, 7.2", format!("the host {good:?} {how}"));
        // The crate `http` cannot represent a target with a percent-encoded authority, so such a
        // host is only possible in a Host field beside a plain target.
        let versions = if good.contains('%') { &[1] } else { ALL };
        cases.push(case("as the authority").authority(Some(good)).over(versions).served());
        let versions = if good.contains('%') { &[2] } else { STREAMS };
        cases.push(
            case("as Host").authority(None).field("host", good).over(versions).served_as(good),
        );
    }
    cases
}

fn authorities() -> Vec<Case> {
    let case = |name: &str| Case::new("RFC 9110, 7.2", name);
    vec![
        case("no host").authority(None).is(Malformed),
        case("Host instead of the authority")
            .authority(None)
            .field("host", "a.example")
            .served_as("a.example"),
        case("two hosts that are equal")
            .authority(None)
            .field("host", "a")
            .field("host", "a")
            .is(Malformed),
        case("two hosts that differ")
            .authority(None)
            .field("host", "a")
            .field("host", "b")
            .is(Malformed),
        case("two hosts and an authority")
            .field("host", "localhost")
            .field("host", "localhost")
            .is(Malformed),
        case("Host as the authority").field("host", "localhost").over(STREAMS).served(),
        case("Host as the authority in another case")
            .authority(Some("Localhost"))
            .field("host", "localHost")
            .over(STREAMS)
            .served(),
        case("Host that differs from the authority")
            .field("host", "elsewhere")
            .over(STREAMS)
            .is(Malformed),
        case("Host without the port")
            .authority(Some("a:80"))
            .field("host", "a")
            .over(STREAMS)
            .is(Malformed),
        case("an empty Host beside the authority").field("host", "").over(STREAMS).is(Malformed),
        case("an empty authority").authority(Some("")).over(STREAMS).is(Malformed),
        case("an empty Host").authority(None).field("host", "").over(STREAMS).is(Malformed),
        case("a user in an absolute target")
            .scheme(Scheme::Own)
            .authority(Some("u@a"))
            .is(Malformed),
    ]
}

fn lengths() -> Vec<Case> {
    let length = |value: &str| {
        Case::new("RFC 9110, 8.6", format!("the length {value:?}"))
            .body("hi")
            .field("content-length", value)
    };
    let mut cases = vec![length("2").served(), length("02").served()];
    for bad in [
        "",
        "+2",
        "-2",
        "2,2",
        "2, 2",
        "2;",
        "2 2",
        "0x2",
        "2.0",
        "two",
        "\"2\"",
        "18446744073709551618",
        "\u{662}",
    ] {
        cases.push(length(bad).is(Malformed));
    }
    for (name, first, second) in [
        ("two lengths that are equal", "2", "2"),
        ("two lengths that differ", "2", "3"),
        ("two lengths of which the first is wrong", "3", "2"),
        ("two lengths of which one is none", "2", "x"),
    ] {
        let case = Case::new("RFC 9112, 6.3", name).body("hi");
        cases.push(
            case.field("content-length", first).field("content-length", second).is(Malformed),
        );
    }
    // HTTP/1 takes the bytes after the declared length for the next request.
    for (name, value) in
        [("longer than its length", "1"), ("shorter than its length", "3"), ("of no bytes", "0")]
    {
        let case = Case::new("RFC 9113, 8.1.1", format!("a body {name}")).body("hi");
        cases.push(case.field("content-length", value).over(STREAMS).is(Malformed));
    }
    cases
}

fn expectations() -> Vec<Case> {
    let expect = |value: &str| {
        let case = Case::new("RFC 9110, 10.1.1", format!("Expect: {value:?}")).body("hi");
        case.field("expect", value).field("content-length", "2")
    };
    let mut cases = vec![expect("100-continue").served(), expect("100-Continue").served()];
    for unknown in ["", "100", "100-continue, x", "x", "100-continue;q=1", "\"100-continue\""] {
        cases.push(expect(unknown).is(Refused(417)));
    }
    cases.push(expect("100-continue").field("expect", "x").is(Refused(417)));
    cases
}

fn fields() -> Vec<Case> {
    let field = |rfc, name: &str, value: &str| {
        Case::new(rfc, format!("{name:?}: {value:?}")).field(name, value)
    };
    let mut cases = vec![
        field("RFC 9110, 5.5", "x", "").served(),
        field("RFC 9110, 5.5", "x", "a\tb").served(),
        field("RFC 9110, 5.5", "x", "\u{e9}").served(),
        field("RFC 9110, 5.6.2", "x!#$%&'*+-.^_`|~1", "a").served(),
        field("RFC 9110, 10.1.4", "te", "trailers").served(),
    ];
    for bad in ["a\0b", "a\rb", "a\nb", "a\u{1}b", "a\u{7f}b"] {
        cases.push(field("RFC 9110, 5.5", "x", bad).is(Malformed));
    }
    for bad in ["x y", "x\"y", "x(y", "x,y", "x/y", "x@y", "x\u{e9}y", "x\0y"] {
        cases.push(field("RFC 9110, 5.6.2", bad, "a").is(Malformed));
    }
    // HTTP/1 strips the white space around a value, and a line with an empty name is invalid for
    // another reason.
    for (name, value) in
        [("x", " a"), ("x", "a "), ("x", "\ta"), ("", "a"), ("X-Upper", "a"), ("x:y", "a")]
    {
        cases.push(field("RFC 9113, 8.2.1", name, value).over(STREAMS).is(Malformed));
    }
    for (name, value) in [
        ("connection", "close"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
    ] {
        cases.push(field("RFC 9113, 8.2.2", name, value).over(STREAMS).is(Malformed));
    }
    let many = |count: usize| {
        let case = Case::new("RFC 6585, 5", format!("{count} fields and the host"));
        (0..count).fold(case, |case, _| case.field("x", "y"))
    };
    // Over HTTP/1, this test also sends `Connection: close`.
    cases.push(many(98).served());
    cases.push(many(100).is(Refused(431)));
    cases
}

fn methods() -> Vec<Case> {
    let method =
        |method: &str| Case::new("RFC 9110, 9.1", format!("the method {method:?}")).method(method);
    let mut cases: Vec<Case> = ["DELETE", "get", "OWN", "M-SEARCH", "!#$%&'*+-.^_`|~"]
        .map(|own| method(own).served())
        .into();
    for bad in ["G T", "G\tT", "G\0T", "G\"T", "G/T", "G:T", "G\u{e9}T", ""] {
        cases.push(method(bad).is(Malformed));
    }
    let connect = |authority| {
        let case = Case::new("RFC 9110, 9.3.6", format!("CONNECT {authority}")).method("CONNECT");
        case.over(&[1, 2]).target(authority).authority(Some(authority))
    };
    cases.push(connect("localhost:80").is(Refused(405)));
    cases.push(connect("localhost").is(Malformed));
    cases.push(connect("u@localhost:80").is(Malformed));
    cases.push(connect("localhost:80").field("content-length", "3").is(Malformed));
    cases
}

async fn wrong(servers: &Servers, cases: &[Case]) -> Vec<String> {
    let mut wrong = Vec::new();
    for transport in Transport::ALL {
        for case in cases.iter().filter(|case| case.is_for(transport)) {
            let got = protocols::send(servers, transport, case).await;
            if !case.judge(&got) {
                let Case { name, rfc, verdict, .. } = case;
                wrong.push(format!(
                    "- {transport:?}: {name} ({rfc}): expected {verdict:?}, got {got:?}"
                ));
            }
        }
    }
    wrong
}

#[tokio::test]
async fn every_head_gets_its_verdict_over_every_protocol() {
    let cases = table();
    assert!(cases.len() >= FEWEST_CASES, "{} cases", cases.len());
    let servers = Servers::start(Vec::new());
    let wrong = wrong(&servers, &cases).await;
    servers.stop().await;
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// A proxy that terminates TLS for its clients uses `https` over connections in clear text.
#[tokio::test]
async fn a_trusted_proxy_may_name_either_scheme() {
    let servers = Servers::start(vec!["127.0.0.0/8".parse().unwrap()]);
    let cases = schemes().into_iter().map(|case| match case.scheme {
        Scheme::Other => case.served(),
        _ => case,
    });
    let cases: Vec<Case> = cases.collect();
    let wrong = wrong(&servers, &cases).await;
    servers.stop().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
