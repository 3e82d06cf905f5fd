use crate::route::template::{Template, parse};

fn good(text: &str) -> Template {
    parse(text).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))
}

/// Each mistake: the text that it points at, and its message.
fn mistakes(text: &str) -> Vec<(String, String)> {
    let mistakes = parse(text).expect_err(text);
    mistakes.into_iter().map(|mistake| (text[mistake.at].to_owned(), mistake.message)).collect()
}

#[test]
fn names_keep_their_order() {
    let template = good("/static/{name}/img-{id}.png/{*rest}?{q}&{page}");
    assert_eq!(template.path_names().collect::<Vec<_>>(), ["name", "id", "rest"]);
    assert_eq!(template.query_names().collect::<Vec<_>>(), ["q", "page"]);
    assert_eq!(template.path(), "/static/{name}/img-{id}.png/{*rest}");
}

#[test]
fn the_path_is_kept_as_written() {
    for path in [
        "/",
        "/a",
        "/a/",
        "/straße/ein weg",
        "/{{literal}}/x",
        "/{{{id}}}",
        "/a.{ext}",
        "/{größe}",
        "/{type}",
    ] {
        assert_eq!(good(path).path(), path);
        assert_eq!(good(&format!("{path}?{{q}}")).path(), path);
    }
    assert_eq!(good("/{{{id}}}").path_names().collect::<Vec<_>>(), ["id"]);
    assert_eq!(good("/{{id}}").path_names().count(), 0);
}

#[test]
fn every_mistake_says_what_to_write() {
    for (text, at, hint) in [
        ("", "", "write `/`"),
        ("users/{id}?{q}", "users/{id}", "write `/users/{id}`"),
        ("/a//b", "//", "empty segment"),
        ("//", "//", "empty segment"),
        ("/a/../b", "..", "clients remove"),
        ("/./b", ".", "clients remove"),
        ("/users/:id", ":id", "write `{id}`"),
        ("/users/<id>", "<id>", "write `{id}`"),
        ("/users/<rest..>", "<rest..>", "write `{*rest}`"),
        ("/*", "*", "write `{*rest}`"),
        ("/*path", "*path", "write `{*path}`"),
        ("/{a}-{b}", "{a}-{b}", "a segment can contain only one `{name}`"),
        ("/{*rest}/x", "{*rest}", "nothing can follow it"),
        ("/{*rest}/", "{*rest}", "nothing can follow it"),
        ("/x-{*rest}", "x-{*rest}", "has to be a whole segment"),
        ("/{}", "{}", "a name is missing"),
        ("/{*}", "{*}", "a name is missing"),
        ("/{id:u32}", "{id:u32}", "the type comes from the argument: write `{id}`"),
        ("/{id?}", "{id?}", "is an `Option`: write `{id}`"),
        ("/{rest*}", "{rest*}", "written `{*rest}`"),
        ("/{rest..}", "{rest..}", "written `{*rest}`"),
        ("/{ id }", "{ id }", "without spaces"),
        ("/{r#type}", "{r#type}", "write `{type}`"),
        ("/{user-id}", "{user-id}", "a Rust identifier"),
        ("/{1}", "{1}", "a Rust identifier"),
        ("/{_}", "{_}", "a Rust identifier"),
        ("/{self}", "{self}", "a Rust identifier"),
        ("/{id", "{", "this `{` is not closed"),
        ("/{id/x}", "{", "this `{` is not closed"),
        ("/id}", "}", "this `}` has no opening brace"),
        ("/{id}/{id}", "{id}", "appears twice"),
        ("/{id}?{id}", "{id}", "appears twice"),
        ("/?", "?", "write `?{name}`"),
        ("/?{a}&", "?{a}&", "write `?{name}`"),
        ("/?&{a}", "&", "separates two names"),
        ("/?{a}{b}", "{b}", "write `&` before `{b}`"),
        ("/?page", "page", "such as `?{page}`"),
        ("/?page={page}", "page=", "such as `?{page}`"),
        ("/?{*rest}", "{*rest}", "only allowed in the path"),
    ] {
        let found = mistakes(text);
        assert_eq!(found[0].0, at, "{text}: {found:?}");
        assert!(found[0].1.contains(hint), "{text}: {found:?}");
    }
}

#[test]
fn mistakes_do_not_hide_each_other() {
    let found = mistakes("/:a//{b:u8}/{c?x=1");
    let places: Vec<_> = found.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(places, ["{", ":a", "//", "{b:u8}", "x=1"]);
}

#[test]
fn no_text_panics_and_accepted_templates_are_stable() {
    let alphabet = ['/', '{', '}', '*', '?', '&', ':', '<', '.', 'a', 'ß', ' '];
    let mut texts = vec![String::new()];
    for _ in 0..5 {
        let longer =
            texts.iter().flat_map(|text| alphabet.iter().map(move |next| format!("{text}{next}")));
        texts = longer.collect();
        for text in &texts {
            match parse(text) {
                Ok(template) => {
                    assert_eq!(good(&template.path()).path(), template.path(), "{text}");
                }
                Err(mistakes) => {
                    assert!(!mistakes.is_empty());
                    assert!(
                        mistakes.iter().all(|mistake| text.get(mistake.at.clone()).is_some()),
                        "{text}"
                    );
                }
            }
        }
    }
}
