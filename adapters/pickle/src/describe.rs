//! What an error calls a value.

use std::fmt::Write;

use crate::content;
use crate::graph::{Graph, Node, Object};
use crate::known;

/// The most characters of a name that are quoted.
const MAX_NAME: usize = 64;

/// Returns the kind of a value as Python calls it, with the class of an object.
pub(crate) fn describe(graph: &Graph<'_>, node: Node) -> String {
    match node {
        Node::None | Node::Unset => "None".to_owned(),
        Node::Bool(_) => "a bool".to_owned(),
        Node::Int(_) | Node::Long(_) => "an int".to_owned(),
        Node::Float(_) => "a float".to_owned(),
        Node::Complex(_) => "a complex".to_owned(),
        Node::Str(_) => "a str".to_owned(),
        Node::Surrogates(_) => "a str with surrogates".to_owned(),
        Node::Bytes(_) => "bytes".to_owned(),
        Node::ByteArray(_) => "a bytearray".to_owned(),
        Node::Tuple(_) => "a tuple".to_owned(),
        Node::List(_) => "a list".to_owned(),
        Node::Dict(_) => "a dict".to_owned(),
        Node::Set(_) => "a set".to_owned(),
        Node::FrozenSet(_) => "a frozenset".to_owned(),
        Node::Global(_) => format!("the class or function {}", class(graph, node)),
        Node::Object(number) => object(graph, &graph.objects[number as usize]),
    }
}

fn object(graph: &Graph<'_>, object: &Object) -> String {
    if let Some([Node::Object(exception), _]) = content::remote(graph, object) {
        let exception = &graph.objects[exception as usize];
        return format!("an exception {}", class(graph, exception.class));
    }
    if content::is_exception(graph, object) {
        return format!("an exception {}", class(graph, object.class));
    }
    if let Some(zone) = known::zone_without_offset(graph, object) {
        let class = class(graph, object.class);
        return format!("a {class} in the time zone `{}`, whose offset is not sent", quoted(zone));
    }
    let class = match graph.class(object) {
        ("copyreg", "_reconstructor") => graph.arg(object, 0).unwrap_or(object.class),
        ("array", "_array_reconstructor") => graph.arg(object, 0).unwrap_or(object.class),
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
            graph.arg(object, 0).unwrap_or(object.class)
        }
        _ => object.class,
    };
    let name = self::class(graph, class);
    match name.strip_prefix('`').map(|name| name.starts_with(['a', 'e', 'i', 'o', 'u'])) {
        Some(true) => format!("an {name}"),
        Some(false) => format!("a {name}"),
        None => format!("an object of {name}"),
    }
}

/// The name of a class in backquotes, or by what it is made.
fn class(graph: &Graph<'_>, class: Node) -> String {
    match class {
        Node::Global(class) => {
            let (module, name) = graph.name(class);
            match module {
                "builtins" => format!("`{}`", quoted(name)),
                _ => format!("`{}.{}`", quoted(module), quoted(name)),
            }
        }
        Node::Object(made) => {
            let made = &graph.objects[made as usize];
            match known::attribute(graph, made) {
                Some((module, name, attribute)) => {
                    format!("`{}.{}.{}`", quoted(module), quoted(name), quoted(attribute))
                }
                None => match graph.class(made) {
                    ("", _) => "a class that was made by a call".to_owned(),
                    (module, name) => {
                        format!("a class made by `{}.{}`", quoted(module), quoted(name))
                    }
                },
            }
        }
        _ => "a class".to_owned(),
    }
}

/// One step of a path: the key of a dict.
pub(crate) fn step(graph: &Graph<'_>, key: Node) -> String {
    match (key, graph.text(key)) {
        (_, Some(name)) if is_identifier(name) => format!(".{}", quoted(name)),
        (_, Some(name)) => format!("[\"{}\"]", quoted(name)),
        (Node::Int(number), None) => format!("[{number}]"),
        _ => format!("[{}]", describe(graph, key)),
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric())
}

fn quoted(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars().take(MAX_NAME) {
        match character {
            '`' | '"' => text.push(character),
            _ => text.extend(character.escape_debug()),
        }
    }
    if name.chars().nth(MAX_NAME).is_some() {
        // Writing into a String does not fail.
        let _ = write!(text, "..");
    }
    text
}
