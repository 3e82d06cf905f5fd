use std::time::Instant;

use trine::App;

#[derive(trine::Config)]
struct Mail {
    #[config(defualt = 25)] //~ expect: `#[config(defualt)]`: expected `default`, `name`, `secret` or `min`
    port: u16,
    #[config(name = "Host name")] //~ expect: `Host name` is not a valid key: expected a to z, 0 to 9 and `_`
    host: String,
    größe: u8, //~ expect: `größe` is not a valid key: add `#[config(name = "…")]`
    #[config(name = "port")]
    other: u16, //~ expect: two fields have the key `port`: rename one with `#[config(name = "…")]`
}

#[derive(trine::Config)]
struct Tuple(u8); //~ expect: a section needs named fields

#[derive(trine::Config)]
struct Generic<T> { //~ expect: a section cannot be generic: remove the parameters
    it: T,
}

#[derive(trine::Config)]
#[config(secret)] //~ expect: no options are allowed here: put them on the fields
struct Above {
    it: u8,
}

#[derive(trine::Config)]
enum Choice {
    One(u8), //~ expect: a variant is a word in the configuration and cannot have fields
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
