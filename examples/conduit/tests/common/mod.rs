//! A Conduit of its own for each test, on a real socket, and a client that speaks JSON to it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use trine::{AppService, Config};
use trine_server::{Server, ServerConfig, ServerHandle};

/// A running server.
pub struct Conduit {
    pub client: Api,
    service: AppService,
    handle: ServerHandle,
    serving: tokio::task::JoinHandle<()>,
}

impl Conduit {
    pub async fn start(dir: &Path) -> Conduit {
        let service = conduit::app().config(files_in(dir)).build().await.unwrap();
        let config = ServerConfig {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            workers: 2,
            signals: false,
            ..ServerConfig::default()
        };
        let bound = Server::new(config).bind().unwrap();
        let base = format!("http://{}/api", bound.local_addr());
        let handle = bound.handle();
        let serve = bound.serve(service.clone());
        let serving = tokio::spawn(async move { serve.await.unwrap() });
        Conduit { client: Api { base, token: None, http: Client::new() }, service, handle, serving }
    }

    pub async fn stop(self) {
        self.handle.shutdown();
        self.serving.await.unwrap();
        self.service.shutdown().await.unwrap();
    }
}

/// The configuration that keeps everything in this folder.
pub fn files_in(dir: &Path) -> Config {
    Config::read(&format!("conduit.database = '{}'", dir.join("conduit.db").display()), []).unwrap()
}

/// One user's view of the API, or nobody's.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: Option<String>,
    http: Client,
}

impl Api {
    /// Registers a user and speaks as them from then on.
    pub async fn register(&self, name: &str) -> Api {
        let user =
            json!({ "username": name, "email": format!("{name}@example.org"), "password": "correct horse" });
        let answer = self.post("/users", json!({ "user": user })).await.ok(201);
        self.with_token(answer["user"]["token"].as_str().unwrap())
    }

    pub fn with_token(&self, token: &str) -> Api {
        Api { token: Some(token.to_owned()), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Publishes an article and returns it.
    pub async fn publish(&self, title: &str, tags: &[&str]) -> Value {
        let article = json!({ "title": title, "description": "about", "body": "text", "tagList": tags });
        self.post("/articles", json!({ "article": article })).await.ok(201)["article"].clone()
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Token {token}"));
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        Answer { status, headers, body }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The body of an answer that has to have this status.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Asserts an error with this status and exactly these fields.
    #[track_caller]
    pub fn refused(self, status: u16, errors: Value) {
        assert_eq!((self.status, self.body), (status, json!({ "errors": errors })));
    }
}
