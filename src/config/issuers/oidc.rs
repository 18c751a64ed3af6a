//! `auth.oidc`: the identity provider with which people sign in.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::read::{check_name, check_url, rule};
use super::table::TableAt;
use super::{IssuerRule, Secret, presets};

const PATH: &str = "auth.oidc";
const KEYS: &[&str] = &[
    "name",
    "issuer",
    "client_id",
    "client_secret",
    "client_secret_file",
    "scopes",
    "audiences",
    "subject_claim",
    "name_claim",
    "rules",
];

/// `auth.oidc`: a table; an empty one: people sign in with keys alone.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct OidcSetting {
    /// As it was written.
    given: Table,
    provider: Option<Arc<OidcConfig>>,
}

// As of `IssuerList`.
impl Eq for OidcSetting {}

/// An identity provider with which people sign in (OpenID Connect).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcConfig {
    /// Its name in subjects, in the log and on the page.
    pub name: String,
    /// Its address, which its tokens say in `iss`.
    pub issuer: String,
    /// What it calls this server.
    pub client_id: String,
    /// By what it knows this server; `None`: it does not ask for that.
    pub client_secret: Option<ClientSecret>,
    /// What it is asked to tell.
    pub scopes: Vec<String>,
    /// What its tokens may say in `aud`.
    pub audiences: Vec<String>,
    /// The claim that says who somebody is.
    pub subject_claim: String,
    /// The claim with the name for people.
    pub name_claim: String,
    /// What its people may do: the first one that fits.
    pub rules: Vec<IssuerRule>,
}

/// By what a provider knows this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientSecret {
    /// `client_secret`
    Given(Secret),
    /// `client_secret_file`: the same in a file.
    File(PathBuf),
}

impl OidcSetting {
    /// The provider, if there is one.
    pub fn provider(&self) -> Option<&OidcConfig> {
        self.provider.as_deref()
    }
}

impl TryFrom<Table> for OidcSetting {
    type Error = String;

    fn try_from(given: Table) -> Result<Self, String> {
        if given.is_empty() {
            return Ok(Self::default());
        }
        let provider = read(&Value::Table(given.clone()))?;
        Ok(Self { given, provider: Some(Arc::new(provider)) })
    }
}

impl From<OidcSetting> for Table {
    fn from(setting: OidcSetting) -> Self {
        setting.given
    }
}

impl fmt::Debug for OidcSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.provider.fmt(f)
    }
}

/// Reads the table from a variable: as JSON, as a TOML table `{ name = .. }`, or as lines of TOML. The message does not show
/// the text, which may have a secret.
pub(in crate::config) fn of_text(text: &str) -> Result<Value, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Value::Table(Table::new()));
    }
    if let Ok(table) = serde_json::from_str::<Table>(text) {
        return Ok(Value::Table(table));
    }
    let inline = format!("oidc = {text}").parse::<Table>().ok().and_then(|mut table| match table.remove("oidc")? {
        Value::Table(inline) if table.is_empty() => Some(inline),
        _ => None,
    });
    let table = inline.or_else(|| text.parse::<Table>().ok());
    table
        .map(Value::Table)
        .ok_or_else(|| "must be a table as JSON, {\"name\": ..}, or as TOML, { name = .. }".to_owned())
}

fn read(value: &Value) -> Result<OidcConfig, String> {
    let table = TableAt::new(PATH, value, KEYS)?;
    let needed =
        |key: &str, about: &str| table.text(key)?.ok_or_else(|| table.wrong(key, format!("is missing{about}")));
    let name = needed("name", ": what the page and subjects call the provider")?;
    check_name(&table, &name)?;
    let issuer = needed("issuer", ": the address of the provider")?;
    check_url(&table, "issuer", &issuer)?;
    let client_id = needed("client_id", ": what the provider calls this server")?;
    let scopes = table.texts("scopes")?.unwrap_or_else(|| vec!["openid".to_owned(), "profile".to_owned()]);
    if !scopes.iter().any(|scope| scope == "openid") {
        return Err(table.wrong("scopes", "must have openid, without which the provider does not say who somebody is"));
    }
    let is_word = |scope: &String| scope.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if !scopes.iter().all(is_word) {
        return Err(table.wrong("scopes", "must be words of ASCII"));
    }
    let shared = presets::shared(&issuer);
    let rules = table.tables("rules")?.iter().enumerate();
    let rules = rules.map(|(index, value)| rule(&format!("{PATH}.rules[{index}]"), value, None, shared));
    Ok(OidcConfig {
        audiences: table.texts("audiences")?.unwrap_or_else(|| vec![client_id.clone()]),
        client_secret: client_secret(&table)?,
        subject_claim: table.text("subject_claim")?.unwrap_or_else(|| "sub".to_owned()),
        name_claim: table.text("name_claim")?.unwrap_or_else(|| "name".to_owned()),
        rules: rules.collect::<Result<_, _>>()?,
        name,
        issuer,
        client_id,
        scopes,
    })
}

