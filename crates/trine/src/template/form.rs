//! A submitted form as a template sees it: a field that was not sent is empty, never undefined.
//!
//! One page shows the form both empty and filled in, and an undefined variable is an error. With a
//! plain map of the submitted fields, every field in the template would need a `default`.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use crate::form::Filled;
use crate::validation::FieldError;

/// The functions of the form are methods of the value; `values` and `errors` are maps.
impl Object for Filled {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let of = match key.as_str()? {
            "values" => texts,
            "errors" => errors,
            _ => return None,
        };
        Some(Value::from_object(ByName { form: Arc::clone(self), of }))
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
        let name = || from_args::<(&str,)>(args).map(|(name,)| name);
        Ok(match method {
            "value" => self.value(name()?).into(),
            "values" => texts(self, name()?),
            "errors" => errors(self, name()?),
            "has" => {
                let (name, value) = from_args::<(&str, &str)>(args)?;
                self.has(name, value).into()
            }
            "all_errors" => {
                from_args::<()>(args)?;
                self.all_errors().map(error_value).collect()
            }
            "is_refused" => {
                from_args::<()>(args)?;
                self.is_refused().into()
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }
}

/// A map from each field name to its texts or errors; an unknown name maps to an empty list.
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

/// The texts of a field. Every index past the end is empty text, so that `form.values.name[0]`
/// works on the empty form.
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
    form.errors(name).map(error_value).collect()
}

fn error_value(error: &FieldError) -> Value {
    let field = error.path.to_string();
    Value::from_pairs([("field", &*field), ("code", &*error.code), ("message", &*error.message)])
}
