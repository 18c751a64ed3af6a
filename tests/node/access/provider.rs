//! An identity provider that says whatever a test wants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use runcast::protocol::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How it knows the server.
pub(super) const CLIENT: &str = "runcast";
pub(super) const CLIENT_SECRET: &str = "known-client-secret";

/// The provider, until it is dropped.
pub(super) struct FakeProvider {
    pub(super) url: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    url: String,
    key: EcdsaKeyPair,
    /// What it gives for which code, once: the challenge of whoever may have it, and the token's claims.
    codes: Mutex<HashMap<String, (String, Value)>>,
    /// Every form that it was sent for a token.
    forms: Mutex<Vec<HashMap<String, String>>>,
}

impl FakeProvider {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let state = Arc::new(State { url: url.clone(), key, codes: Mutex::default(), forms: Mutex::default() });
        let served = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(connection));
            }
        });
        Self { url, state, task }
    }

    /// The setting `auth.oidc` for it, with one rule: whoever is of the group `dev` may view and control everything.
    pub(super) fn setting(&self) -> String {
        json!({
            "name": "corp", "issuer": self.url, "client_id": CLIENT, "client_secret": CLIENT_SECRET,
            "rules": [{"when": {"groups": ["dev"]}, "scopes": ["view", "control"], "runs": ["*"]}],
        })
        .to_string()
    }

    /// Gives a code to whoever was sent here by this URL, for a token with these claims beside the usual ones.
    pub(super) fn code(&self, sent: &reqwest::Url, claims: Value) -> String {
        let asked: HashMap<_, _> = sent.query_pairs().into_owned().collect();
        let now = Timestamp::now().as_millis() / 1_000;
        let mut all = json!({
            "iss": self.url, "aud": CLIENT, "sub": "ann-1", "name": "Ann", "groups": ["dev"],
            "nonce": asked["nonce"], "iat": now, "exp": now + 60,
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let mut codes = self.state.codes.lock().unwrap();
        let code = format!("code-{}-{}", codes.len(), self.state.forms.lock().unwrap().len());
        codes.insert(code.clone(), (asked["code_challenge"].clone(), all));
        code
    }

    /// How often it was asked for a token.
    pub(super) fn asked(&self) -> usize {
        self.state.forms.lock().unwrap().len()
    }
}

impl State {
    async fn serve(self: Arc<Self>, mut connection: TcpStream) {
        let mut text = Vec::new();
        let whole = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).into_owned();
            let (head, body) = text.split_once("\r\n\r\n")?;
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            (body.len() >= length.unwrap_or(0)).then(|| (head.to_owned(), body.to_owned()))
        };
        let (head, body) = loop {
            if let Some(request) = whole(&text) {
                break request;
            }
            match connection.read_buf(&mut text).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        let (status, answer) = match head.split(' ').nth(1).unwrap() {
            "/.well-known/openid-configuration" => ("200 OK", self.document()),
            "/keys" => ("200 OK", json!({"keys": [self.public_key()]})),
            "/token" => self.token(&head, &body),
            _ => ("404 Not Found", json!({})),
        };
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
        let _ = connection.write_all(format!("{head}{answer}").as_bytes()).await;
    }

    fn document(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.url);
        json!({
            "issuer": self.url, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"),
        })
    }

    fn public_key(&self) -> Value {
        let (point, text) = (self.key.public_key().as_ref(), |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes));
        json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": text(&point[1..33]), "y": text(&point[33..])})
    }

    /// A token for a code, which is good once, for whoever has begun with it and is the client.
    fn token(&self, head: &str, body: &str) -> (&'static str, Value) {
        let form: HashMap<String, String> =
            reqwest::Url::parse(&format!("http://form/?{body}")).unwrap().query_pairs().into_owned().collect();
        self.forms.lock().unwrap().push(form.clone());
        let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{CLIENT_SECRET}")));
        if !head.contains(&basic) || !form["redirect_uri"].ends_with("/auth/callback") {
            return ("401 Unauthorized", json!({"error": "invalid_client"}));
        }
        let granted = self.codes.lock().unwrap().remove(&form["code"]);
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
        match granted.filter(|(begun, _)| *begun == challenge) {
            Some((_, claims)) => {
                ("200 OK", json!({"access_token": "a", "token_type": "Bearer", "id_token": self.signed(&claims)}))
            }
            None => ("400 Bad Request", json!({"error": "invalid_grant"})),
        }
    }

    fn signed(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({"alg": "ES256", "kid": "k"})), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.task.abort();
    }
}
