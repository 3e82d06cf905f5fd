//! Signed requests (RFC 7515, RFC 8555, 6.2) and the verification of their signatures.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// A request whose signature was verified.
pub(crate) struct Signed {
    pub(crate) header: Value,
    /// `Null` for a POST-as-GET.
    pub(crate) payload: Value,
}

/// The public key of an account.
#[derive(Clone)]
pub(crate) struct Key {
    point: Vec<u8>,
    pub(crate) thumbprint: String,
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

pub(crate) fn sha256(text: &str) -> Vec<u8> {
    digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

impl Key {
    pub(crate) fn of(jwk: &Value) -> Key {
        assert_eq!((&jwk["kty"], &jwk["crv"]), (&"EC".into(), &"P-256".into()));
        let point = [vec![4], decode(&jwk["x"]), decode(&jwk["y"])].concat();
        // The members must be in this order (RFC 7638, 3).
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        Key { point, thumbprint: encode(sha256(&text)) }
    }
}

/// Verifies a request. `key` selects the public key by the protected header.
pub(crate) fn open(body: &[u8], key: impl FnOnce(&Value) -> Key) -> Signed {
    let body: Value = serde_json::from_slice(body).unwrap();
    let header: Value = serde_json::from_slice(&decode(&body["protected"])).unwrap();
    assert_eq!(header["alg"], "ES256");
    let text =
        format!("{}.{}", body["protected"].as_str().unwrap(), body["payload"].as_str().unwrap());
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key(&header).point)
        .verify(text.as_bytes(), &decode(&body["signature"]))
        .expect("the signature is invalid");
    let payload = decode(&body["payload"]);
    let payload =
        if payload.is_empty() { Value::Null } else { serde_json::from_slice(&payload).unwrap() };
    Signed { header, payload }
}
