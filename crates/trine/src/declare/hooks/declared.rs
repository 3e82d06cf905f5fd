//! A state that an application declares.

use std::any::TypeId;
use std::panic::Location;

/// One state that was declared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Declared {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
    pub(crate) place: Place,
}

pub(crate) type Place = &'static Location<'static>;
