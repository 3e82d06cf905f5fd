//! The requests to every server, and the only correct response to each.

/// One kind of request.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    request_line: &'static str,
    headers: &'static str,
    body: &'static str,
    /// The body of the response, byte for byte.
    pub(crate) expected: &'static str,
    /// The number of connections that work in step: all send a request, then all responses are
    /// read.
    pub(crate) connections: usize,
    /// The number of requests that a connection writes at once.
    pub(crate) pipelined: usize,
    /// The number of requests after which the client closes a connection and opens a new one. Only
    /// the engine's load does that.
    pub(crate) per_connection: Option<usize>,
}

const MESSAGE: &str = r#"{"message":"Hello, World!"}"#;
const PERSON: &str = r#"{"id":42,"name":"Ann Example"}"#;
const ITEM: &str = r#"{"id":7,"name":"Ann Example","tags":["red","green","blue"]}"#;

/// Sixteen connections in step are typical of a busy server. On a single connection, each request
/// would also pay for a wake-up.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::get("plaintext-3-headers", "GET /plaintext HTTP/1.1\r\n", THREE, "Hello, World!"),
    Scenario::get("plaintext-12-headers", "GET /plaintext HTTP/1.1\r\n", BROWSER, "Hello, World!"),
    Scenario::get("json-3-headers", "GET /json HTTP/1.1\r\n", THREE, MESSAGE),
    Scenario::get("json-12-headers", "GET /json HTTP/1.1\r\n", BROWSER, MESSAGE),
    Scenario {
        connections: 1,
        pipelined: 16,
        ..Scenario::get("plaintext-pipelined", "GET /plaintext HTTP/1.1\r\n", ONE, "Hello, World!")
    },
    Scenario::get("users", "GET /users/42 HTTP/1.1\r\n", ONE, "42"),
    Scenario::get("people-json", "GET /people/42 HTTP/1.1\r\n", ONE, PERSON),
    Scenario { body: ITEM, ..Scenario::get("echo", "POST /echo HTTP/1.1\r\n", ECHO, ITEM) },
];

/// An additional scenario of the engine's load: a connection serves ten requests, then the client
/// closes it.
pub(crate) const RECONNECTING: Scenario = Scenario {
    per_connection: Some(10),
    ..Scenario::get("json-reconnecting", "GET /json HTTP/1.1\r\n", THREE, MESSAGE)
};

const ONE: &str = "Host: localhost\r\n";

const THREE: &str = "\
Host: localhost\r\n\
User-Agent: compare/1.0\r\n\
Accept: application/json,text/html;q=0.9,application/xhtml+xml;q=0.9,application/xml;q=0.8,*/*;q=0.7\r\n";

/// The twelve header fields that a browser sends when it navigates.
const BROWSER: &str = "\
Host: localhost:8080\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Connection: keep-alive\r\n\
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
Upgrade-Insecure-Requests: 1\r\n\
Sec-Fetch-Dest: document\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-Site: same-origin\r\n\
Cache-Control: max-age=0\r\n";

const ECHO: &str = "Host: localhost\r\nContent-Type: application/json\r\n";

impl Scenario {
    const fn get(
        name: &'static str,
        request_line: &'static str,
        headers: &'static str,
        expected: &'static str,
    ) -> Scenario {
        Scenario {
            name,
            request_line,
            headers,
            body: "",
            expected,
            connections: 16,
            pipelined: 1,
            per_connection: None,
        }
    }

    /// The bytes of one write: one request, or all pipelined requests.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = match self.body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let request = format!("{}{}{length}\r\n{}", self.request_line, self.headers, self.body);
        request.repeat(self.pipelined).into_bytes()
    }
}
