//! Certificates of clients.
