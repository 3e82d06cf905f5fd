//! Tests of the chat through its sockets, without the page.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use tokio::time::{Duration, Instant};
use trine::testing::{TestClient, TestSocket};

async fn enter(client: &TestClient, room: &str, name: &str) -> TestSocket {
    client.websocket(format!("/rooms/{room}/socket?name={name}")).await
}

async fn say(socket: &TestSocket, text: &str) {
    socket.send(json!({ "text": text }).to_string()).await;
}

/// The next message that has this member. Other messages are skipped.
async fn hear(socket: &mut TestSocket, member: &str) -> Value {
    loop {
        let message: Value = socket.json().await;
        if message.get(member).is_some() {
            return message;
        }
    }
}

#[trine::test]
async fn people_of_one_room_hear_each_other_and_see_who_is_there() {
    let server = chat::app().test_server().await;
    let client = server.client();
    let mut ann = enter(client, "tea", "Ann").await;
    assert_eq!(hear(&mut ann, "members").await["members"], json!(["Ann"]));
    let mut bob = enter(client, "tea", "Bob").await;
    assert_eq!(hear(&mut bob, "members").await["members"], json!(["Ann", "Bob"]));
    assert_eq!(hear(&mut ann, "joined").await["joined"], "Bob");
    let mut eve = enter(client, "coffee", "Eve").await;
    assert_eq!(hear(&mut eve, "members").await["members"], json!(["Eve"]));

    say(&ann, "  <b>Hello</b>, Bob\n").await;
    for listener in [&mut ann, &mut bob] {
        let said = hear(listener, "text").await;
        assert_eq!(
            (said["who"].as_str(), said["text"].as_str()),
            (Some("Ann"), Some("<b>Hello</b>, Bob"))
        );
        assert!(said["at"].as_u64() > Some(1_600_000_000_000) && said["id"].is_string());
    }
    drop(bob);
    assert_eq!(hear(&mut ann, "left").await["left"], "Bob");
    say(&eve, "Nobody?").await;
    assert_eq!(hear(&mut eve, "text").await["who"], "Eve");
    server.stop().await;
}

#[trine::test]
async fn who_comes_late_reads_what_was_said_and_who_comes_back_what_was_missed() {
    let client = chat::app().test().await;
    let mut ann = enter(&client, "tea", "Ann").await;
    for text in ["one", "two", "three"] {
        say(&ann, text).await;
    }
    let first = hear(&mut ann, "text").await;
    let mut late = enter(&client, "tea", "Bob").await;
    for text in ["one", "two", "three"] {
        assert_eq!(hear(&mut late, "text").await["text"], text);
    }
    // A room is kept for a while after its visitors have left.
    drop((ann, late));
    let id = first["id"].as_str().unwrap();
    let back = format!("/rooms/tea/socket?name=Ann&after={id}");
    let mut back = client.websocket(back).await;
    for text in ["two", "three"] {
        let message: Value = hear(&mut back, "text").await;
        assert_eq!(message["text"], text);
    }
    // After a restart, the server does not know the id.
    let mut lost = client.websocket("/rooms/tea/socket?name=Ann&after=c0ffee-1").await;
    assert_eq!(lost.json::<Value>().await, json!({ "lagged": null }));
    assert_eq!(hear(&mut lost, "text").await["text"], "one");
}

#[trine::test]
async fn what_is_too_long_or_nothing_is_refused_with_the_reason() {
    let client = chat::app().test().await;
    for (sent, code) in [
        (json!({ "text": "x".repeat(1001) }).to_string(), 1007),
        (json!({ "text": " \n" }).to_string(), 1007),
        (json!({ "txt": "hello" }).to_string(), 1007),
        ("hello".to_owned(), 1007),
        (json!({ "text": "x".repeat(8 * 1024) }).to_string(), 1009),
    ] {
        let mut ann = enter(&client, "tea", "Ann").await;
        ann.send(sent).await;
        while ann.recv().await.is_some() {}
        assert_eq!(ann.close_code().await, Some(code));
    }
    let mut ann = enter(&client, "tea", "Ann").await;
    say(&ann, &"ü".repeat(1000)).await;
    assert_eq!(hear(&mut ann, "text").await["text"], "ü".repeat(1000));
    let long = "x".repeat(33);
    for room in ["Tea", "a%20b", "%3Cb%3E", &long] {
        client.get(format!("/rooms/{room}")).await.expect_problem(400);
    }
    client.get("/rooms/tea-4").await.expect_status(200);
}

#[tokio::test(start_paused = true)]
async fn who_talks_too_quickly_is_slowed_down_and_still_hears_the_others() {
    let client = chat::app().test().await;
    let (mut ann, bob) = (enter(&client, "tea", "Ann").await, enter(&client, "tea", "Bob").await);
    for number in 0..7 {
        say(&ann, &number.to_string()).await;
    }
    let start = Instant::now();
    for number in 0..5 {
        assert_eq!(hear(&mut ann, "text").await["text"], number.to_string());
    }
    say(&bob, "Slowly!").await;
    assert_eq!(hear(&mut ann, "text").await["text"], "Slowly!");
    assert!(start.elapsed() < Duration::from_secs(1));
    for number in 5..7 {
        assert_eq!(hear(&mut ann, "text").await["text"], number.to_string());
    }
    assert!(start.elapsed() >= Duration::from_secs(4));
}

/// Regression test: one client opened a socket in every room, and no room was left for other
/// clients.
#[trine::test]
async fn one_client_cannot_fill_the_house() {
    let config = trine::config::Config::read("trusted_proxies = 'unix'", []).unwrap();
    let client = chat::app().config(config).test().await;
    let visit = |room: usize, name: &str, from: &'static str| {
        let target = format!("/rooms/room-{room}/socket?name={name}");
        client.websocket(target).header("x-forwarded-for", from)
    };
    let mut sockets = Vec::new();
    for room in 0..20 {
        sockets.push(visit(room, "Eve", "192.0.2.6").await);
    }
    let refused = client
        .get("/rooms/one-more/socket?name=Eve")
        .header("x-forwarded-for", "192.0.2.6")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    refused.await.expect_problem(429);
    let mut other = visit(0, "Ann", "192.0.2.7").await;
    assert_eq!(hear(&mut other, "members").await["members"], json!(["Eve", "Ann"]));
    // A client that leaves one room can enter another.
    drop(sockets.remove(0));
    assert_eq!(hear(&mut other, "left").await["left"], "Eve");
    let mut again = visit(30, "Eve", "192.0.2.6").await;
    assert_eq!(hear(&mut again, "members").await["members"], json!(["Eve"]));
}

#[trine::test]
async fn the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline() {
    let client = chat::app().test().await;
    client.get("/").await.expect_status(303);
    let page = client.get("/rooms/lobby").await;
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let text = page.text();
    assert!(
        !text.contains("://")
            && !text.contains("<style")
            && !text.contains(" style=")
            && !text.contains(" on")
    );
    for file in ["chat.css", "chat.js"] {
        assert!(text.contains(&format!("/assets/{file}")));
        client.get(format!("/assets/{file}")).await.expect_status(200);
    }
    client.get("/assets/Cargo.toml").await.expect_status(404);
}
