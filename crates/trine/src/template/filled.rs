//! A form as it was filled in, as a template sees it: what is not there is empty, never undefined.
//!
//! A page shows the same form empty and filled in, and a variable that is not there is an error. So
//! a plain map of what was sent would need a `default` at each of its fields.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use crate::form::Filled;
use crate::validation::FieldError;

/// The value of a form: its functions as methods, and `values` and `errors` as maps.
pub(crate) fn value(form: &Filled) -> Value {
    Value::from_object(Form(Arc::new(form.clone())))
}

#[derive(Debug)]
struct Form(Arc<Filled>);

impl Object for Form {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let of = match key.as_str()? {
            "values" => texts,
            "errors" => errors,
            _ => return None,
        };
        Some(Value::from_object(ByName { form: Arc::clone(&self.0), of }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["values", "errors"])
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let form = &self.0;
        let name = || from_args::<(&str,)>(args).map(|(name,)| name);
        Ok(match method {
            "value" => form.value(name()?).into(),
            "values" => texts(form, name()?),
            "errors" => errors(form, name()?),
            "has" => {
                let (name, value) = from_args::<(&str, &str)>(args)?;
                form.has(name, value).into()
            }
            "all_errors" => {
                from_args::<()>(args)?;
                form.all_errors().map(said).collect()
            }
            "is_refused" => {
                from_args::<()>(args)?;
                form.is_refused().into()
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }
}

/// What a form says of each name, an empty list for one that it does not know.
#[derive(Debug)]
struct ByName {
    form: Arc<Filled>,
    of: fn(&Filled, &str) -> Value,
}

impl Object for ByName {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some((self.of)(&self.form, key.as_str()?))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names =
            self.form.names().into_iter().filter(|name| (self.of)(&self.form, name).is_true());
        Enumerator::Values(names.map(Value::from).collect())
    }
}

/// The texts of a field. Past the last of them it has an empty one, for `form.values.name[0]` on
/// the empty page.
#[derive(Debug)]
struct Texts(Vec<String>);

impl Object for Texts {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(self.0.get(key.as_usize()?).map_or("", String::as_str).into())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }
}

fn texts(form: &Filled, name: &str) -> Value {
    Value::from_object(Texts(form.values(name).map(str::to_owned).collect()))
}

fn errors(form: &Filled, name: &str) -> Value {
    form.errors(name).map(said).collect()
}

fn said(error: &FieldError) -> Value {
    let field = error.place.to_string();
    Value::from_pairs([("field", &*field), ("code", &*error.code), ("message", &*error.message)])
}
