//! Exercises Conduit over real HTTP, from the first user to a restart on the same file.

#![allow(
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "the helpers of tests are tests"
)]

use serde_json::{Value, json};

use crate::common::{Answer as _, Api, Conduit};

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_user_to_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let conduit = Conduit::start(dir.path()).await;
    let nobody = conduit.client.clone();
    nothing_is_there_yet(&nobody).await;
    let ann = accounts(&nobody).await;
    let bob = nobody.register("bob").await;
    articles(&nobody, &ann, &bob).await;
    lists(&nobody, &ann, &bob).await;
    following(&nobody, &ann, &bob).await;
    favorites(&nobody, &ann, &bob).await;
    comments(&nobody, &ann, &bob).await;
    let before = nobody.get("/articles").await.ok(200);
    let ann_before = ann.get("/user").await.ok(200);
    conduit.stop().await;

    let conduit = Conduit::start(dir.path()).await;
    assert_eq!(conduit.client.get("/articles").await.ok(200), before);
    let token = ann_before["user"]["token"].as_str().unwrap();
    let ann = conduit.client.with_token(token);
    assert_eq!(ann.get("/user").await.ok(200)["user"]["username"], "ann");
    the_end(&conduit.client, &ann).await;
    conduit.stop().await;
}

async fn nothing_is_there_yet(nobody: &Api) {
    assert_eq!(
        nobody.get("/articles").await.ok(200),
        json!({ "articles": [], "articlesCount": 0 })
    );
    assert_eq!(nobody.get("/tags").await.ok(200), json!({ "tags": [] }));
}

async fn accounts(nobody: &Api) -> Api {
    let user =
        json!({ "username": "ann", "email": "Ann@example.org", "password": "correct horse" });
    let registered = nobody.post("/users", json!({ "user": user })).await.ok(201);
    let token = registered["user"]["token"].as_str().unwrap();
    let expected = json!({
        "email": "Ann@example.org", "token": token, "username": "ann", "bio": null, "image": null
    });
    assert_eq!(registered["user"], expected);

    let same_email =
        json!({ "username": "anna", "email": "ann@EXAMPLE.org", "password": "correct horse" });
    let taken = json!(["has already been taken"]);
    nobody
        .post("/users", json!({ "user": same_email }))
        .await
        .refused(422, json!({ "email": taken }));
    let both = json!({ "email": taken, "username": taken });
    nobody.post("/users", json!({ "user": user })).await.refused(422, both);

    let login =
        |email: &str, password: &str| json!({ "user": { "email": email, "password": password } });
    let answer =
        nobody.post("/users/login", login("ann@example.org", "correct horse")).await.ok(200);
    assert_eq!(answer["user"]["username"], "ann");
    let wrong = json!({ "email or password": ["is invalid"] });
    nobody
        .post("/users/login", login("ann@example.org", "wrong horse"))
        .await
        .refused(401, wrong.clone());
    nobody
        .post("/users/login", login("nobody@example.org", "correct horse"))
        .await
        .refused(401, wrong);

    let ann = nobody.with_token(answer["user"]["token"].as_str().unwrap());
    assert_eq!(ann.get("/user").await.ok(200)["user"]["email"], "Ann@example.org");
    let change = json!({ "user": { "bio": "I write.", "image": "https://example.org/a.png", "password": "new horse" } });
    let changed = ann.put("/user", change).await.ok(200);
    assert_eq!(
        (&changed["user"]["bio"], &changed["user"]["username"]),
        (&json!("I write."), &json!("ann"))
    );
    nobody.post("/users/login", login("ann@example.org", "new horse")).await.ok(200);
    assert_eq!(
        nobody.post("/users/login", login("ann@example.org", "correct horse")).await.status(),
        401
    );
    // A change of the password ends all earlier tokens. The token in the response of the change is
    // valid.
    ann.get("/user").await.refused(401, json!({ "token": ["is invalid"] }));
    nobody.with_token(changed["user"]["token"].as_str().unwrap())
}

