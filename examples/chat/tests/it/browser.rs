//! Two people chat in Chromium. Set `SCREENSHOTS=folder` to save screenshots.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use trine_testkit::process::{Process, address_in};
use trine_testkit::tools;

use crate::devtools::{Browser, Page};

/// The running program. Dropping it ends the process.
struct Chat {
    process: Process,
    port: u16,
}

impl Chat {
    fn start(port: u16) -> Chat {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat"));
        let mut process = Process::start(command.env("TRINE_PORT", port.to_string()));
        let first = process.line();
        let address =
            address_in(&first, "http://").unwrap_or_else(|| panic!("no address in {first:?}"));
        let (_, port) = address.rsplit_once(':').unwrap();
        Chat { process, port: port.parse().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Ends the process as a supervisor does.
    fn stop(mut self) {
        self.process.signal("TERM");
        assert!(self.process.wait().success());
    }
}

#[tokio::test]
async fn two_people_talk_and_go_on_after_a_restart() {
    let Some(chromium) = tools::chromium() else { return };
    let mut browser = Browser::start(&chromium).await;
    let chat = Chat::start(0);
    let ann = browser.open(&chat.url("/rooms/tea")).await;
    let bob = browser.open(&chat.url("/")).await;

    // The first visit asks for a name. The room comes from the address or from the form.
    assert_eq!(browser.eval(&ann, "document.activeElement.id").await, "name");
    enter(&mut browser, &ann, "Ann", "tea").await;
    enter(&mut browser, &bob, "Bob", "tea").await;
    for page in [&ann, &bob] {
        browser.wait_for(page, "find('state').textContent === 'live'").await;
        browser.wait_for(page, "find('count').textContent === '2'").await;
    }
    assert_eq!(browser.eval(&bob, "document.activeElement.id").await, "text");

    // Short and long messages; the long ones are compressed. No message is interpreted as markup.
    let long = "The kettle is on, and the good cups are out. ".repeat(12);
    let texts = ["Hello, Bob!", "<img src=x onerror=document.title='taken'>", long.trim()];
    for text in texts {
        say(&mut browser, &ann, text).await;
    }
    say(&mut browser, &bob, "On my way\nin five minutes").await;
    for page in [&ann, &bob] {
        browser.wait_for(page, "document.querySelectorAll('.said').length === 4").await;
        let said = browser
            .eval(page, "[...document.querySelectorAll('.said p')].map(p => p.textContent)")
            .await;
        let all = [texts[0], texts[1], texts[2], "On my way\nin five minutes"];
        assert_eq!(said, serde_json::json!(all));
        assert_eq!(browser.eval(page, "document.title").await, "#tea");
        assert_eq!(browser.eval(page, "document.querySelectorAll('.said img').length").await, 0);
    }
    assert_eq!(browser.eval(&bob, "document.querySelectorAll('.mine').length").await, 1);
    if let Some(folder) = std::env::var_os("SCREENSHOTS") {
        pictures(&mut browser, &bob, folder.as_ref()).await;
    }

    // The server restarts, and the pages reconnect by themselves.
    let port = chat.port;
    chat.stop();
    browser.wait_for(&ann, "find('state').className === 'away'").await;
    assert_eq!(browser.eval(&ann, "document.querySelector('#say button').disabled").await, true);
    let _chat = Chat::start(port);
    for page in [&ann, &bob] {
        browser.wait_for(page, "find('state').textContent === 'live'").await;
        browser.wait_for(page, "find('count').textContent === '2'").await;
    }
    say(&mut browser, &ann, "Still there?").await;
    browser
        .wait_for(
            &bob,
            "[...document.querySelectorAll('.said p')].at(-1).textContent === 'Still there?'",
        )
        .await;
    // The content security policy blocked nothing, and no script threw an error.
    assert_eq!(browser.complaints, Vec::<String>::new());
}

async fn enter(browser: &mut Browser, page: &Page, name: &str, room: &str) {
    browser.wait_for(page, "document.getElementById('welcome').open").await;
    let script = format!(
        "find('name').value = {name:?}; find('where').value = {room:?}; find('enter').requestSubmit()"
    );
    browser.eval(page, &script).await;
    browser
        .wait_for(
            page,
            &format!("location.pathname === '/rooms/{room}' && document.readyState === 'complete'"),
        )
        .await;
}

/// Types the text and presses Enter, as a person does.
async fn say(browser: &mut Browser, page: &Page, text: &str) {
    browser.eval(page, "find('text').focus()").await;
    browser.type_text(page, text).await;
    browser.press_enter(page).await;
    browser.wait_for(page, "find('text').value === ''").await;
}

async fn pictures(browser: &mut Browser, page: &Page, folder: &std::path::Path) {
    for scheme in ["light", "dark"] {
        for (width, height) in [(1280, 800), (390, 844)] {
            let file = folder.join(format!("chat-{scheme}-{width}.png"));
            let picture = browser.picture(page, scheme, (width, height)).await;
            assert!(picture.len() > 5_000);
            std::fs::write(file, picture).unwrap();
        }
    }
    browser.eval(page, "find('rename').click()").await;
    let picture = browser.picture(page, "light", (390, 844)).await;
    std::fs::write(folder.join("chat-welcome.png"), picture).unwrap();
    browser.eval(page, "find('welcome').close()").await;
}
