//! Reads a form from a body: urlencoded as a whole, multipart part by part.

use std::borrow::Cow;

use trine_core::{Cx, Rejection, param};

use super::collect::Collector;
use super::filled::Texts;
use super::{Field, FormLimits, FromForm};
use crate::extract::content::Content;
use crate::validation::{FieldErrors, FieldPath};

/// A form that was read.
pub(crate) struct Outcome<T> {
    /// `None` if and only if there are errors.
    pub(crate) value: Option<T>,
    pub(crate) errors: FieldErrors,
    pub(crate) texts: Texts,
}

/// Reads the body in its declared content type. With `keep_texts`, the outcome contains the texts
/// that a page may show again.
pub(crate) async fn read<T: FromForm>(
    cx: &mut Cx,
    keep_texts: bool,
) -> Result<Outcome<T>, Rejection> {
    let mut collector = Collector::new::<T>(FormLimits::of(cx), keep_texts);
    collect(cx, &mut collector).await?;
    let Collector { root, mut errors, texts, .. } = collector;
    let read = T::from_field(&mut Field::root(root, &mut errors));
    let value = read.ok().filter(|_| errors.is_empty());
    Ok(Outcome { value, errors, texts: texts.unwrap_or_default() })
}

async fn collect(cx: &mut Cx, collector: &mut Collector) -> Result<(), Rejection> {
    #[cfg(feature = "multipart")]
    if crate::extract::Multipart::is_declared(cx) {
        return collect_parts(cx, collector).await;
    }
    let body = FORM.read(cx).await?;
    for pair in body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        let cut = pair.iter().position(|&byte| byte == b'=');
        let (name, value) = cut.map_or((pair, &[][..]), |cut| (&pair[..cut], &pair[cut + 1..]));
        let Some(name) = decode(name) else {
            collector.errors.refuse(
                FieldPath::root(),
                "encoding",
                "expected names in percent-encoded UTF-8",
            );
            continue;
        };
        let Some(field) = collector.declared(&name)? else { continue };
        match decode(value) {
            Some(value) => collector.text(&field, value.into_owned())?,
            None => collector.refuse(&field, "encoding", "expected percent-encoded UTF-8"),
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
async fn collect_parts(cx: &mut Cx, collector: &mut Collector) -> Result<(), Rejection> {
    use super::collect::limit_exceeded;
    use super::temp_file::Saved;

    let mut multipart = crate::extract::Multipart::of(cx, collector.limits.clone())?;
    let (most_files, mut files) = (collector.limits.files, 0);
    while let Some(mut part) = multipart.next_part().await? {
        let name = part.name().to_owned();
        let Some(field) = collector.declared(&name)? else { continue };
        if part.file_name().is_none() {
            match part.text_up_to(collector.longest_text(&field)).await? {
                Some(Ok(text)) => collector.text(&field, text)?,
                Some(Err(_)) => collector.refuse(&field, "encoding", "expected UTF-8"),
                None => collector.too_large(&field, collector.longest_text(&field)),
            }
            continue;
        }
        if !field.rule.file {
            collector.refuse(&field, "type", "expected text, got a file");
            continue;
        }
        let declared = part.content_type().unwrap_or("application/octet-stream").to_owned();
        let wrong_type = !field.rule.allows(&declared);
        // If no file was chosen, the part has no file name, no content and some other type.
        if wrong_type && part.file_name() != Some("") {
            collector.wrong_type(&field, &declared);
            continue;
        }
        match super::save(&mut part, collector.largest_file(&field)).await? {
            Saved::Nothing => {}
            Saved::TooLarge => collector.too_large(&field, collector.largest_file(&field)),
            Saved::File(_) if wrong_type => collector.wrong_type(&field, &declared),
            Saved::File(file) => {
                files += 1;
                if files > most_files {
                    let detail = format!("expected at most {most_files} files");
                    return Err(limit_exceeded("files", detail).into());
                }
                collector.file(&field, file);
            }
        }
    }
    Ok(())
}
