//! Issuers of tokens for tests: keys, tokens of any form, and an HTTP server with a key set that counts its requests.
//!
//! The whole file is `#[cfg(test)]`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::protocol::Timestamp;

/// The time of tests.
pub(super) const NOW: i64 = 1_800_000_000;

pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1_000)
}

/// A key pair.
pub(super) enum TestKey {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Secret(Vec<u8>),
}

pub(super) static RSA: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())));
pub(super) static EC: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()));
pub(super) static OTHER_EC: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()));

impl TestKey {
    /// The public key as a JSON Web Key.
    pub(super) fn jwk(&self, id: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(key) => {
                let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                json!({"kty": "RSA", "use": "sig", "kid": id, "n": text(n), "e": text(e)})
            }
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": id, "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Self::Secret(key) => json!({"kty": "oct", "kid": id, "k": text(key)}),
        }
    }

    /// The public key as PEM.
    pub(super) fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(key) => key.public_key().as_der().unwrap(),
            Self::Ec(key) => key.public_key().as_der().unwrap(),
            Self::Secret(_) => panic!("a secret has no public key"),
        };
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    pub(super) fn sign(&self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec(),
            Self::Secret(key) => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec(),
        }
    }

    /// A token with this header and these claims.
    pub(super) fn token(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let signature = self.sign(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The first two parts of a token.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// The claims with some replaced; one that is null is left out.
pub(super) fn with(claims: &Value, other: Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in other.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// An HTTP server with a key set, until it is dropped.
pub(super) struct KeyServer {
    pub(super) url: String,
    requests: Arc<AtomicUsize>,
    /// What it answers; `None`: it closes connections without an answer.
    answer: Arc<Mutex<Option<String>>>,
    /// A permit is taken for each answer.
    gate: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl KeyServer {
    pub(super) async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (requests, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
        let gate = Arc::new(Semaphore::new(1_000));
        let (seen, body, open) = (requests.clone(), answer.clone(), gate.clone());
        let task = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match connection.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                seen.fetch_add(1, Ordering::SeqCst);
                open.acquire().await.unwrap().forget();
                let text: Option<String> = body.lock().unwrap().clone();
                if let Some(text) = text {
                    let _ = connection.write_all(text.as_bytes()).await;
                }
            }
        });
        let server = Self { url, requests, answer, gate, task };
        server.has(keys);
        server
    }

    /// Answers with these keys from now on.
    pub(super) fn has(&self, keys: &[Value]) {
        self.answers("200 OK", &json!({"keys": keys}).to_string());
    }

    /// Answers so from now on.
    pub(super) fn answers(&self, status: &str, body: &str) {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        *self.answer.lock().unwrap() = Some(format!("{head}{body}"));
    }

    /// Closes connections without an answer from now on.
    pub(super) fn is_away(&self) {
        *self.answer.lock().unwrap() = None;
    }

    /// Answers nobody until it may.
    pub(super) fn wait(&self) {
        self.gate.forget_permits(usize::MAX);
    }

    pub(super) fn go_on(&self) {
        self.gate.add_permits(1_000);
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Waits until it has seen as many requests.
    pub(super) async fn seen(&self, requests: usize) {
        let all = async {
            while self.requests() < requests {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), all).await.expect("a request");
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
