//! Pages from templates: on disk, embedded, checked at launch, within limits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde::Serialize;
use serde_json::json;
use tempfile::TempDir;
use trine::form::Filled;
use trine::prelude::*;
use trine::template::{Page, Rendered, Template, TemplateLimits};
use trine::{Templates, templates};

fn folder(files: &[(&str, &str)]) -> (TempDir, Templates) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(dir.path(), name, text);
    }
    let templates = Templates::folder(dir.path());
    (dir, templates)
}

fn write(dir: &std::path::Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[derive(Serialize)]
struct Home {
    name: &'static str,
}

impl Template for Home {
    const FILE: &'static str = "home.html";
}

async fn home(page: Page<Home>) -> Result<Rendered, Problem> {
    page.render(&Home { name: "<Ann>" })
}

async fn any_page(Path(name): Path<String>, templates: Templates) -> Result<Rendered, Problem> {
    templates.render(&name, json!({ "name": "<Ann>" }))
}

#[trine::test]
async fn a_folder_is_read_again_when_it_changes() {
    let layout = ("layout.html", "[{% block body %}{% endblock %}]");
    let (dir, templates) = folder(&[
        layout,
        ("home.html", "{% extends \"layout.html\" %}{% block body %}Hi {{ name }}{% endblock %}"),
        ("mail/hello.txt", "Hi {{ name }}"),
    ]);
    let app = App::new().state(templates).route("/", get(home)).route("/{*name}", get(any_page));
    let client = app.test().await;
    let html = client.get("/").await;
    html.expect_text("[Hi &lt;Ann&gt;]").expect_header("content-type", "text/html; charset=utf-8");
    let text = client.get("/mail/hello.txt").await;
    text.expect_text("Hi <Ann>").expect_header("content-type", "text/plain; charset=utf-8");
    // Changes both a page and its layout.
    write(dir.path(), "layout.html", "({% block body %}{% endblock %}) changed");
    client.get("/").await.expect_text("(Hi &lt;Ann&gt;) changed");
    write(dir.path(), "mail/new.md", "new {{ name }}");
    client.get("/mail/new.md").await.expect_header("content-type", "text/markdown; charset=utf-8");
    std::fs::remove_file(dir.path().join("mail/new.md")).unwrap();
    client.get("/mail/new.md").await.expect_status(500);
}

#[trine::test]
async fn the_folder_and_the_embedded_templates_are_equal() {
    // A debug build reads `templates` beside `Cargo.toml`.
    let embedded = Templates::embedded(&[
        ("layout.html", include_str!("../../templates/layout.html")),
        ("home.html", include_str!("../../templates/home.html")),
    ]);
    for templates in [templates!("templates"), embedded] {
        assert_eq!(templates.names().unwrap().len(), 2);
        let client = App::new().state(templates).route("/", get(home)).test().await;
        client.get("/").await.expect_text_contains("<p>Hello, &lt;Ann&gt;!</p>");
    }
}

#[trine::test]
async fn the_audit_finds_every_mistake_at_once() {
    let (dir, templates) = folder(&[
        ("broken.html", "one\n{% if x %}\ntwo\n"),
        ("odd.html", "\n\n{{ name"),
        (
            "includes.html",
            "one\n{% include 'partials/nav.htm' %}{% include \"maybe.html\" ignore missing %}",
        ),
        ("partials/nav.html", ""),
        ("Home.htm", "not quite"),
    ]);
    let app = App::new().state(templates).route("/", get(home)).route("/again", get(home));
    let app = app.route("/any/{*name}", get(any_page));
    let audit = app.audit().unwrap_err();
    let found: Vec<(&str, String)> = audit
        .findings()
        .iter()
        .map(|finding| (&*finding.text, finding.locations.join(" ")))
        .collect();
    let file = |name: &str| dir.path().join(name).display().to_string();
    assert_eq!(found.len(), 4, "{audit}");
    assert!(found[0].0.starts_with("the template `broken.html`: syntax error: "), "{audit}");
    assert!(found[0].1.starts_with(&format!("{}:", file("broken.html"))), "{audit}");
    assert_eq!(
        found[1].0,
        "the template `partials/nav.htm` does not exist: did you mean `partials/nav.html`?"
    );
    assert_eq!(found[1].1, format!("{}:2", file("includes.html")));
    assert!(found[2].0.starts_with("the template `odd.html`: syntax error: "), "{audit}");
    assert_eq!(found[2].1, format!("{}:3", file("odd.html")));
    assert!(
        found[3].0.contains("`it::templates::Home`: the template `home.html` does not exist"),
        "{audit}"
    );
    assert!(found[3].0.contains("did you mean `Home.htm`?"), "{audit}");
    assert!(found[3].1.contains("tests/it/templates.rs:"), "{audit}");
}

#[trine::test]
async fn a_missing_folder_or_state_is_one_finding() {
    let app = App::new().state(Templates::folder("no/such/folder")).route("/", get(home));
    let audit = app.audit().unwrap_err();
    assert_eq!(audit.findings().len(), 1, "{audit}");
    assert!(audit.to_string().contains("the template folder cannot be read: "), "{audit}");
    assert!(audit.to_string().contains("at no/such/folder"), "{audit}");
    let audit = App::new().route("/", get(home)).audit().unwrap_err();
    assert_eq!(audit.findings().len(), 1, "{audit}");
    assert!(
        audit.to_string().contains("needs state of type `trine::template::Templates`"),
        "{audit}"
    );
}

#[test]
fn an_error_shows_its_line() {
    let (_dir, templates) = folder(&[
        ("page.html", "<body>\n{% include 'part.html' %}\n</body>\n"),
        ("part.html", "1\n2\n{{ user.nam.first }}\n4\n5\n6\n"),
    ]);
    let error =
        templates.try_render("page.html", json!({ "user": { "name": "Ann" } })).unwrap_err();
    assert_eq!((error.name(), error.line()), ("part.html", Some(3)));
    assert_eq!(
        error.to_string(),
        "part.html:3: `user.nam` is undefined: add it to the context, or use `default` if it may be \
         missing\n  1 | 1\n  2 | 2\n> 3 | {{ user.nam.first }}\n  4 | 4\n  5 | 5"
    );
    let problem = templates.render("page.html", ()).unwrap_err();
    assert_eq!(problem.status(), 500);
    assert!(
        problem.source_error().unwrap().to_string().starts_with("part.html:3: "),
        "{problem:?}"
    );
    assert!(!serde_json::to_string(&problem).unwrap().contains("part.html"));

    let error = templates.try_render("pages.html", ()).unwrap_err().to_string();
    assert_eq!(
        error,
        "pages.html: the template `pages.html` does not exist: there is `page.html`, `part.html`"
    );
    let (_dir, templates) = folder(&[("a.html", "x\n{{ 1|no_such_filter }}")]);
    let error = templates.try_render("a.html", ()).unwrap_err().to_string();
    assert!(error.starts_with("a.html:2: unknown filter"), "{error}");
}

#[test]
fn an_undefined_value_is_an_error_unless_it_may_be_missing() {
    let templates = Templates::embedded(&[
        ("strict.html", "{{ nick }}"),
        ("default.html", "{{ nick|default('nobody') }}{% if nick is defined %}!{% endif %}"),
        ("script.html", "<a title=\"{{ text }}\">{{ text }}</a>{{ text|safe }}"),
        ("data.json", "{{ value }}"),
    ]);
    let error = templates.try_render("strict.html", json!({})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "strict.html:1: `nick` is undefined: add it to the context, or use `default` if it may be missing\n\
         > 1 | {{ nick }}"
    );
    assert_eq!(templates.render("default.html", json!({})).unwrap().text(), "nobody");
    let html = templates.render("script.html", json!({ "text": "\"<b>&" })).unwrap();
    assert_eq!(html.text(), "<a title=\"&quot;&lt;b&gt;&amp;\">&quot;&lt;b&gt;&amp;</a>\"<b>&");
    let data =
        templates.render("data.json", json!({ "value": { "a": [1, "\"</script>"] } })).unwrap();
    assert_eq!(data.into_text(), r#"{"a":[1,"\"</script>"]}"#);
}

/// One page shows the form both empty and filled in, and asks for fields that were not sent.
#[tokio::test]
async fn one_page_shows_an_empty_and_a_filled_in_form() {
    #[derive(FromForm)]
    #[expect(dead_code, reason = "only read")]
    struct SignUp {
        name: String,
        age: u8,
        topics: Vec<String>,
        address: Option<Address>,
    }
    #[derive(FromForm)]
    #[expect(dead_code, reason = "only read")]
    struct Address {
        street: String,
    }
    #[derive(Serialize)]
    struct Ask {
        form: Filled,
    }
    impl Template for Ask {
        const FILE: &'static str = "ask.txt";
    }
    async fn empty(page: Page<Ask>) -> trine::Result<Response> {
        Ok(page.render(&Ask { form: Filled::default() })?.into_response())
    }
    async fn sent(page: Page<Ask>, mut sent: Submitted<SignUp>) -> trine::Result<Response> {
        if sent.value.is_some() {
            return Ok(Redirect::to("/welcome").into_response());
        }
        sent.form.refuse("name", "taken", "is taken");
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page.render(&Ask { form: sent.form })?)
            .into_response())
    }
    const PAGE: &str = "{{ form.value('name') }}|{{ form.values.name[0] }}|{{ form.value('address[street]') }}|\
        {% for topic in form.values('topics') %}{{ topic }},{% endfor %}{{ form.values.topics|length }}|\
        {{ form.has('topics', 'web') }}|\
        {% for error in form.errors('age') %}{{ error.code }}: {{ error.message }};{% endfor %}|\
        {% for error in form.errors.name %}{{ error.message }}{% endfor %}|\
        {% if form.errors.topics %}!{% endif %}{{ form.is_refused() }}|\
        {% for error in form.all_errors() %}{{ error.field }} {% endfor %}|\
        {% for name in form.values %}{{ name }} {% endfor %}|{% for name in form.errors %}{{ name }} {% endfor %}";
    let templates =
        Templates::embedded(&[("ask.txt", PAGE), ("wrong.txt", "{{ form.vlaue('name') }}")]);
    let app = App::new().state(templates.clone()).route("/", get(empty).post(sent));
    let client = app.test().await;
    client.get("/").await.expect_text("|||0|False|||False|||");
    let fields = [
        ("name", "<Ann>"),
        ("age", "old"),
        ("topics", "rust"),
        ("topics", "web"),
        ("address.street", "Elm"),
    ];
    client.post("/").form(&fields).await.expect_status(422).expect_text(
        "<Ann>|<Ann>|Elm|rust,web,2|True|type: expected a whole number from 0 to 255, got `old`;|is taken|True|age name |\
         address.street age name topics |age name ",
    );
    client.post("/").form(&[("name", "Ann"), ("age", "7")]).await.expect_status(303);
    // A misspelt function name is an error. Serialized, `Filled` is plain data.
    let error =
        templates.try_render("wrong.txt", Ask { form: Filled::default() }).unwrap_err().to_string();
    assert!(error.contains("vlaue"), "{error}");
    assert_eq!(json!(Filled::default()), json!({ "values": {}, "errors": {} }));
}

