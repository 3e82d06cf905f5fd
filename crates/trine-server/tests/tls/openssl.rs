//! The same for clients of OpenSSL.
