//! Validation rules for values that clients send.

use garde::{Error, Result};

/// A text needs at least one visible character and has at most `max` characters.
pub fn text(max: usize) -> impl Fn(&str, &()) -> Result {
    move |text, ()| {
        if text.trim().is_empty() {
            Err(Error::new("can't be blank"))
        } else if text.chars().count() > max {
            Err(Error::new(format!("is too long (maximum is {max} characters)")))
        } else {
            Ok(())
        }
    }
}

/// The name of a user is a segment of the path of the profile. It cannot be `.` or `..`, because
/// clients resolve those segments.
pub fn username(name: &str, (): &()) -> Result {
    text(64)(name, &())?;
    match name.trim() {
        "." | ".." => Err(Error::new("can't consist of dots")),
        _ => Ok(()),
    }
}

/// An address needs something on both sides of an `@`. Only a message to the address can show more.
pub fn email(address: &str, (): &()) -> Result {
    text(254)(address, &())?;
    let shape = address
        .rsplit_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if shape && !address.contains(char::is_whitespace) {
        Ok(())
    } else {
        Err(Error::new("is not an email address"))
    }
}

/// A password only needs a minimum length. Rules about its characters make passwords weaker.
pub fn password(password: &str, (): &()) -> Result {
    match password.chars().count() {
        0 => Err(Error::new("can't be blank")),
        1..8 => Err(Error::new("is too short (minimum is 8 characters)")),
        8..=1024 => Ok(()),
        _ => Err(Error::new("is too long (maximum is 1024 characters)")),
    }
}