#[test]
fn nothing_outside_of_the_folder_is_read() {
    let (dir, _) =
        folder(&[("secret.txt", "secret"), ("site/page.txt", "page"), ("site/.hidden", "secret")]);
    let site = dir.path().join("site");
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.path().join("secret.txt"), site.join("link.txt")).unwrap();
    let templates = Templates::folder(&site);
    assert_eq!(templates.names().unwrap(), ["page.txt"]);
    assert_eq!(templates.render("page.txt", ()).unwrap().text(), "page");
    let absolute = dir.path().join("secret.txt");
    for name in [
        "../secret.txt",
        "x/../../secret.txt",
        "./page.txt",
        absolute.to_str().unwrap(),
        "..\\secret.txt",
        ".hidden",
        "link.txt",
        "",
        "/",
        "page.txt/",
        "page.txt\0",
    ] {
        let error = templates.try_render(name, ()).unwrap_err();
        assert!(error.what().contains("does not exist"), "{name}: {error}");
    }
}

#[test]
fn every_limit_applies() {
    let files = [
        (
            "steps.txt",
            "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
        ),
        ("output.txt", "{% for a in range(1000) %}0123456789{% endfor %}"),
        ("deep.txt", "{% include 'deep.txt' %}"),
        ("macro.txt", "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}"),
        ("source.txt", "0123456789"),
    ];
    let said = |limits: TemplateLimits, name: &str| {
        let (_dir, templates) = folder(&files);
        let rendered = templates.limits(limits).try_render(name, ());
        rendered.map_or_else(|error| error.to_string(), Rendered::into_text)
    };
    let default = TemplateLimits::default;
    let steps = said(default(), "steps.txt");
    assert!(
        steps.contains("rendering takes more than 5000000 steps (`TemplateLimits::steps`)"),
        "{steps}"
    );
    assert_eq!(said(default(), "output.txt").len(), 10_000);
    assert_eq!(said(TemplateLimits { output: 10_000, ..default() }, "output.txt").len(), 10_000);
    let output = said(TemplateLimits { output: 9_999, ..default() }, "output.txt");
    assert_eq!(output, "output.txt: it renders more than 9999 bytes (`TemplateLimits::output`)");
    for name in ["deep.txt", "macro.txt"] {
        let deep = said(default(), name);
        assert!(deep.contains("recursion limit"), "{deep}");
    }
    assert_eq!(said(TemplateLimits { source: 10, ..default() }, "source.txt"), "0123456789");
    let source = said(TemplateLimits { source: 9, ..default() }, "source.txt");
    assert!(
        source.contains("the file is larger than 9 bytes (`TemplateLimits::source`)"),
        "{source}"
    );
    let (_dir, templates) = folder(&files);
    let names =
        templates.limits(TemplateLimits { files: 4, ..default() }).names().unwrap_err().to_string();
    assert!(
        names.contains("the folder contains more than 4 files (`TemplateLimits::files`)"),
        "{names}"
    );
}

