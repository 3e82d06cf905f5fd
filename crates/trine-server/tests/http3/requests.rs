//! What a well-behaved client sees.

use http::Request;

use crate::peer::{Client, config, request, start};

#[tokio::test]
async fn requests_and_answers() {
    let peer = start(config());
    let mut client = peer.client().await;
    let answer = client.get("/hello").await;
    assert_eq!((answer.status(), answer.text()), (200, "hello"));
    assert_eq!(answer.head.headers()["content-length"], "5");
    assert!(answer.head.headers()["date"].to_str().unwrap().ends_with(" GMT"));
    assert_eq!(client.post("/echo", "some words").await.text(), "some words");
    assert_eq!(client.get("/host").await.text(), "localhost");
    assert_eq!(client.get("/uri?a=b").await.text(), "https://localhost/uri?a=b");
    assert_eq!(client.get("/nothing").await.status(), 404);
    drop(client);
    peer.stop().await;
}

#[allow(unused)]
async fn unused(client: &mut Client) -> Request<()> {
    request("GET", "/")
}
