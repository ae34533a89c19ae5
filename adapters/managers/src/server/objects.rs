//! The objects of a server: ids, references, limits.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::panic::{self, AssertUnwindSafe};

use mpconn::Address;
use mpconn_pickle::{Decoder, Exception, Kind, Pickle, Value};

use super::answer::key_error;
use super::inside::{find, names_a_proxy};
use super::machine::{ClientId, Failure, Limits};
use super::python::{raise, size_of};
use super::registry::Type;
use super::{Call, Outcome, Registry, SharedObject};
use crate::token::{Token, address_to_value, token};

/// Methods that may make an object larger. Those of other types are not known.
const GROWING: &[&str] = &[
    "put",
    "put_nowait",
    "append",
    "extend",
    "insert",
    "__setitem__",
    "__setslice__",
    "__imul__",
    "update",
    "setdefault",
    "set",
    "__setattr__",
    "create",
];

/// All objects.
pub(crate) struct Objects {
    types: BTreeMap<String, Type>,
    entries: HashMap<String, Entry>,
    address: Value,
    next: u64,
    limits: Limits,
    /// Bytes of all values when they were counted, and how many may have been added since.
    counted: usize,
    added: usize,
    /// Bytes of the messages that wait.
    parked: usize,
}

struct Entry {
    object: Box<dyn SharedObject>,
    typeid: String,
    references: u64,
    /// Whether it stays without references: it was registered by the program.
    is_kept: bool,
    /// Whether a proxy of it was sent inside of a value.
    is_inside: bool,
    waiters: VecDeque<ClientId>,
}

impl Objects {
    pub(crate) fn new(registry: Registry, address: &Address, limits: Limits) -> Self {
        let mut objects = Self {
            types: registry.types,
            entries: HashMap::new(),
            address: address_to_value(address),
            next: 0,
            limits,
            counted: 0,
            added: 0,
            parked: 0,
        };
        let names: Vec<_> = objects.types.keys().cloned().collect();
        for name in names {
            let Some(Type::Object(object)) = objects.types.get_mut(&name) else { continue };
            let Some(object) = object.take() else { continue };
            let ident = objects.add(&name, object, true);
            objects.types.insert(name, Type::Id(ident));
        }
        objects
    }

    fn add(&mut self, typeid: &str, object: Box<dyn SharedObject>, is_kept: bool) -> String {
        self.next += 1;
        let ident = format!("{:x}", self.next);
        let entry = Entry {
            object,
            typeid: typeid.to_owned(),
            references: 0,
            is_kept,
            is_inside: false,
            waiters: VecDeque::new(),
        };
        self.entries.insert(ident.clone(), entry);
        ident
    }

    /// Calls a method of the manager itself.
    pub(crate) fn manage(
        &mut self,
        call: &Call<'_, '_>,
        pickle: &Pickle<'_>,
        message: &[u8],
    ) -> Result<Value, Exception> {
        self.note_proxies(pickle, message);
        match call.method() {
            "dummy" | "shutdown" => call.nothing()?,
            "accept_connection" => drop(call.only::<Value>("name")?),
            "create" => return self.create(call, message),
            "get_methods" => {
                let value: Value = call.only("token")?;
                let token = token(&value).ok_or_else(|| raise("AttributeError", "not a token"))?;
                let entry = self.entries.get(&token.id).ok_or_else(|| key_error(&token.id))?;
                return Ok(names(entry.object.exposed()));
            }
            "number_of_objects" => {
                call.nothing()?;
                return Ok(Value::Int(
                    i64::try_from(self.referenced().count()).unwrap_or(i64::MAX),
                ));
            }
            "debug_info" => {
                call.nothing()?;
                return Ok(self.debug_info().into());
            }
            "incref" => {
                let entry = self.entry(&call.only::<String>("ident")?)?;
                let more = entry.references.checked_add(1);
                entry.references =
                    more.ok_or_else(|| raise("OverflowError", "too many references"))?;
            }
            "decref" => self.decref(&call.only::<String>("ident")?)?,
            other => return Err(raise("AssertionError", format!("'{other}' unrecognized"))),
        }
        Ok(Value::None)
    }

    fn entry(&mut self, ident: &str) -> Result<&mut Entry, Exception> {
        self.entries.get_mut(ident).ok_or_else(|| key_error(ident))
    }

