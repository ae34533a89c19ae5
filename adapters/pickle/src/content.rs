//! What an object has as content, which is what it is deserialized from.
//!
//! Content is what Python calls so: items, pairs, attributes, or the one value that an object wraps. The
//! arguments of a constructor are content only where the class is known to be rebuilt that way.

use crate::graph::{Graph, Node, Object};
use crate::known;
use crate::numbers::Numbers;

/// What is known of an object by the name of its class.
pub(crate) enum Content<'g> {
    /// One value with a form in text.
    Text(String),
    /// The values in a container.
    Row(u32),
    /// The keys and values in a container.
    Pairs(u32),
    /// A `range`: start, stop, step.
    Range([i64; 3]),
    /// One number of NumPy.
    Number(Numbers<'g>),
    /// An `array.array` or an array of NumPy with one dimension.
    Numbers(Numbers<'g>),
    /// An exception, which is not read as anything else.
    Exception,
    /// Nothing: of a module whose classes are rebuilt from what is not their content.
    Nothing,
    /// The class is not known: see [`attributes`] and [`positional`].
    Unknown,
}

/// What an object of an unknown class is made of, if that is its content.
#[derive(Clone, Copy)]
pub(crate) enum Positional {
    /// The fields of a named tuple, the items of a subclass of `tuple`, or a state in order.
    Row(u32),
    /// The one value that it wraps, as members of an `Enum` and subclasses of `int` do.
    Value(Node),
}

impl Content<'_> {
    /// Returns `true` if the object is in the table of the crate's documentation.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::Nothing | Self::Unknown)
    }
}

pub(crate) fn of<'g>(graph: &'g Graph<'_>, object: &'g Object) -> Content<'g> {
    let class = graph.class(object);
    if let Some(text) = known::text(graph, object) {
        return Content::Text(text);
    }
    if let Some(number) = Numbers::of_scalar(graph, object) {
        return Content::Number(number);
    }
    if let Some(numbers) = Numbers::of_array(graph, object) {
        return Content::Numbers(numbers);
    }
    if is_exception(graph, object) {
        return Content::Exception;
    }
    let container =
        |kind: fn(u32) -> Content<'g>, of: Option<u32>| of.map_or(Content::Nothing, kind);
    match class {
        ("collections", "OrderedDict" | "defaultdict" | "Counter") => {
            container(Content::Pairs, object.pairs)
        }
        ("collections", "deque") => container(Content::Row, object.items),
        ("collections" | "UserDict" | "UserList" | "UserString", name) if name.contains("User") => {
            match object.state.and_then(|state| value_in(graph, state, b"data")) {
                Some(Node::Dict(pairs)) => Content::Pairs(pairs),
                Some(Node::List(items)) => Content::Row(items),
                Some(data) => {
                    graph.text(data).map_or(Content::Nothing, |it| Content::Text(it.into()))
                }
                None => Content::Nothing,
            }
        }
        ("datetime", "timedelta") if known::timedelta(graph, object).is_some() => {
            Content::Row(object.args)
        }
        ("builtins", "slice") if graph.items(object.args).len() == 3 => Content::Row(object.args),
        ("builtins", "range") => {
            known::range(graph, object).map_or(Content::Nothing, Content::Range)
        }
        // Of characters, or of `wchar_t`, whose size depends on the machine.
        ("array", "array") => match (graph.arg(object, 0), graph.arg(object, 1)) {
            (Some(_), Some(Node::List(items))) => Content::Row(items),
            _ => Content::Nothing,
        },
        ("types", "SimpleNamespace") | ("builtins", "object") => Content::Unknown,
        (module, _) if is_opaque(module) => Content::Nothing,
        _ => Content::Unknown,
    }
}

