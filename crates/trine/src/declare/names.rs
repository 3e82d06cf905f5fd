//! Short names of functions and layers, from the names of their types.

/// The name of a layer: `TraceLayer` for `tower_http::trace::TraceLayer<…>`, the function for
/// middleware, and the layers inside for a `ServiceBuilder`.
pub(crate) fn layer_name(type_name: &str) -> String {
    let (path, inside) = type_name.split_once('<').unwrap_or((type_name, ""));
    let name = path.rsplit("::").next().unwrap_or(path);
    let arguments = arguments(inside);
    match (name, arguments.as_slice()) {
        ("MiddlewareLayer" | "LayerFn", [function, ..]) => function_name(function),
        ("ServiceBuilder", [inner]) => layer_name(inner),
        // A builder lists its layers from the innermost, which was added last.
        ("Stack", [inner, outer]) if outer.ends_with("::Identity") => layer_name(inner),
        ("Stack", [inner, outer]) => format!("{}, {}", layer_name(outer), layer_name(inner)),
        _ => name.to_owned(),
    }
}

/// The name of a function: `show` for `app::users::show`, `list` for `<app::App as Crud>::list` and
/// for `list<app::User>`. A closure is named after the function around it.
pub(crate) fn function_name(type_name: &str) -> String {
    match type_name.strip_suffix("::{{closure}}") {
        Some(around) => format!("closure in {}", last_segment(around)),
        None => last_segment(type_name).to_owned(),
    }
}

/// The last segment of a path, without its generic arguments.
fn last_segment(path: &str) -> &str {
    let (mut depth, mut start, mut end) = (0_usize, 0, path.len());
    for (at, letter) in path.char_indices() {
        match letter {
            '<' | '(' | '[' => {
                if depth == 0 && at > start {
                    end = at;
                }
                depth += 1;
            }
            '>' if path[..at].ends_with('-') => {}
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ':' if depth == 0 && path[..at].ends_with(':') => (start, end) = (at + 1, path.len()),
            _ => {}
        }
    }
    &path[start..end]
}

/// The generic arguments of a type, from the text behind its first `<`.
fn arguments(inside: &str) -> Vec<&str> {
    let inside = inside.strip_suffix('>').unwrap_or(inside);
    let (mut depth, mut start, mut list) = (0_usize, 0, Vec::new());
    for (at, letter) in inside.char_indices() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            '>' if inside[..at].ends_with('-') => {}
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                list.push(inside[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    list.push(inside[start..].trim());
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_have_short_names() {
        for (type_name, name) in [
            ("tower_http::trace::layer::TraceLayer<a::B<c::D>>", "TraceLayer"),
            ("tower_http::cors::CorsLayer", "CorsLayer"),
            ("trine::middleware::MiddlewareLayer<app::guard, (app::Token,)>", "guard"),
            ("trine::middleware::MiddlewareLayer<app::main::{{closure}}, ()>", "closure in main"),
            (
                "tower::builder::ServiceBuilder<tower_layer::stack::Stack<a::B<x::Y, z::Z>, \
                 tower_layer::stack::Stack<a::A, tower_layer::identity::Identity>>>",
                "A, B",
            ),
        ] {
            assert_eq!(layer_name(type_name), name, "{type_name}");
        }
    }

    #[test]
    fn functions_have_short_names() {
        for (type_name, name) in [
            ("app::users::show", "show"),
            ("app::list<app::User>", "list"),
            ("<app::App as app::Crud>::list", "list"),
            ("app::Crud<u8>::list", "list"),
            ("<app::App as app::Crud<alloc::vec::Vec<u8>>>::list<fn() -> u8>", "list"),
            ("app::main::{{closure}}", "closure in main"),
        ] {
            assert_eq!(function_name(type_name), name, "{type_name}");
        }
    }
}
