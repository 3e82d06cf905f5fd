//! Tests of the guest book with the requests that a browser sends.

use super::app;

#[trine::test]
async fn the_book_is_whole() {
    app().audit().unwrap();
}

#[trine::test]
async fn somebody_signs_it() {
    let browser = app().test().await.follow_redirects(1);
    browser
        .get("/")
        .await
        .expect_status(200)
        .expect_text_contains("2 entries")
        .expect_text_contains("Jonas &amp; Ada");
    let entry =
        browser.post("/").form(&[("name", "<Ann>"), ("text", "One.\r\n\r\nTwo & three.")]).await;
    entry.expect_status(200).expect_text_contains("<p>One.</p><p>Two &amp; three.</p>");
    entry.expect_text_contains("<a href=\"/entries/3\">&lt;Ann&gt;</a>");
    browser.get("/").await.expect_text_contains("3 entries");
}

#[trine::test]
async fn a_form_with_a_mistake_comes_back_with_what_was_written() {
    let browser = app().test().await;
    let again = browser.post("/").form(&[("name", "Ann \"A.\""), ("text", " ")]).await;
    again
        .expect_status(422)
        .expect_text_contains("<p class=\"mistake\" role=\"alert\">Please write something.</p>");
    again.expect_text_contains("value=\"Ann &quot;A.&quot;\"");
    // A missing field is one of the errors in the form, and not a separate error page.
    let again = browser.post("/").form(&[("name", "Ann")]).await;
    again
        .expect_status(422)
        .expect_text_contains("<p class=\"mistake\" role=\"alert\">is missing</p>");
    browser
        .post("/")
        .form(&[("name", "Ann"), ("text", &*"x".repeat(2001))])
        .await
        .expect_status(422);
    browser
        .post("/")
        .form(&[("name", "Ann"), ("text", &*"x".repeat(17_000))])
        .await
        .expect_problem(413);
    browser.get("/").await.expect_text_contains("2 entries");
}

#[trine::test]
async fn the_feed_is_xml_and_nowhere_is_a_page() {
    let browser = app().test().await;
    let feed = browser.get("/feed.xml").await;
    feed.expect_header("content-type", "application/xml; charset=utf-8");
    feed.expect_text_contains("<title>Jonas &amp; Ada</title>")
        .expect_text_contains("/entries/2</id>");
    browser.get("/entries/9").await.expect_problem(404);
    browser
        .get("/no/such/page")
        .await
        .expect_status(404)
        .expect_text_contains("There is nothing here");
}