/// The attributes of an object of an unknown class: of its `__dict__`, and of its slots.
pub(crate) fn attributes(graph: &Graph<'_>, object: &Object) -> Option<[Option<u32>; 2]> {
    match state(graph, object) {
        Some(Node::Dict(state)) => Some(nested(graph, state).unwrap_or([Some(state), None])),
        Some(Node::Tuple(both)) => slots(graph, both),
        Some(_) => None,
        // Its `vars()` are empty. A callable that was made by a call may have arguments in it, as a
        // `partial` has.
        None => {
            let is_call = object.class.is_object() && !object.is_new && object.state.is_none();
            let has_none = graph.items(object.args).len() == 0 && object.kwargs.is_none();
            (has_none && !is_call && object.items.is_none()).then_some([None; 2])
        }
    }
}

/// The state of an object. An empty dict says nothing: Python 2 writes one for each object that could
/// have attributes.
fn state(graph: &Graph<'_>, object: &Object) -> Option<Node> {
    let is_empty =
        |state: &Node| matches!(*state, Node::Dict(dict) if graph.items(dict).len() == 0);
    object.state.filter(|state| !is_empty(state))
}

/// `(__dict__, slots)`, where the first may be `None`.
fn slots(graph: &Graph<'_>, both: u32) -> Option<[Option<u32>; 2]> {
    match graph.items(both).two()? {
        [Node::None, Node::Dict(slots)] => Some([None, Some(slots)]),
        [Node::Dict(attributes), Node::Dict(slots)] => Some([Some(attributes), Some(slots)]),
        _ => None,
    }
}

/// The state of a pydantic model has its attributes one level deeper.
fn nested(graph: &Graph<'_>, state: u32) -> Option<[Option<u32>; 2]> {
    let value = |name| value_in(graph, Node::Dict(state), name);
    let Some(Node::Dict(attributes)) = value(b"__dict__") else { return None };
    let extra = match value(b"__pydantic_extra__") {
        Some(Node::Dict(extra)) => Some(extra),
        _ => None,
    };
    Some([Some(attributes), extra])
}

/// How many pairs of a state are looked at for a key that its class writes first: whoever refers to an
/// object again and again would have all of them looked at each time.
const FIRST: usize = 16;

/// What a dict has for a key that is a str, among its first pairs.
pub(crate) fn value_in(graph: &Graph<'_>, dict: Node, name: &[u8]) -> Option<Node> {
    let Node::Dict(pairs) = dict else { return None };
    let mut pairs = graph.items(pairs).take(2 * FIRST);
    while let (Some(key), Some(value)) = (pairs.next(), pairs.next()) {
        if graph.raw(key) == Some(name) {
            return Some(value);
        }
    }
    None
}

/// What an object of an unknown class is made of. One that has a state never falls back to its
/// arguments.
pub(crate) fn positional(graph: &Graph<'_>, object: &Object) -> Option<Positional> {
    match state(graph, object) {
        Some(Node::Dict(_)) => return None,
        Some(Node::Tuple(both)) if slots(graph, both).is_some() => return None,
        Some(Node::Tuple(state) | Node::List(state)) => return Some(Positional::Row(state)),
        Some(state) => return Some(Positional::Value(state)),
        None => {}
    }
    if object.kwargs.is_some() {
        return None;
    }
    let class = graph.class(object);
    let mut args = graph.items(object.args);
    if class == ("copyreg", "_reconstructor") {
        return match args.nth(2)? {
            Node::None => None,
            Node::Tuple(items) => Some(Positional::Row(items)),
            value => Some(Positional::Value(value)),
        };
    }
    if is_rebuilt(class.0) {
        return None;
    }
    match (args.len(), args.next()?) {
        (1, Node::Tuple(items)) => Some(Positional::Row(items)),
        // A subclass of what is immutable, or a named tuple of one field.
        (
            1,
            value @ (Node::Int(_)
            | Node::Long(_)
            | Node::Float(_)
            | Node::Str(_)
            | Node::Surrogates(_)
            | Node::Bytes(_)),
        ) if object.is_new => Some(Positional::Value(value)),
        // A subclass of `date` is called with such bytes, and one of `defaultdict` with a name.
        (1, Node::Bytes(_) | Node::ByteArray(_) | Node::Global(_)) if !object.is_new => None,
        // Of a subclass of `set`; one of `OrderedDict` has lists there, in Python 2.
        (1, Node::List(items)) if !object.is_new => {
            let is_hashable = |item| !matches!(item, Node::List(_) | Node::Dict(_) | Node::Set(_));
            graph.items(items).all(is_hashable).then_some(Positional::Row(items))
        }
        (1, value) if !object.is_new => Some(Positional::Value(value)),
        // A named tuple, whose class may have been made by a function.
        _ if object.is_new || matches!(object.class, Node::Object(_)) => {
            Some(Positional::Row(object.args))
        }
        _ => None,
    }
}

