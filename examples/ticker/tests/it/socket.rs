//! The quotes over WebSocket.

use ticker::Quote;

#[trine::test]
async fn all_sockets_get_the_same_quotes_from_the_oldest_on() {
    let client = ticker::app().test().await;
    let (mut ann, mut bob) =
        (client.websocket("/quotes/socket").await, client.websocket("/quotes/socket").await);
    for _ in 0..5 {
        let quote: Quote = ann.json().await;
        assert_eq!(quote, bob.json().await);
    }
}
