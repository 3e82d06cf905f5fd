//! The files of Unix sockets, which must be removed at the end of a server.

use std::path::PathBuf;

#[cfg(unix)]
use crate::handover::HandoverState;
use crate::listen::address::Address;
use crate::listen::bind::BoundListener;
use crate::listen::socket::Origin;

/// Removes the files of Unix sockets when it is dropped, unless another process has taken over.
#[derive(Debug)]
pub(crate) struct SocketFiles {
    own: Vec<PathBuf>,
    /// The files of inherited sockets: they belong to this process once the old one has handed
    /// over.
    inherited: Vec<PathBuf>,
    #[cfg(unix)]
    handover: std::sync::Arc<HandoverState>,
}

impl SocketFiles {
    pub(crate) fn new(
        listeners: &[BoundListener],
        #[cfg(unix)] handover: std::sync::Arc<HandoverState>,
    ) -> SocketFiles {
        let of = |origin| {
            let listeners = listeners.iter().filter(move |listener| listener.origin == origin);
            listeners.filter_map(|listener| Address::path(&listener.address)).map(PathBuf::from)
        };
        SocketFiles {
            own: of(Origin::Own).collect(),
            inherited: of(Origin::OldProcess).collect(),
            #[cfg(unix)]
            handover,
        }
    }

    /// Called when the old process has handed over.
    pub(crate) fn take_over(&mut self) {
        self.own.append(&mut self.inherited);
    }
}

impl Drop for SocketFiles {
    fn drop(&mut self) {
        #[cfg(unix)]
        if self.handover.is_handed_over() {
            return;
        }
        for path in &self.own {
            // The file may be gone already. If it stays, the next start replaces it.
            let _ = std::fs::remove_file(path);
        }
    }
}
