//! `auth.issuers`: whose tokens are believed, and what they give.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};
use toml::Value;

use super::values::Secret;
use crate::protocol::rights::RunTemplate;
use crate::protocol::{PrincipalKind, Scopes};

pub(super) mod oidc;
mod presets;
mod read;
mod table;
#[cfg(test)]
mod tests;

pub use oidc::{ClientSecret, OidcConfig, OidcSetting};

/// `auth.issuers`: issuers of tokens, each a table.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Value>", into = "Vec<Value>")]
pub struct IssuerList {
    /// As they were written.
    given: Vec<Value>,
    issuers: Arc<[IssuerConfig]>,
}

// A text of a float in a table would be unlike itself if it were no number; such a table is refused.
impl Eq for IssuerList {}

/// An issuer of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerConfig {
    /// Its name in subjects, in the log and in answers.
    pub name: String,
    /// What its tokens say in `iss`.
    pub issuer: String,
    /// Where its keys are.
    pub keys: IssuerKeysAt,
    /// What its tokens may say in `aud`; with `exchange` it is `server.public_url`.
    pub audiences: Vec<String>,
    /// The algorithms that it signs with.
    pub algorithms: Vec<Algorithm>,
    /// The request header that carries its tokens besides `Authorization`, in lower case.
    pub header: Option<String>,
    /// The claim that says who somebody is.
    pub subject_claim: String,
    /// The claim with the name for people.
    pub name_claim: String,
    /// What its holders are.
    pub kind: PrincipalKind,
    /// Whether its tokens are only good to be exchanged at `POST /api/token`.
    pub exchange: bool,
    /// Whether one token may be exchanged more than once.
    pub reuse: bool,
    /// What its tokens give: the first one that fits.
    pub rules: Vec<IssuerRule>,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerKeysAt {
    /// `jwks_url`: a JSON Web Key Set.
    Url(String),
    /// `jwks_file`: the same in a file.
    SetFile(PathBuf),
    /// `key_file`: public keys in a PEM file.
    PemFile(PathBuf),
    /// `secret`: the key that both have.
    Secret(Secret),
    /// `secret_file`: the same in a file.
    SecretFile(PathBuf),
}

/// What a token must claim, and what its holder may do then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRule {
    /// Claims, and the values of which each must have one.
    pub when: Vec<(String, Vec<String>)>,
    /// What may be done.
    pub scopes: Scopes,
    /// With which runs.
    pub runs: Vec<RunTemplate>,
}

impl IssuerList {
    /// The issuers.
    pub fn iter(&self) -> impl Iterator<Item = &IssuerConfig> {
        self.issuers.iter()
    }

    /// Whether tokens of one are exchanged.
    pub fn has_exchange(&self) -> bool {
        self.iter().any(|issuer| issuer.exchange)
    }
}

impl TryFrom<Vec<Value>> for IssuerList {
    type Error = String;

    fn try_from(given: Vec<Value>) -> Result<Self, String> {
        let read =
            given.iter().enumerate().map(|(index, value)| read::issuer(&format!("auth.issuers[{index}]"), value));
        let (mut issuers, mut wrong) = (Vec::<IssuerConfig>::new(), Vec::new());
        for (index, issuer) in read.enumerate() {
            match issuer {
                Ok(issuer) if issuers.iter().any(|other| other.name == issuer.name) => {
                    wrong.push(format!("auth.issuers[{index}].name: another one is called {:?} already", issuer.name));
                }
                Ok(issuer) => issuers.push(issuer),
                Err(text) => wrong.push(text),
            }
        }
        if wrong.is_empty() { Ok(Self { given, issuers: issuers.into() }) } else { Err(wrong.join("; ")) }
    }
}

impl From<IssuerList> for Vec<Value> {
    fn from(list: IssuerList) -> Self {
        list.given
    }
}

impl fmt::Debug for IssuerList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.issuers.fmt(f)
    }
}

/// Reads the list from a variable: as JSON, as a TOML list, or as TOML tables `[[issuers]]`. The message does not show the
/// text, which may have secrets.
pub(super) fn of_text(text: &str) -> Result<Value, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    if let Ok(list) = serde_json::from_str::<Vec<Value>>(text) {
        return Ok(Value::Array(list));
    }
    let document = if text.starts_with("[[") { text.to_owned() } else { format!("issuers = {text}") };
    let table = document.parse::<toml::Table>().ok();
    let list = table.and_then(|mut table| match table.remove("issuers").or_else(|| nested(&mut table))? {
        Value::Array(list) if table.is_empty() => Some(Value::Array(list)),
        _ => None,
    });
    let form = "must be a list of issuers as JSON, [{\"name\": ..}], or as TOML, [[issuers]] or [{ name = .. }]";
    list.ok_or_else(|| form.to_owned())
}

/// The list of `[[auth.issuers]]`, as `config.toml` has it.
fn nested(table: &mut toml::Table) -> Option<Value> {
    let Value::Table(mut auth) = table.remove("auth")? else { return None };
    let list = auth.remove("issuers")?;
    auth.is_empty().then_some(list)
}
