//! The name that the client of tests has elsewhere leads to the one that it has here.
#![deny(deprecated)]

use trine::testing::Client; //~ expect: write `TestClient`, which `app.test().await` makes
use trine::testing::blocking::Client as Waiting; //~ expect: write `TestClient`, which `app.blocking_test()` makes

fn main() {}