fn client_secret(table: &TableAt<'_>) -> Result<Option<ClientSecret>, String> {
    match (table.text("client_secret")?, table.text("client_secret_file")?) {
        (Some(_), Some(_)) => Err(table.wrong("client_secret_file", "there is client_secret already")),
        (Some(secret), None) => Ok(Some(ClientSecret::Given(Secret::new(secret)))),
        (None, file) => Ok(file.map(|file| ClientSecret::File(file.into()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::load;

    const GOOD: &str = "[server]\npublic_url = \"https://r.example\"\n[auth.oidc]\nname = \"corp\"\n\
                        issuer = \"https://login.example\"\nclient_id = \"runcast\"\nclient_secret = \"hunter2\"\n\
                        [[auth.oidc.rules]]\nscopes = \"view\"\nruns = \"*\"\n";

    #[test]
    fn a_provider_is_a_table_and_its_secret_is_not_shown() {
        let config = load(GOOD, &[], &[]).unwrap().config;
        let provider = config.auth.oidc.provider().unwrap();
        assert_eq!((provider.name.as_str(), &provider.audiences[..]), ("corp", &["runcast".to_owned()][..]));
        assert_eq!((provider.subject_claim.as_str(), provider.name_claim.as_str()), ("sub", "name"));
        assert_eq!(provider.scopes, ["openid", "profile"]);
        assert_eq!(provider.client_secret, Some(ClientSecret::Given(Secret::new("hunter2".to_owned()))));
        let in_file = GOOD.replace("client_secret = \"hunter2\"", "client_secret_file = \"secret\"");
        let in_file = load(&in_file, &[], &[]).unwrap().config.auth.oidc.provider().unwrap().client_secret.clone();
        assert_eq!(in_file, Some(ClientSecret::File("secret".into())));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(load("", &[], &[]).unwrap().config.auth.oidc.provider().is_none());
    }

    #[test]
    fn the_variable_takes_json_and_toml() {
        let json = r#"{"name":"a","issuer":"https://i","client_id":"c","rules":[{"scopes":["view"],"runs":["*"]}]}"#;
        let inline = r#"{name="a", issuer="https://i", client_id="c", rules=[{scopes="view", runs="*"}]}"#;
        let lines = "name='a'\nissuer='https://i'\nclient_id='c'\n[[rules]]\nscopes='view'\nruns='*'";
        let public = ("RUNCAST__SERVER__PUBLIC_URL", "https://r.example");
        for text in [json, inline, lines] {
            let config = load("", &[public, ("RUNCAST__AUTH__OIDC", text)], &[]).unwrap().config;
            assert_eq!(config.auth.oidc.provider().map(|provider| provider.name.as_str()), Some("a"), "{text}");
        }
        assert!(load(GOOD, &[("RUNCAST__AUTH__OIDC", "")], &[]).unwrap().config.auth.oidc.provider().is_none());
        let error = load("", &[("RUNCAST__AUTH__OIDC", "hunter2")], &[]).unwrap_err();
        assert!(error.contains("must be a table as JSON") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (from, to, error) in [
            ("name = \"corp\"\n", "", "auth.oidc.name: is missing"),
            ("\"corp\"", "\"Corp\"", "auth.oidc.name: must have 1 to 32 of a-z"),
            ("\"corp\"", "\"key\"", "auth.oidc.name: can't be key"),
            ("https://login", "http://login", "auth.oidc.issuer: must be an https:// URL"),
            ("client_id", "client", "auth.oidc.client: there is no such key; did you mean client_id?"),
            ("client_id = \"runcast\"\n", "", "auth.oidc.client_id: is missing"),
            ("client_id", "client_secret_file = \"f\"\nclient_id", "auth.oidc.client_secret_file: there is"),
            ("client_id", "scopes = [\"email\"]\nclient_id", "auth.oidc.scopes: must have openid"),
            ("client_id", "scopes = [\"openid\", \"a b\"]\nclient_id", "auth.oidc.scopes: must be words"),
            ("[[auth.oidc.rules]]\nscopes = \"view\"\nruns = \"*\"\n", "", "auth.oidc.rules: is missing"),
            ("scopes = \"view\"", "scopes = \"see\"", "auth.oidc.rules[0].scopes: \"see\" is no scope"),
            ("https://login.example", "https://accounts.google.com", "auth.oidc.rules[0].when: must have hd or email"),
        ] {
            let found = load(&GOOD.replacen(from, to, 1), &[], &[]).unwrap_err();
            assert!(found.contains(error), "{error}\n{found}");
            assert!(!found.contains("hunter2"), "{found}");
        }
        let found = load(&GOOD.replace("public_url = \"https://r.example\"", ""), &[], &[]).unwrap_err();
        assert!(found.contains("auth.oidc (DIR/config.toml:3) and server.public_url (default)"), "{found}");
        let other = "[[auth.issuers]]\nname = \"corp\"\nissuer = \"https://other.example\"\njwks_file = \"f\"\n\
                     audiences = \"r\"\nrules = [{ scopes = \"view\", runs = \"*\" }]\n";
        let found = load(&format!("{GOOD}{other}"), &[], &[]).unwrap_err();
        assert!(found.contains("both are called \"corp\""), "{found}");
        let same = other.replace("https://other.example", "https://login.example");
        assert!(load(&format!("{GOOD}{same}"), &[], &[]).is_ok(), "the same people, with tokens of their own");
    }

    #[test]
    fn what_the_page_shows_is_what_the_server_takes() {
        let page = include_str!("../../../docs/access.md");
        let examples = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let example = examples.filter(|example| example.contains("[auth.oidc]")).last().unwrap();
        let config = load(example, &[], &[]).unwrap_or_else(|error| panic!("{example}\n{error}")).config;
        assert_eq!(config.auth.oidc.provider().map(|provider| provider.name.as_str()), Some("corp"));
    }
}
