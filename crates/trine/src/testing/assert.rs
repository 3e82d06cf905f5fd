//! The first names of the expectations, until everything that is written beside this says `expect_…`.

use serde::Serialize;

use super::TestResponse;

#[doc(hidden)]
impl TestResponse {
    #[track_caller]
    pub fn assert_status(&self, expected: u16) -> &TestResponse {
        self.expect_status(expected)
    }

    #[track_caller]
    pub fn assert_header(&self, name: &str, expected: &str) -> &TestResponse {
        self.expect_header(name, expected)
    }

    #[track_caller]
    pub fn assert_text(&self, expected: &str) -> &TestResponse {
        self.expect_text(expected)
    }

    #[track_caller]
    pub fn assert_json<T: Serialize>(&self, expected: &T) -> &TestResponse {
        self.expect_json(expected)
    }
}
