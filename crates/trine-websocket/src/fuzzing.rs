//! What must hold for any bytes: one function per fuzz target, which panics where it does not.