#[test]
fn an_application_can_add_filters_and_globals() {
    let (dir, templates) = folder(&[("a.txt", "{{ site }} {{ 'a'|shout }}")]);
    let templates = templates.with(|environment| {
        environment.add_global("site", "Trine");
        environment.add_filter("shout", |text: String| text.to_uppercase() + "!");
    });
    assert_eq!(templates.render("a.txt", ()).unwrap().text(), "Trine A!");
    // They are still available after a change.
    write(dir.path(), "a.txt", "changed {{ 'b'|shout }}");
    assert_eq!(templates.render("a.txt", ()).unwrap().text(), "changed B!");
}

#[test]
fn an_iteration_of_a_loop_takes_about_seven_steps() {
    let renders = |steps| {
        let files = &[("loop.txt", "{% for n in range(10000) %}{{ n }},{% endfor %}")];
        let limits = TemplateLimits { steps, ..TemplateLimits::default() };
        Templates::embedded(files).limits(limits).try_render("loop.txt", ()).is_ok()
    };
    assert!(renders(75_000) && !renders(55_000));
}

#[test]
fn the_limits_of_the_guide_are_the_actual_ones() {
    let page = include_str!("../../../../guide/templates.md");
    let said = |name: &str| -> u64 {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap();
        let text = row.split('|').nth(2).unwrap().trim().replace(',', "");
        match text.strip_suffix(" MiB") {
            Some(number) => number.parse::<u64>().unwrap() * 1024 * 1024,
            None => text.parse().unwrap(),
        }
    };
    let TemplateLimits { steps, depth, output, source, files } = TemplateLimits::default();
    assert_eq!(
        [said("steps"), said("depth"), said("output"), said("source"), said("files")],
        [steps, depth as u64, output as u64, source, files as u64]
    );
}
