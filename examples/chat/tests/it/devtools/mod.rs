//! Drives Chromium through its DevTools protocol, with only the commands that these tests need.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use trine_testkit::tools;

/// A running browser. Dropping it ends the process.
pub(crate) struct Browser {
    process: Child,
    _profile: TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    asked: u64,
    /// Errors that pages logged or threw, except for requests that fail while the server is down.
    pub(crate) complaints: Vec<String>,
}

/// A page in a browser profile of its own.
pub(crate) struct Page(String);

impl Browser {
    pub(crate) async fn start(program: &Path) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let mut command = tools::headless(program, profile.path());
        let process = command.arg("--remote-debugging-port=0").arg("about:blank").spawn().unwrap();
        let told = profile.path().join("DevToolsActivePort");
        let start = Instant::now();
        let url = loop {
            let text = std::fs::read_to_string(&told).unwrap_or_default();
            if let [port, path] = text.lines().collect::<Vec<_>>()[..] {
                break format!("ws://127.0.0.1:{port}{path}");
            }
            assert!(start.elapsed() < Duration::from_secs(60), "the browser does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Browser { process, _profile: profile, socket, asked: 0, complaints: Vec::new() }
    }

    pub(crate) async fn open(&mut self, url: &str) -> Page {
        let context = self.ask(None, "Target.createBrowserContext", json!({})).await;
        let place =
            json!({ "url": "about:blank", "browserContextId": context["browserContextId"] });
        let target = self.ask(None, "Target.createTarget", place).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.ask(None, "Target.attachToTarget", attach).await;
        let page = Page(session["sessionId"].as_str().unwrap().to_owned());
        self.ask(Some(&page), "Runtime.enable", json!({})).await;
        self.ask(Some(&page), "Log.enable", json!({})).await;
        let ours = json!({ "source": "globalThis.find = id => document.getElementById(id)" });
        self.ask(Some(&page), "Page.addScriptToEvaluateOnNewDocument", ours).await;
        self.ask(Some(&page), "Page.enable", json!({})).await;
        self.ask(Some(&page), "Page.navigate", json!({ "url": url })).await;
        self.wait_for(&page, "document.readyState === 'complete' && location.protocol === 'http:'")
            .await;
        page
    }

    /// Evaluates an expression on the page.
    pub(crate) async fn eval(&mut self, page: &Page, expression: &str) -> Value {
        let asked =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.ask(Some(page), "Runtime.evaluate", asked).await;
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    pub(crate) async fn wait_for(&mut self, page: &Page, expression: &str) {
        let start = Instant::now();
        while self.eval(page, expression).await != true {
            let waited = start.elapsed() < Duration::from_secs(45);
            assert!(
                waited,
                "never: {expression}\n{}",
                self.eval(page, "document.body.innerText").await
            );
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    pub(crate) async fn type_text(&mut self, page: &Page, text: &str) {
        self.ask(Some(page), "Input.insertText", json!({ "text": text })).await;
    }

    pub(crate) async fn press_enter(&mut self, page: &Page) {
        for kind in ["keyDown", "keyUp"] {
            let key = json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r" });
            self.ask(Some(page), "Input.dispatchKeyEvent", key).await;
        }
    }

    pub(crate) async fn picture(
        &mut self,
        page: &Page,
        scheme: &str,
        (width, height): (u32, u32),
    ) -> Vec<u8> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask(Some(page), "Emulation.setDeviceMetricsOverride", size).await;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask(Some(page), "Emulation.setEmulatedMedia", media).await;
        let picture = self.ask(Some(page), "Page.captureScreenshot", json!({})).await;
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    async fn ask(&mut self, page: Option<&Page>, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": params });
        if let Some(Page(session)) = page {
            message["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(message.to_string())).await.unwrap();
        loop {
            let next = tokio::time::timeout(Duration::from_secs(60), self.socket.next()).await;
            let Message::Text(text) = next.unwrap().unwrap().unwrap() else { continue };
            let mut message: Value = serde_json::from_str(&text).unwrap();
            if message["id"] == self.asked {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].take();
            }
            self.note(&message);
        }
    }

    fn note(&mut self, event: &Value) {
        let complaint = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => event["params"]["exceptionDetails"].to_string(),
            Some("Log.entryAdded") if event["params"]["entry"]["level"] == "error" => {
                event["params"]["entry"]["text"].to_string()
            }
            _ => return,
        };
        if !complaint.contains("ERR_CONNECTION_REFUSED") {
            self.complaints.push(complaint);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
