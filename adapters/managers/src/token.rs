//! Tokens and references: how an object of a manager is named on the wire.

use std::path::PathBuf;

use mpconn::Address;
use mpconn_pickle::{Global, Object, Value};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

const MODULE: &str = "multiprocessing.managers";

/// The name of a shared object: its type, the address of its manager, and its id there. CPython's
/// counterpart is `multiprocessing.managers.Token`.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// The name under which the type is registered.
    pub typeid: String,
    /// The address of the manager, as Python has it: a tuple, a str, or bytes.
    pub address: Value,
    /// The id of the object, in hexadecimal.
    pub id: String,
}

impl Token {
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let Value::Object(object) = value else { return None };
        if !object.class.is(MODULE, "Token") {
            return None;
        }
        let parts = match (&object.state, object.args.as_slice()) {
            (Some(Value::Tuple(parts)), _) => parts.as_slice(),
            (None, parts) => parts,
            _ => return None,
        };
        let [Value::Str(typeid), address, Value::Str(id)] = parts else { return None };
        Some(Self { typeid: typeid.clone(), address: address.clone(), id: id.clone() })
    }

    /// Returns the token as Python reads it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let state = vec![native(&self.typeid), self.address.clone(), native(&self.id)];
        let token = Object::new(MODULE, "Token", Vec::new());
        Object { is_new: true, state: Some(Value::Tuple(state)), ..token }.into()
    }
}

/// A text that is a `str` in each Python, also in 2.7, which refuses its `unicode` as the name of a
/// type.
pub(crate) fn native(text: &str) -> Value {
    Object::new("builtins", "str", vec![text.into()]).into()
}

/// The text of a str, also of one that [`native`] made.
pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Object(object) if object.class.is("builtins", "str") => {
            object.args.first()?.as_str()
        }
        value => value.as_str(),
    }
}

/// A proxy inside of a value: what Python pickles a proxy as. It holds no reference to the object
/// by itself; `Manager::attach` makes a proxy of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// The shared object.
    pub token: Token,
    /// The class of the proxy, such as `multiprocessing.managers.DictProxy`.
    pub class: Global,
    /// The names of the methods, where the class does not tell: those of an `AutoProxy`.
    pub exposed: Option<Vec<String>>,
}

impl Reference {
    /// Returns the reference, if the value is a proxy.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let Value::Object(object) = value else { return None };
        if !object.class.is(MODULE, "RebuildProxy") {
            return None;
        }
        let [Value::Global(class), token, serializer, kwargs] = object.args.as_slice() else {
            return None;
        };
        if serializer.as_str() != Some("pickle") {
            return None;
        }
        let exposed = match kwargs.get("exposed") {
            Some(Value::Tuple(names)) => Some(
                names.iter().map(|name| text(name).map(str::to_owned)).collect::<Option<_>>()?,
            ),
            _ => None,
        };
        Some(Self { token: Token::of(&decoded(token))?, class: (**class).clone(), exposed })
    }

    /// Returns the reference as Python reads it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let names =
            |names: &Vec<String>| Value::Tuple(names.iter().map(|name| native(name)).collect());
        let kwargs = self.exposed.iter().map(|exposed| ("exposed".into(), names(exposed)));
        let args = vec![
            self.class.clone().into(),
            self.token.to_value(),
            native("pickle"),
            Value::Dict(kwargs.collect()),
        ];
        Object::new(MODULE, "RebuildProxy", args).into()
    }
}

/// A token with texts in place of what [`native`] wrote.
fn decoded(value: &Value) -> Value {
    let Value::Object(object) = value else { return value.clone() };
    let Some(Value::Tuple(parts)) = &object.state else { return value.clone() };
    let plain = |part: &Value| text(part).map_or_else(|| part.clone(), Value::from);
    let state = Some(Value::Tuple(parts.iter().map(plain).collect()));
    Object { state, ..(**object).clone() }.into()
}

pub(crate) fn token(value: &Value) -> Option<Token> {
    Token::of(&decoded(value))
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::of(&value).ok_or_else(|| D::Error::custom("not a proxy of a manager"))
    }
}

/// Returns whether a class is the proxy of a type that names its own methods.
pub(crate) fn is_auto(class: &Global) -> bool {
    class.module == MODULE && class.name == "AutoProxy"
}

/// Returns the class of proxies that `SyncManager` has for a type.
pub(crate) fn proxy_class(typeid: &str) -> Global {
    let name = match typeid {
        "dict" => "DictProxy",
        "list" => "ListProxy",
        "Namespace" => "NamespaceProxy",
        "Value" => "ValueProxy",
        "Array" => "ArrayProxy",
        "Event" => "EventProxy",
        "Lock" | "RLock" | "Semaphore" | "BoundedSemaphore" => "AcquirerProxy",
        "Condition" => "ConditionProxy",
        "Barrier" => "BarrierProxy",
        "Pool" => "PoolProxy",
        "Iterator" => "IteratorProxy",
        _ => "AutoProxy",
    };
    Global::new(MODULE, name)
}

/// Returns an address as Python has it in a token.
pub(crate) fn address_to_value(address: &Address) -> Value {
    match address {
        Address::Inet { host, port } => {
            Value::Tuple(vec![host.as_str().into(), Value::Int(i64::from(*port))])
        }
        Address::Unix(path) => path.to_string_lossy().into_owned().into(),
        Address::Abstract(name) => Value::Bytes([b"\0", name.as_slice()].concat()),
        Address::Pipe(name) => name.as_str().into(),
        other => other.to_string().into(),
    }
}

/// Returns the address that a token names, if it is one.
pub(crate) fn address_of(value: &Value) -> Option<Address> {
    match value {
        Value::Tuple(parts) => match parts.as_slice() {
            [host, Value::Int(port)] => {
                Some(Address::from((text(host)?, u16::try_from(*port).ok()?)))
            }
            _ => None,
        },
        Value::Bytes(bytes) => bytes.as_slice().try_into().ok(),
        value => {
            let text = text(value)?;
            if cfg!(windows) { text.try_into().ok() } else { PathBuf::from(text).try_into().ok() }
        }
    }
}
