//! Starts a separate Conduit for each test on a real socket, with a client that speaks JSON to it.

use std::path::Path;

use serde_json::{Value, json};
use trine::Config;
use trine::prelude::Method;
use trine::testing::{TestClient, TestResponse, TestServer};

/// A running server.
pub struct Conduit {
    pub client: Api,
    server: TestServer,
}

impl Conduit {
    pub async fn start(dir: &Path) -> Conduit {
        let server = conduit::app().config(files_in(dir)).test_server().await;
        let client = Api { client: server.client().clone(), token: None };
        Conduit { client, server }
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The configuration that keeps all files in this folder.
pub fn files_in(dir: &Path) -> Config {
    Config::read(&format!("conduit.database = '{}'", dir.join("conduit.db").display()), []).unwrap()
}

/// A client of the API, signed in as one user or as none.
#[derive(Clone)]
pub struct Api {
    client: TestClient,
    token: Option<String>,
}

impl Api {
    /// Registers a user and sends all later requests as this user.
    pub async fn register(&self, name: &str) -> Api {
        let user = json!({ "username": name, "email": format!("{name}@example.org"), "password": "correct horse" });
        let answer = self.post("/users", json!({ "user": user })).await.ok(201);
        self.with_token(answer["user"]["token"].as_str().unwrap())
    }

    pub fn with_token(&self, token: &str) -> Api {
        Api { token: Some(token.to_owned()), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> TestResponse {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> TestResponse {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: Value) -> TestResponse {
        self.send(Method::PUT, path, Some(body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> TestResponse {
        self.send(Method::DELETE, path, None).await
    }

    /// Publishes an article and returns it.
    pub async fn publish(&self, title: &str, tags: &[&str]) -> Value {
        let article =
            json!({ "title": title, "description": "about", "body": "text", "tagList": tags });
        self.post("/articles", json!({ "article": article })).await.ok(201)["article"].clone()
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> TestResponse {
        let mut request = self.client.request(method, format!("/api{path}"));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Token {token}"));
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").bytes(body);
        }
        request.await
    }
}

/// Assertions for every response of Conduit.
pub trait Answer {
    /// The body of a response, which must have this status. It is `null` if there is no body.
    fn ok(self, status: u16) -> Value;

    /// Asserts an error with this status and exactly these fields.
    fn refused(self, status: u16, errors: Value);
}

impl Answer for TestResponse {
    #[track_caller]
    fn ok(self, status: u16) -> Value {
        self.expect_status(status);
        if self.bytes().is_empty() { Value::Null } else { self.json() }
    }

    #[track_caller]
    fn refused(self, status: u16, errors: Value) {
        self.expect_status(status).expect_json(json!({ "errors": errors }));
    }
}