    fn referenced(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.entries.iter().filter(|(_, entry)| entry.references > 0)
    }

    fn create(&mut self, call: &Call<'_, '_>, message: &[u8]) -> Result<Value, Exception> {
        let (typeid, call) = call.shifted()?;
        self.check_room(call.method(), message.len())?;
        if self.entries.len() >= self.limits.objects {
            return Err(raise("MemoryError", format!("more than {} objects", self.limits.objects)));
        }
        let ident = match self.types.get(typeid) {
            None => return Err(key_error(typeid)),
            Some(Type::Id(ident)) => ident.clone(),
            Some(Type::Object(_)) => return Err(key_error(typeid)),
            Some(Type::Make(make)) => {
                let object = make(&call)?;
                self.add(typeid, object, false)
            }
        };
        let entry = self.entry(&ident)?;
        entry.references += 1;
        let exposed = names(entry.object.exposed());
        Ok(Value::Tuple(vec![ident.into(), exposed]))
    }

    /// Adds the result of a method, with one reference.
    pub(crate) fn share(
        &mut self,
        typeid: &str,
        object: Box<dyn SharedObject>,
    ) -> Result<(Token, Vec<String>), Exception> {
        if self.entries.len() >= self.limits.objects {
            return Err(raise("MemoryError", format!("more than {} objects", self.limits.objects)));
        }
        let exposed = object.exposed().iter().map(|name| (*name).to_owned()).collect();
        let id = self.add(typeid, object, false);
        self.entry(&id)?.references = 1;
        Ok((Token { typeid: typeid.to_owned(), address: self.address.clone(), id }, exposed))
    }

    fn decref(&mut self, ident: &str) -> Result<(), Exception> {
        let entry = self.entry(ident)?;
        let left = entry.references.checked_sub(1);
        entry.references = left
            .ok_or_else(|| raise("AssertionError", format!("Id {ident} has refcount 0, not 1+")))?;
        self.free(ident);
        Ok(())
    }

    /// Frees an object that nobody has a reference to, and that nobody waits for. One whose proxy is
    /// in a value of another one stays.
    pub(crate) fn free(&mut self, ident: &str) {
        let is_unused =
            |entry: &Entry| entry.references == 0 && !entry.is_kept && entry.waiters.is_empty();
        if !self.entries.get(ident).is_some_and(is_unused) {
            return;
        }
        let mut unused: Vec<String> = vec![ident.to_owned()];
        if self.entries[ident].is_inside {
            unused.clear();
        }
        let has_inside = self.entries.values().any(|entry| entry.is_inside && is_unused(entry));
        unused.iter().for_each(|ident| drop(self.entries.remove(ident)));
        if has_inside {
            let inside = self.inside();
            self.entries.retain(|ident, entry| {
                !(entry.is_inside && is_unused(entry)) || inside.contains(ident)
            });
        }
    }

    /// The ids of all proxies in all values.
    fn inside(&self) -> BTreeSet<String> {
        let mut idents = BTreeSet::new();
        for entry in self.entries.values() {
            let mut insert = |token: Token| {
                idents.insert(token.id);
            };
            entry.object.visit(&mut |value| find(value, &mut insert));
        }
        idents
    }

    fn debug_info(&self) -> String {
        let mut lines: Vec<_> = self
            .referenced()
            .map(|(ident, Entry { references, object, .. })| {
                let text: String = object.repr().chars().take(75).collect();
                format!("  {ident}:       refcount={references}\n    {text}")
            })
            .collect();
        lines.sort();
        lines.join("\n")
    }

    /// Calls a method of an object, or asks what the end of its wait means. Returns the id of the
    /// object, if it is there.
    pub(crate) fn call(
        &mut self,
        message: &[u8],
        has_expired: bool,
    ) -> (Option<String>, Result<Outcome, Failure>) {
        let pickle = match Decoder::new().parse(message) {
            Ok(pickle) => pickle,
            Err(error) => {
                let error = raise("UnpicklingError", error.to_string());
                return (None, Err(Failure::Manager(error)));
            }
        };
        let (ident, call) = match Call::of(pickle.root()) {
            Ok((ident, call)) => (ident.unwrap_or("None"), call),
            Err(error) => return (None, Err(Failure::Manager(error))),
        };
        if !self.entries.contains_key(ident) {
            return (None, Err(Failure::Manager(key_error(ident))));
        }
        if let Err(error) = self.check_room(call.method(), message.len()) {
            return (None, Err(Failure::Raised(error)));
        }
        self.note_proxies(&pickle, message);
        let Some(entry) = self.entries.get_mut(ident) else {
            return (None, Err(Failure::Manager(key_error(ident))));
        };
        let result = if has_expired {
            entry.object.expired(&call).map_err(Failure::Raised)
        } else {
            entry.call(&call)
        };
        (Some(ident.to_owned()), result)
    }

