//! A state that an application declares.

use std::any::TypeId;
use std::panic::Location;

/// The declaration of a state: its type, and where it is declared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateDeclaration {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
    pub(crate) location: SourceLocation,
}

/// The line of the program that declares something.
pub(crate) type SourceLocation = &'static Location<'static>;
