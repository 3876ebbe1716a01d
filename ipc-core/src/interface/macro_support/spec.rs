//! Descriptions in the form that generated code contains: constant tables, which are converted to an [`Interface`] here.

use crate::interface::describe::{Argument, Interface, Method, MethodKind};
use crate::interface::schema::{Field, Schema, Variant, short_name};

/// One method in generated code.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, missing_docs)]
pub struct MethodSpec<'a> {
    pub name: &'a str,
    pub kind: MethodKind,
    pub doc: &'a str,
    pub arguments: &'a [ArgumentSpec<'a>],
    pub result: fn() -> Schema,
    pub unit: Option<&'a str>,
    pub error: fn() -> Option<String>,
    pub idempotent: bool,
    pub urgent: bool,
    pub reads: bool,
    pub deprecated: Option<&'a str>,
}

/// One argument in generated code.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, missing_docs)]
pub struct ArgumentSpec<'a> {
    pub name: &'a str,
    pub schema: fn() -> Schema,
    pub unit: Option<&'a str>,
    pub default: Option<&'a str>,
    pub accepts: Option<fn() -> String>,
}

/// One field of a struct or variant in generated code.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, missing_docs)]
pub struct FieldSpec<'a> {
    pub name: &'a str,
    pub doc: &'a str,
    pub unit: Option<&'a str>,
    pub schema: fn() -> Schema,
}

/// One variant of an enum in generated code.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, missing_docs)]
pub struct VariantSpec<'a> {
    pub name: &'a str,
    pub doc: &'a str,
    pub fields: &'a [FieldSpec<'a>],
}

/// Makes the description of a driver.
pub fn interface(name: &str, doc: &str, methods: &[MethodSpec<'_>]) -> Interface {
    Interface {
        name: name.into(),
        doc: doc.into(),
        methods: methods.iter().map(method).collect(),
    }
}

/// Joins the descriptions of the parts of a driver. The first one gives the name and the docs.
pub fn joined<const N: usize>(parts: [Interface; N]) -> Interface {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().unwrap_or_default();
    for part in parts {
        whole.methods.extend(part.methods);
    }
    whole
}

/// Makes the description of one method or function.
pub fn method(spec: &MethodSpec<'_>) -> Method {
    Method {
        name: spec.name.into(),
        kind: spec.kind,
        doc: spec.doc.into(),
        arguments: spec.arguments.iter().map(argument).collect(),
        result: (spec.result)(),
        unit: spec.unit.map(str::to_string),
        error: (spec.error)(),
        idempotent: spec.idempotent,
        urgent: spec.urgent,
        reads: spec.reads,
        deprecated: spec.deprecated.map(str::to_string),
    }
}

/// Makes the schema of a struct.
pub fn struct_schema(name: &str, doc: &str, fields: &[FieldSpec<'_>]) -> Schema {
    Schema::Struct {
        name: name.into(),
        doc: doc.into(),
        fields: fields.iter().map(field).collect(),
    }
}

/// Makes the schema of an enum.
pub fn enum_schema(name: &str, doc: &str, variants: &[VariantSpec<'_>]) -> Schema {
    let variants = variants.iter().map(|variant| Variant {
        name: variant.name.into(),
        doc: variant.doc.into(),
        fields: variant.fields.iter().map(field).collect(),
    });
    Schema::Enum {
        name: name.into(),
        doc: doc.into(),
        variants: variants.collect(),
    }
}

/// The lines whose conditions hold, as one text.
pub fn lines_that_hold(lines: &[(bool, &str)]) -> String {
    let held = lines.iter().filter(|(holds, _)| *holds);
    let lines: Vec<_> = held.map(|(_, line)| *line).collect();
    lines.join("\n").trim().into()
}

/// The name of a type without its path.
pub fn name_of<T: ?Sized>() -> Option<String> {
    Some(short_name(std::any::type_name::<T>()))
}

fn argument(spec: &ArgumentSpec<'_>) -> Argument {
    Argument {
        name: spec.name.into(),
        schema: (spec.schema)(),
        unit: spec.unit.map(str::to_string),
        default: spec.default.map(str::to_string),
        accepts: spec.accepts.map(|text| text()),
    }
}

fn field(spec: &FieldSpec<'_>) -> Field {
    Field {
        name: spec.name.into(),
        doc: spec.doc.into(),
        unit: spec.unit.map(str::to_string),
        schema: (spec.schema)(),
    }
}