/// Returns `true` for a module whose objects are rebuilt from what is not their content, nor is their
/// state: iterators, arrays, tables.
fn is_opaque(module: &str) -> bool {
    let package = module.split('.').next().unwrap_or_default();
    matches!(
        package,
        "builtins" | "itertools" | "numpy" | "pandas" | "_codecs" | "array" | "datetime"
    )
}

/// Returns `true` for a module of whose objects the arguments are no content, but attributes are.
fn is_rebuilt(module: &str) -> bool {
    matches!(
        module,
        "functools"
            | "operator"
            | "_operator"
            | "copyreg"
            | "collections"
            | "types"
            | "struct"
            | "_struct"
            | "weakref"
            | "decimal"
            | "uuid"
            | "fractions"
            | "pathlib"
            | "pathlib._local"
            | "zoneinfo"
            | "pytz"
            | "dateutil.tz.tz"
    )
}

/// Returns `true` for an exception: one of Python's own, or one whose name says so.
pub(crate) fn is_exception(graph: &Graph<'_>, object: &Object) -> bool {
    let (module, name) = graph.class(object);
    !object.is_new
        && object.items.is_none()
        && object.pairs.is_none()
        && (is_exception_name(module, name) || remote(graph, object).is_some())
}

/// The exception and the traceback that a pool of processes sends together.
pub(crate) fn remote(graph: &Graph<'_>, object: &Object) -> Option<[Node; 2]> {
    let ("rebuild_exc" | "_rebuild_exc") = graph.class(object).1 else { return None };
    match graph.items(object.args).two()? {
        both @ [Node::Object(_), Node::Str(_)] => Some(both),
        _ => None,
    }
}

/// Returns `true` if such a class is an exception, as far as its name tells.
pub(crate) fn is_exception_name(module: &str, name: &str) -> bool {
    const ENDS: [&str; 4] = ["Error", "Exception", "Warning", "ExceptionGroup"];
    const BUILTINS: [&str; 5] =
        ["GeneratorExit", "KeyboardInterrupt", "StopAsyncIteration", "StopIteration", "SystemExit"];
    const OTHERS: [&str; 4] = ["TimeoutExpired", "Timeout", "error", "timeout"];
    ENDS.iter().any(|end| name.ends_with(end))
        || module == "builtins" && BUILTINS.contains(&name)
        || matches!(module, "queue" | "_queue" | "Queue")
            && matches!(name, "Empty" | "Full" | "ShutDown")
        || module != "builtins" && OTHERS.contains(&name)
}

/// Returns `true` if no class of that name is an exception.
pub(crate) fn is_no_exception_name(module: &str, name: &str) -> bool {
    const MODULES: [&str; 12] = [
        "_codecs",
        "array",
        "collections",
        "datetime",
        "enum",
        "fractions",
        "http",
        "ipaddress",
        "re",
        "signal",
        "types",
        "uuid",
    ];
    let is_table = is_opaque(module) || is_rebuilt(module) || MODULES.contains(&module);
    !is_exception_name(module, name) && (is_table && module != "decimal")
}
