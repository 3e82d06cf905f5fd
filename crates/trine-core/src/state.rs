//! The typed values that an application holds for its handlers.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// Values by their type, one for each type. They are shared by reference, so they must be
/// `Send + Sync`, but need not be `Clone`.
///
/// A clone shares the values and may hold more of them: each worker of a server has a clone with
/// the worker's own values.
///
/// ```
/// use std::sync::Arc;
/// use trine_core::state::States;
///
/// struct Greeting(&'static str);
///
/// let mut states = States::default();
/// states.insert(Arc::new(Greeting("hello")));
/// assert_eq!(states.get::<Greeting>().unwrap().0, "hello");
/// assert!(states.get::<String>().is_none());
/// ```
#[derive(Default, Clone)]
pub struct States {
    values: HashMap<
        TypeId,
        (Arc<dyn Any + Send + Sync>, &'static str),
        BuildHasherDefault<TypeIdHasher>,
    >,
}

impl States {
    /// Adds a value. Returns whether it has replaced a value of the same type.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::state::States;
    /// let mut states = States::default();
    /// assert!(!states.insert(Arc::new("hello")));
    /// assert!(states.insert(Arc::new("good morning")));
    /// ```
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: Arc<T>) -> bool {
        self.values.insert(TypeId::of::<T>(), (value, std::any::type_name::<T>())).is_some()
    }

    /// The value of this type.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::state::States;
    /// let mut states = States::default();
    /// states.insert(Arc::new(7_u32));
    /// assert_eq!(states.get::<u32>().as_deref(), Some(&7));
    /// assert_eq!(states.get::<u64>(), None);
    /// ```
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let (value, _) = self.values.get(&TypeId::of::<T>())?;
        Arc::clone(value).downcast().ok()
    }

    /// Whether there is a value of this type.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use trine_core::state::States;
    /// use std::any::TypeId;
    ///
    /// let mut states = States::default();
    /// states.insert(Arc::new(7_u32));
    /// assert!(states.contains(TypeId::of::<u32>()));
    /// ```
    #[must_use]
    pub fn contains(&self, type_id: TypeId) -> bool {
        self.values.contains_key(&type_id)
    }
}

impl std::fmt::Debug for States {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.values.values().map(|(_, name)| name)).finish()
    }
}

/// Uses the bits of a [`TypeId`] directly, because it is a hash already.
#[derive(Default)]
struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, bits: u64) {
        self.0 = bits;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
