//! The pages, without a template engine. All text from users passes through [`escape`].

use trine::form::Filled;

/// The form as it was filled in, with the errors beside each field.
pub(crate) fn sign_up(form: &Filled) -> String {
    let summary = match form.all_errors().count() {
        0 => String::new(),
        1 => "<p role=alert>One field needs another look.".to_owned(),
        count => format!("<p role=alert>{count} fields need another look."),
    };
    let fields = [
        input(form, "name", "Name", "text", "autocomplete=username"),
        input(form, "email", "Email", "email", "autocomplete=email"),
        // A password is never sent back.
        input(form, "password", "Password", "password", "autocomplete=new-password"),
        choices(form, "plan", "Plan", "radio", &[("free", "Free"), ("paid", "Paid")]),
        choices(
            form,
            "topics",
            "Topics",
            "checkbox",
            &[("rust", "Rust"), ("web", "Web"), ("cats", "Cats")],
        ),
        input(form, "picture", "Picture, PNG or JPEG", "file", "accept=\"image/png,image/jpeg\""),
        choices(form, "agree", "", "checkbox", &[("on", "I agree to be nice")]),
    ];
    let fields = fields.concat();
    page(
        "Sign up",
        &format!(
            "{summary}<form method=post enctype=multipart/form-data novalidate>{fields}<button>Sign up</button></form>"
        ),
    )
}

pub(crate) fn welcome(name: &str, paid: bool) -> String {
    let bill = if paid { " The bill is on its way." } else { "" };
    page("Welcome", &format!("<p>Nice to see you, {}.{bill}", escape(name)))
}

fn input(form: &Filled, name: &str, label: &str, kind: &str, more: &str) -> String {
    let value = escape(form.value(name));
    let said = said(form, name);
    format!("<label>{label}<input type={kind} name={name} value=\"{value}\" {more}></label>{said}")
}

fn choices(form: &Filled, name: &str, label: &str, kind: &str, choices: &[(&str, &str)]) -> String {
    let choice = |(value, label): &(&str, &str)| {
        let checked = if form.has(name, value) { "checked" } else { "" };
        format!(
            "<label class=choice><input type={kind} name={name} value={value} {checked}>{label}</label>"
        )
    };
    let choices: String = choices.iter().map(choice).collect();
    format!("<fieldset><legend>{label}</legend>{choices}</fieldset>{}", said(form, name))
}

fn said(form: &Filled, name: &str) -> String {
    form.errors(name).map(|error| format!("<p class=wrong>{}", escape(&error.message))).collect()
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>{body}</html>"
    )
}

const STYLE: &str = ":root { color-scheme: light dark; accent-color: #3567c9 }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 8vh auto; padding: 0 1rem }
label { display: block; margin-top: 1rem } .choice { display: inline-block; margin: 0 1rem 0 0 }
input:not([type=radio], [type=checkbox]) { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem }
fieldset { border: 0; margin: 1rem 0 0; padding: 0 } .wrong { color: #c22f3d; margin: .25rem 0 0; font-size: .9rem }
[role=alert] { border-left: 3px solid #c22f3d; padding: .25rem .75rem }
button { margin-top: 1.5rem; font: inherit; padding: .5rem 1.25rem }";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