async fn articles(nobody: &Api, ann: &Api, bob: &Api) {
    // Tags are listed in sorted order, whatever order they were written in.
    let article = ann.publish("How to train your dragon", &["training", "dragons"]).await;
    let created = article["createdAt"].as_str().unwrap();
    let expected = json!({
        "slug": "how-to-train-your-dragon", "title": "How to train your dragon", "description": "about", "body": "text",
        "tagList": ["dragons", "training"], "createdAt": created, "updatedAt": created,
        "favorited": false, "favoritesCount": 0,
        "author": { "username": "ann", "bio": "I write.", "image": "https://example.org/a.png", "following": false }
    });
    assert_eq!(article, expected);
    assert!(created.len() == 24 && created.ends_with('Z') && &created[19..20] == ".", "{created}");

    let path = "/articles/how-to-train-your-dragon";
    assert_eq!(nobody.get(path).await.ok(200)["article"], expected);
    let twin = ann.publish("How to train your dragon", &[]).await;
    assert!(twin["slug"].as_str().unwrap().starts_with("how-to-train-your-dragon-"));
    ann.delete(&format!("/articles/{}", twin["slug"].as_str().unwrap())).await.ok(204);

    let change = json!({ "article": { "body": "Feed it." } });
    assert_eq!(
        ann.put(path, change.clone()).await.ok(200)["article"]["slug"],
        "how-to-train-your-dragon"
    );
    let retitled = ann.put(path, json!({ "article": { "title": "Dragons" } })).await.ok(200);
    let article = &retitled["article"];
    assert_eq!((&article["slug"], &article["body"]), (&json!("dragons"), &json!("Feed it.")));
    assert_eq!(article["tagList"], json!(["dragons", "training"]));
    nobody.get(path).await.refused(404, json!({ "article": ["not found"] }));

    let theirs = json!({ "article": ["belongs to somebody else"] });
    bob.put("/articles/dragons", change.clone()).await.refused(403, theirs.clone());
    bob.delete("/articles/dragons").await.refused(403, theirs);
    bob.delete("/articles/unicorns").await.refused(404, json!({ "article": ["not found"] }));
    bob.put("/articles/unicorns", change).await.refused(404, json!({ "article": ["not found"] }));
}

async fn lists(nobody: &Api, ann: &Api, bob: &Api) {
    for number in 1..=25 {
        bob.publish(
            &format!("Note {number}"),
            if number % 2 == 0 { &["even", "note"] } else { &["note"] },
        )
        .await;
    }
    let first = nobody.get("/articles").await.ok(200);
    assert_eq!((slugs(&first).len(), &first["articlesCount"]), (20, &json!(26)));
    assert_eq!(slugs(&first)[..2], ["note-25", "note-24"]);
    assert!(first["articles"][0].get("body").is_none());

    let page = nobody.get("/articles?limit=2&offset=24").await.ok(200);
    assert_eq!((slugs(&page), &page["articlesCount"]), (vec!["note-1", "dragons"], &json!(26)));
    let even = nobody.get("/articles?tag=even&limit=1").await.ok(200);
    assert_eq!((slugs(&even), &even["articlesCount"]), (vec!["note-24"], &json!(12)));
    let by_ann = ann.get("/articles?author=ann").await.ok(200);
    assert_eq!((slugs(&by_ann), &by_ann["articlesCount"]), (vec!["dragons"], &json!(1)));
    let none = nobody.get("/articles?author=ann&tag=even").await.ok(200);
    assert_eq!(none, json!({ "articles": [], "articlesCount": 0 }));
    assert_eq!(
        nobody.get("/tags").await.ok(200),
        json!({ "tags": ["note", "even", "dragons", "training"] })
    );
}

async fn following(nobody: &Api, ann: &Api, bob: &Api) {
    assert_eq!(bob.get("/articles/feed").await.ok(200)["articlesCount"], 0);
    assert_eq!(
        bob.post("/profiles/ann/follow", json!({})).await.ok(200)["profile"]["following"],
        true
    );
    assert_eq!(
        bob.post("/profiles/ann/follow", json!({})).await.ok(200)["profile"]["following"],
        true
    );
    assert_eq!(nobody.get("/profiles/ann").await.ok(200)["profile"]["following"], false);
    assert_eq!(bob.get("/profiles/ann").await.ok(200)["profile"]["following"], true);

    let feed = bob.get("/articles/feed?limit=5").await.ok(200);
    assert_eq!(slugs(&feed), ["dragons"]);
    assert_eq!(feed["articles"][0]["author"]["following"], true);
    assert_eq!(ann.get("/articles/feed").await.ok(200)["articlesCount"], 0);

    assert_eq!(bob.delete("/profiles/ann/follow").await.ok(200)["profile"]["following"], false);
    assert_eq!(bob.get("/articles/feed").await.ok(200)["articlesCount"], 0);
    for answer in
        [nobody.get("/profiles/zoe").await, bob.post("/profiles/zoe/follow", json!({})).await]
    {
        answer.refused(404, json!({ "profile": ["not found"] }));
    }
}

