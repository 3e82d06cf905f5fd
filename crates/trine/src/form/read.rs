//! From a body to a form: urlencoded at once, multipart part by part.

use std::borrow::Cow;

use trine_core::{Cx, Rejection, param};

use super::collect::Collector;
use super::submitted::Values;
use super::{Field, FormLimits, FromForm};
use crate::extract::content::Content;
use crate::validation::{FieldErrors, Place};

/// What became of a form.
pub(crate) struct Outcome<T> {
    /// `None` exactly where there are errors.
    pub(crate) value: Option<T>,
    pub(crate) errors: FieldErrors,
    pub(crate) kept: Values,
}

/// Reads the body as the content type says. `keep` keeps the texts that may be shown again.
pub(crate) async fn read<T: FromForm>(cx: &mut Cx, keep: bool) -> Result<Outcome<T>, Rejection> {
    let mut collector = Collector::new::<T>(FormLimits::of(cx), keep);
    collect(cx, &mut collector).await?;
    let Collector { root, mut errors, kept, .. } = collector;
    let read = T::from_field(&mut Field::root(root, &mut errors));
    let value = read.ok().filter(|_| errors.is_empty());
    Ok(Outcome { value, errors, kept: kept.unwrap_or_default() })
}

async fn collect(cx: &mut Cx, collector: &mut Collector) -> Result<(), Rejection> {
    #[cfg(feature = "multipart")]
    if crate::extract::Multipart::is_declared(cx) {
        return parts(cx, collector).await;
    }
    let body = FORM.read(cx).await?;
    for pair in body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        let cut = pair.iter().position(|&byte| byte == b'=');
        let (name, value) = cut.map_or((pair, &[][..]), |cut| (&pair[..cut], &pair[cut + 1..]));
        let Some(name) = decode(name) else {
            collector.errors.refuse(
                Place::whole(),
                "encoding",
                "expected names in percent-encoded UTF-8",
            );
            continue;
        };
        let Some(slot) = collector.slot(&name)? else { continue };
        match decode(value) {
            Some(value) => collector.text(&slot, value.into_owned())?,
            None => collector.refuse(&slot, "encoding", "expected percent-encoded UTF-8"),
        }
    }
    Ok(())
}

#[cfg(feature = "multipart")]
const FORM: Content = Content {
    expected: "application/x-www-form-urlencoded, multipart/form-data",
    accepts: |given| given.eq_ignore_ascii_case("application/x-www-form-urlencoded"),
};

#[cfg(not(feature = "multipart"))]
const FORM: Content = Content {
    expected: "application/x-www-form-urlencoded",
    accepts: |given| given.eq_ignore_ascii_case("application/x-www-form-urlencoded"),
};

fn decode(text: &[u8]) -> Option<Cow<'_, str>> {
    param::decode(std::str::from_utf8(text).ok()?)
}

#[cfg(feature = "multipart")]
async fn parts(cx: &mut Cx, collector: &mut Collector) -> Result<(), Rejection> {
    use super::collect::past;
    use super::temp_file::Saved;

    let mut multipart = crate::extract::Multipart::of(cx, collector.limits.clone())?;
    let (most_files, mut files) = (collector.limits.files, 0);
    while let Some(mut part) = multipart.next_part().await? {
        let name = part.name().to_owned();
        let Some(slot) = collector.slot(&name)? else { continue };
        if part.file_name().is_none() {
            match part.text_up_to(collector.longest_text(&slot)).await? {
                Some(Ok(text)) => collector.text(&slot, text)?,
                Some(Err(_)) => collector.refuse(&slot, "encoding", "expected UTF-8"),
                None => collector.too_large(&slot, collector.longest_text(&slot)),
            }
            continue;
        }
        if !slot.rule.file {
            collector.refuse(&slot, "type", "expected text, got a file");
            continue;
        }
        let declared = part.content_type().unwrap_or("application/octet-stream").to_owned();
        let wrong_type = !slot.rule.allows(&declared);
        // A file that was not chosen comes without a name and without content, and has a type of
        // its own.
        if wrong_type && part.file_name() != Some("") {
            collector.wrong_type(&slot, &declared);
            continue;
        }
        match super::save(&mut part, collector.largest_file(&slot)).await? {
            Saved::Nothing => {}
            Saved::TooLarge => collector.too_large(&slot, collector.largest_file(&slot)),
            Saved::File(_) if wrong_type => collector.wrong_type(&slot, &declared),
            Saved::File(file) => {
                files += 1;
                if files > most_files {
                    return Err(
                        past("files", format!("expected at most {most_files} files")).into()
                    );
                }
                collector.file(&slot, file);
            }
        }
    }
    Ok(())
}
