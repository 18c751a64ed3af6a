//! Keys that tokens are verified with.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio_rustls::rustls::pki_types::SubjectPublicKeyInfoDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// Most keys of an issuer that are looked at.
const MAX_KEYS: usize = 64;
/// Most keys that a token without the id of one is tried with.
const MAX_TRIED: usize = 4;

/// The keys of an issuer.
#[derive(Clone, Debug, Default)]
pub(super) struct IssuerKeys(Vec<VerifyingKey>);

#[derive(Clone, Debug)]
struct VerifyingKey {
    id: Option<String>,
    family: AlgorithmFamily,
    /// The only algorithm that it is for, if there is one.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

impl IssuerKeys {
    /// Reads a JSON Web Key Set (RFC 7517). Keys that are not for signatures or not understood are passed over, as are
    /// symmetric ones: whoever can read a set that has one could sign.
    pub(super) fn of_set(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        // The message must not show what a wrong file has in it.
        let set: Set = serde_json::from_slice(json).map_err(|_| "is no JSON Web Key Set".to_owned())?;
        let keys = set.keys.into_iter().filter_map(|key| of_jwk(&serde_json::from_value(key).ok()?));
        Self::some(keys.take(MAX_KEYS).collect(), "has no public key of RSA, P-256, P-384 or Ed25519 for signatures")
    }

    /// Reads the public keys of a PEM file.
    pub(super) fn of_pem(pem: &[u8]) -> Result<Self, String> {
        let keys = SubjectPublicKeyInfoDer::pem_slice_iter(pem).filter_map(|key| of_der(key.ok()?.as_ref()));
        Self::some(
            keys.take(MAX_KEYS).collect(),
            "has no PUBLIC KEY of RSA (2048 bits or more), P-256, P-384 or Ed25519",
        )
    }

    /// The key that issuer and server share.
    pub(super) fn of_secret(secret: &[u8]) -> Self {
        let key = DecodingKey::from_secret(secret);
        Self(vec![VerifyingKey { id: None, family: AlgorithmFamily::Hmac, algorithm: None, key }])
    }

    fn some(keys: Vec<VerifyingKey>, missing: &str) -> Result<Self, String> {
        if keys.is_empty() { Err(missing.to_owned()) } else { Ok(Self(keys)) }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The keys that may have signed a token with this header: those with its id, else those that have none.
    pub(super) fn for_token(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<&DecodingKey> {
        let fit: Vec<&VerifyingKey> = self.0.iter().filter(|key| key.is_for(algorithm)).collect();
        let is_named = |key: &VerifyingKey| id.is_some() && key.id.as_deref() == id;
        let is_exact = fit.iter().any(|key| is_named(key));
        let may_be = |key: &&VerifyingKey| if is_exact { is_named(key) } else { id.is_none() || key.id.is_none() };
        fit.into_iter().filter(may_be).map(|key| &key.key).take(MAX_TRIED).collect()
    }
}

impl VerifyingKey {
    fn is_for(&self, algorithm: Algorithm) -> bool {
        self.family == algorithm.family() && self.algorithm.is_none_or(|only| only == algorithm)
    }
}

fn of_jwk(jwk: &Jwk) -> Option<VerifyingKey> {
    let common = &jwk.common;
    let is_for_signatures = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    let (family, by_curve) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (AlgorithmFamily::Rsa, None),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => (AlgorithmFamily::Ec, Some(Algorithm::ES256)),
            EllipticCurve::P384 => (AlgorithmFamily::Ec, Some(Algorithm::ES384)),
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (AlgorithmFamily::Ed, Some(Algorithm::EdDSA))
        }
        _ => return None,
    };
    let named = match common.key_algorithm {
        None => by_curve,
        Some(name) => Some(Algorithm::try_from(name).ok()?),
    };
    let fits = named.is_none_or(|named| named.family() == family && by_curve.is_none_or(|curve| curve == named));
    let key = DecodingKey::from_jwk(jwk).ok()?;
    (is_for_signatures && fits).then(|| VerifyingKey { id: common.key_id.clone(), family, algorithm: named, key })
}

/// The key of a SubjectPublicKeyInfo (RFC 5280), whose type the library finds out: only one of these reads it.
fn of_der(der: &[u8]) -> Option<VerifyingKey> {
    let key = |family, algorithm, key| Some(VerifyingKey { id: None, family, algorithm, key });
    if ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).is_ok() {
        return key(AlgorithmFamily::Rsa, None, DecodingKey::from_rsa_der(der));
    }
    if ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der).is_ok() {
        return key(AlgorithmFamily::Ec, Some(Algorithm::ES256), DecodingKey::from_ec_der(der));
    }
    if ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, der).is_ok() {
        return key(AlgorithmFamily::Ec, Some(Algorithm::ES384), DecodingKey::from_ec_der(der));
    }
    if ParsedPublicKey::new(&ED25519, der).is_ok() {
        return key(AlgorithmFamily::Ed, Some(Algorithm::EdDSA), DecodingKey::from_ed_der(der));
    }
    None
}
