//! The parts of a connection below HTTP, in the order in which to read them: [`io`] is the trait of
//! its stream, [`buffer`] lends read and write buffers, [`out`] gathers what is written, [`timer`]
//! has the deadlines, and [`reset`] notices a peer that is gone.

pub(crate) mod buffer;
pub(crate) mod io;
pub(crate) mod out;
pub(crate) mod reset;
pub(crate) mod timer;