async fn favorites(nobody: &Api, ann: &Api, bob: &Api) {
    let path = "/articles/dragons/favorite";
    bob.post(path, json!({})).await.ok(200);
    let article = bob.post(path, json!({})).await.ok(200);
    assert_eq!(
        (&article["article"]["favorited"], &article["article"]["favoritesCount"]),
        (&json!(true), &json!(1))
    );
    let article = nobody.get("/articles/dragons").await.ok(200);
    assert_eq!(
        (&article["article"]["favorited"], &article["article"]["favoritesCount"]),
        (&json!(false), &json!(1))
    );
    ann.post(path, json!({})).await.ok(200);

    let of_bob = nobody.get("/articles?favorited=bob").await.ok(200);
    assert_eq!(
        (slugs(&of_bob), &of_bob["articles"][0]["favoritesCount"]),
        (vec!["dragons"], &json!(2))
    );
    let article = bob.delete(path).await.ok(200);
    assert_eq!(
        (&article["article"]["favorited"], &article["article"]["favoritesCount"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(nobody.get("/articles?favorited=bob").await.ok(200)["articlesCount"], 0);
    bob.post("/articles/unicorns/favorite", json!({}))
        .await
        .refused(404, json!({ "article": ["not found"] }));
}

async fn comments(nobody: &Api, ann: &Api, bob: &Api) {
    let path = "/articles/dragons/comments";
    let say = |text: &str| json!({ "comment": { "body": text } });
    let first = bob.post(path, say("Mine bites.")).await.ok(200)["comment"].clone();
    assert_eq!(
        (&first["body"], &first["author"]["username"]),
        (&json!("Mine bites."), &json!("bob"))
    );
    let second = ann.post(path, say("Feed it.")).await.ok(200)["comment"].clone();
    let listed = nobody.get(path).await.ok(200);
    assert_eq!(listed, json!({ "comments": [second, first] }));
    let page = nobody.get(&format!("{path}?limit=1&offset=1")).await.ok(200);
    assert_eq!(page, json!({ "comments": [first] }));

    let one = |id: &Value| format!("{path}/{id}");
    ann.delete(&one(&first["id"]))
        .await
        .refused(403, json!({ "comment": ["belongs to somebody else"] }));
    let elsewhere = format!("/articles/note-1/comments/{}", first["id"]);
    bob.delete(&elsewhere).await.refused(404, json!({ "comment": ["not found"] }));
    bob.delete(&one(&first["id"])).await.ok(204);
    bob.delete(&one(&first["id"])).await.refused(404, json!({ "comment": ["not found"] }));
    assert_eq!(nobody.get(path).await.ok(200)["comments"].as_array().unwrap().len(), 1);
    bob.post("/articles/unicorns/comments", say("?"))
        .await
        .refused(404, json!({ "article": ["not found"] }));
    nobody
        .get("/articles/unicorns/comments")
        .await
        .refused(404, json!({ "article": ["not found"] }));
}

async fn the_end(nobody: &Api, ann: &Api) {
    assert_eq!(ann.delete("/articles/dragons").await.ok(204), Value::Null);
    nobody.get("/articles/dragons").await.refused(404, json!({ "article": ["not found"] }));
    assert_eq!(nobody.get("/articles").await.ok(200)["articlesCount"], 25);
    assert_eq!(nobody.get("/tags").await.ok(200), json!({ "tags": ["note", "even"] }));
}

fn slugs(list: &Value) -> Vec<&str> {
    list["articles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|article| article["slug"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_come_in_pages_of_at_most_100() {
    let dir = tempfile::tempdir().unwrap();
    let conduit = Conduit::start(dir.path()).await;
    let ann = conduit.client.register("ann").await;
    ann.publish("One", &[]).await;
    let path = "/articles/one/comments";
    for number in 0..103 {
        ann.post(path, json!({ "comment": { "body": format!("{number}") } })).await.ok(200);
    }
    let bodies = async |query: &str| {
        let page = conduit.client.get(&format!("{path}{query}")).await.ok(200);
        let comments = page["comments"].as_array().unwrap().iter();
        comments
            .map(|comment| comment["body"].as_str().unwrap().parse().unwrap())
            .collect::<Vec<u32>>()
    };
    let newest_first = (0..103).rev().collect::<Vec<_>>();
    assert_eq!(bodies("").await, newest_first[..100]);
    assert_eq!(bodies("?limit=4000000000").await, newest_first[..100]);
    assert_eq!(bodies("?limit=2").await, [102, 101]);
    assert_eq!(bodies("?limit=5&offset=100").await, [2, 1, 0]);
    assert_eq!(bodies("?offset=103").await, [0_u32; 0]);
    conduit.stop().await;
}
