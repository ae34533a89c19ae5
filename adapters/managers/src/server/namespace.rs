//! A shared namespace, and a shared value.

use std::collections::BTreeMap;

use mpconn_pickle::{Exception, Object, Value};

use super::python::raise;
use super::repr::repr;
use super::{Call, Outcome, SharedObject};

/// Attributes that clients share: `multiprocessing.managers.Namespace`.
#[derive(Debug, Default)]
pub struct Namespace {
    attributes: BTreeMap<String, Value>,
}

impl Namespace {
    /// Creates a namespace as a client asks for: `Namespace(**attributes)`.
    pub(crate) fn create(call: &Call<'_, '_>) -> Result<Self, Exception> {
        if !call.args().is_empty() {
            return Err(raise("TypeError", "Namespace() takes keyword arguments only"));
        }
        let attribute =
            |(name, value): &(&str, _)| Ok(((*name).to_owned(), call.read(Some(*value))?));
        let attributes = call.kwargs().iter().map(attribute).collect::<Result<_, Exception>>()?;
        Ok(Self { attributes })
    }
}

impl SharedObject for Namespace {
    fn exposed(&self) -> &[&str] {
        &["__getattribute__", "__setattr__", "__delattr__"]
    }

    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        let [name, value] = call.bind(["name", "value"], 1)?;
        let name: String = call.read(name)?;
        if call.method() == "__setattr__" {
            self.attributes.insert(name, call.read(value)?);
            return Ok(Outcome::NONE);
        }
        let missing =
            || raise("AttributeError", format!("'Namespace' object has no attribute '{name}'"));
        match call.method() {
            "__getattribute__" => self.attributes.get(&name).cloned().map(Outcome::Return),
            _ => self.attributes.remove(&name).map(|_| Outcome::NONE),
        }
        .ok_or_else(missing)
    }

    fn repr(&self) -> String {
        let shown = self.attributes.iter().filter(|(name, _)| !name.starts_with('_'));
        let shown: Vec<_> = shown.map(|(name, value)| format!("{name}={}", repr(value))).collect();
        format!("Namespace({})", shown.join(", "))
    }

    fn value(&self) -> Result<Value, Exception> {
        let pairs =
            self.attributes.iter().map(|(name, value)| (name.as_str().into(), value.clone()));
        Ok(of_managers("Namespace", pairs.collect()))
    }

    fn visit(&self, visit: &mut dyn FnMut(&Value)) {
        self.attributes.values().for_each(visit);
    }
}

/// One value that clients share: `multiprocessing.managers.Value`.
#[derive(Debug, Default)]
pub struct Cell {
    code: Value,
    value: Value,
}

impl Cell {
    /// Creates a value as a client asks for: `Value(typecode, value, lock=True)`.
    pub(crate) fn create(call: &Call<'_, '_>) -> Result<Self, Exception> {
        let [code, value, _] = call.bind(["typecode", "value", "lock"], 2)?;
        Ok(Self { code: call.read(code)?, value: call.read(value)? })
    }
}

impl SharedObject for Cell {
    fn exposed(&self) -> &[&str] {
        &["get", "set"]
    }

    fn call(&mut self, call: &Call<'_, '_>) -> Result<Outcome, Exception> {
        if call.method() == "set" {
            self.value = call.only("value")?;
            return Ok(Outcome::NONE);
        }
        call.nothing()?;
        Ok(self.value.clone().into())
    }

    fn repr(&self) -> String {
        format!("Value({}, {})", repr(&self.code), repr(&self.value))
    }

    fn value(&self) -> Result<Value, Exception> {
        let pairs = [("_typecode", &self.code), ("_value", &self.value)];
        let pairs = pairs.map(|(name, value)| (name.into(), value.clone()));
        Ok(of_managers("Value", pairs.to_vec()))
    }

    fn visit(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.value);
    }
}

/// An object of a class without `__reduce__`, as the managers' own.
fn of_managers(class: &str, attributes: Vec<(Value, Value)>) -> Value {
    let object = Object::new("multiprocessing.managers", class, Vec::new());
    Object { is_new: true, state: Some(Value::Dict(attributes)), ..object }.into()
}