    /// Marks the objects whose proxies are in a message: they may be put into others.
    fn note_proxies(&mut self, pickle: &Pickle<'_>, message: &[u8]) {
        if !names_a_proxy(message) {
            return;
        }
        let entries = &mut self.entries;
        if let Ok(request) = pickle.to::<Value>() {
            find(&request, &mut |token| {
                if let Some(entry) = entries.get_mut(&token.id) {
                    entry.is_inside = true;
                }
            });
        }
    }

    /// Checks that there is room for what a message of so many bytes may add: at least its length, and
    /// at most a value for each byte. Values are counted only where that difference matters, and not
    /// before a part of the limit was added, so that counting costs little for each message.
    fn check_room(&mut self, method: &str, length: usize) -> Result<(), Exception> {
        if !GROWING.contains(&method) {
            return Ok(());
        }
        let limit = self.limits.bytes;
        self.added = self.added.saturating_add(length);
        let most = self.added.saturating_mul(size_of(&Value::None));
        if self.used(most) > limit && (self.added > limit / 64 || self.used(self.added) > limit) {
            let mut bytes = 0;
            for entry in self.entries.values() {
                entry.object.visit(&mut |value| bytes += size_of(value));
            }
            (self.counted, self.added) = (bytes, length);
        }
        if self.used(self.added) > limit {
            self.added -= length;
            return Err(raise("MemoryError", format!("the values take more than {limit} bytes")));
        }
        Ok(())
    }

    fn used(&self, added: usize) -> usize {
        self.counted.saturating_add(self.parked).saturating_add(added)
    }

    pub(crate) fn restore(&mut self, ident: &str, value: Value) {
        if let Some(entry) = self.entries.get_mut(ident) {
            entry.object.restore(value);
        }
    }

    pub(crate) fn wait(&mut self, ident: &str, client: ClientId, length: usize) {
        self.parked += length;
        if let Some(entry) = self.entries.get_mut(ident) {
            entry.waiters.push_back(client);
        }
    }

    pub(crate) fn waiter(&self, ident: &str, place: usize) -> Option<ClientId> {
        self.entries.get(ident)?.waiters.get(place).copied()
    }

    pub(crate) fn stop_waiting(&mut self, ident: &str, client: ClientId, length: usize) {
        self.parked = self.parked.saturating_sub(length);
        if let Some(entry) = self.entries.get_mut(ident) {
            entry.waiters.retain(|waiter| *waiter != client);
        }
    }
}

impl Entry {
    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Failure> {
        let method = call.method();
        if self.object.exposed().contains(&method) {
            // A fault in the type of a program is no fault of the other clients.
            let called = panic::catch_unwind(AssertUnwindSafe(|| self.object.call(call)));
            let panicked = |_| Err(raise("RuntimeError", format!("{method}() has panicked")));
            return Ok(called.unwrap_or_else(panicked)?);
        }
        match method {
            "__str__" | "__repr__" => Ok(Outcome::Return(self.object.repr().into())),
            "#GETVALUE" => {
                self.object.value().map(Outcome::Return).map_err(Failure::Unserializable)
            }
            _ => {
                let (typeid, exposed) = (&self.typeid, self.object.exposed());
                let text =
                    format!("method '{method}' of '{typeid}' object is not in exposed={exposed:?}");
                Err(Failure::Manager(raise("AttributeError", text)))
            }
        }
    }
}

fn names(names: &[&str]) -> Value {
    Value::Tuple(names.iter().map(|name| (*name).into()).collect())
}

/// The name of a type is the first argument of `create`.
impl<'p> Call<'p, '_> {
    fn shifted(&self) -> Result<(&'p str, Self), Exception> {
        match self.args().first().map(|typeid| typeid.kind()) {
            Some(Kind::Str(typeid)) => Ok((typeid, self.without_first(typeid))),
            _ => Err(raise("TypeError", "create() takes the name of a type")),
        }
    }
}
