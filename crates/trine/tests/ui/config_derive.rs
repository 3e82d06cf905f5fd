use std::time::Instant;

use trine::App;

#[derive(trine::Config)]
struct Mail {
    #[config(defualt = 25)] //~ expect: `#[config(defualt)]`: expected `default`, `name`, `secret` or `min`
    port: u16,
    #[config(name = "Host name")] //~ expect: `Host name` is no key: expected a to z, 0 to 9 and `_`
    host: String,
    größe: u8, //~ expect: `größe` is no key: add `#[config(name = "…")]`
    #[config(name = "port")]
    other: u16, //~ expect: two fields have the key `port`
}

#[derive(trine::Config)]
struct Tuple(u8); //~ expect: a section has fields with names

#[derive(trine::Config)]
struct Generic<T> { //~ expect: a section is one type: remove its parameters
    it: T,
}

#[derive(trine::Config)]
#[config(secret)] //~ expect: nothing is said here: options stand at the fields
struct Above {
    it: u8,
}

#[derive(trine::Config)]
enum Choice {
    One(u8), //~ expect: a variant is a word in the configuration, so it has no fields
}

#[derive(trine::Config)]
struct Since {
    start: Instant, //~ expect: `Instant` cannot be read from the configuration
    //~ also: implement `trine::config::FromConfig`
}

#[derive(trine::Config)]
struct Uses {
    choice: Choice,
    #[config(default = "now")]
    port: u16,
    #[config(default = 'x')] //~ expect: mismatched types
    letter: u16,
}

fn main() {
    let app = App::new().config_section::<Mail>("mail").config_section::<Above>("above");
    let app = app.config_section::<Uses>("uses");
    drop(app.config_section::<Plain>("plain")); //~ expect: `Plain` is not a section of the configuration
}

struct Plain {
    it: u8,
}
