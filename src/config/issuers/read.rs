//! Reads an issuer from its table.

use std::path::PathBuf;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use toml::Value;

use super::presets::{IssuerPreset, PRESETS, SharedIssuer, shared};
use super::table::{TableAt, words};
use super::{IssuerConfig, IssuerKeysAt, IssuerRule, Secret};
use crate::protocol::rights::{MAX_RUN_PATTERNS, RunTemplate};
use crate::protocol::trusted_url::trusted_url;
use crate::protocol::{PrincipalKind, Scope, Scopes};

const KEYS: &[&str] = &[
    "name",
    "preset",
    "issuer",
    "jwks_url",
    "jwks_file",
    "key_file",
    "secret",
    "secret_file",
    "audiences",
    "algorithms",
    "header",
    "subject_claim",
    "name_claim",
    "kind",
    "exchange",
    "reuse",
    "rules",
];
const KEYS_AT: [&str; 5] = ["jwks_url", "jwks_file", "key_file", "secret", "secret_file"];
const RULE_KEYS: &[&str] = &["when", "scopes", "runs"];

/// Subjects that begin like these are the server's own.
const RESERVED: &[&str] = &["anon", "jwt", "key", "runcast", "session", "share", "token"];
/// Headers that carry something else.
const NO_CARRIERS: &[&str] = &["authorization", "cookie", "host", "origin"];
/// Most characters of an issuer's name.
const MAX_NAME: usize = 32;
/// Fewest characters of a shared secret; the digest of HS256 has as many bytes.
pub(super) const MIN_SECRET: usize = 32;

/// Reads an issuer at `auth.issuers[N]`.
pub(super) fn issuer(path: &str, value: &Value) -> Result<IssuerConfig, String> {
    let table = TableAt::new(path, value, KEYS)?;
    let preset = preset(&table)?;
    let or_preset = |given: Option<String>, of: fn(&IssuerPreset) -> &'static str| {
        given.or_else(|| preset.map(|preset| of(preset).to_owned()))
    };
    let name = or_preset(table.text("name")?, |preset| preset.name);
    let name = name.ok_or_else(|| table.wrong("name", "is missing"))?;
    check_name(&table, &name)?;
    let issuer = or_preset(table.text("issuer")?, |preset| preset.issuer);
    let issuer = issuer.ok_or_else(|| table.wrong("issuer", "is missing: what its tokens say in iss"))?;
    let keys = keys(&table, preset, &issuer)?;
    let exchange = table.flag("exchange")?.unwrap_or(preset.is_some());
    let reuse = table.flag("reuse")?;
    if reuse.is_some() && !exchange {
        return Err(table.wrong("reuse", "is for tokens that are exchanged: exchange = true is missing"));
    }
    let kind = match table.text("kind")?.as_deref() {
        None if exchange => PrincipalKind::Agent,
        None | Some("human") => PrincipalKind::Human,
        Some("agent") => PrincipalKind::Agent,
        Some(other) => return Err(table.wrong("kind", format!("must be human or agent, is {other:?}"))),
    };
    let shared = shared(&issuer);
    let subject_claim = or_preset(table.text("subject_claim")?, |preset| preset.subject_claim);
    let subject_claim = subject_claim.unwrap_or_else(|| "sub".to_owned());
    if subject_claim == "sub" && shared.is_some_and(|shared| shared.are_numbers) {
        return Err(table.wrong("subject_claim", format!("must be a number of this issuer, not sub: {NEVER_SUB}")));
    }
    let rules = table.tables("rules")?.iter().enumerate();
    let rules = rules.map(|(index, value)| rule(&format!("{path}.rules[{index}]"), value, preset, shared));
    Ok(IssuerConfig {
        audiences: audiences(&table, exchange)?,
        algorithms: algorithms(&table, &keys, preset.is_some())?,
        header: header(&table)?,
        name_claim: or_preset(table.text("name_claim")?, |preset| preset.name_claim)
            .unwrap_or_else(|| "name".to_owned()),
        reuse: reuse.unwrap_or(exchange && preset.is_some_and(|preset| preset.reuse)),
        rules: rules.collect::<Result<_, _>>()?,
        name,
        issuer,
        keys,
        subject_claim,
        kind,
        exchange,
    })
}

const NEVER_SUB: &str = "its form changes, and a repository of another name may have it";

fn preset(table: &TableAt<'_>) -> Result<Option<&'static IssuerPreset>, String> {
    let Some(name) = table.text("preset")? else { return Ok(None) };
    let found = PRESETS.iter().find(|preset| preset.preset == name);
    let names = || PRESETS.iter().map(|preset| preset.preset).collect::<Vec<_>>().join(" or ");
    found.map(Some).ok_or_else(|| table.wrong("preset", format!("must be {}, is {name:?}", names())))
}

pub(super) fn check_name(table: &TableAt<'_>, name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > MAX_NAME || !name.chars().all(fits) {
        return Err(table.wrong("name", format!("must have 1 to {MAX_NAME} of a-z 0-9 -")));
    }
    if RESERVED.contains(&name) {
        return Err(table.wrong("name", format!("can't be {name}, which begins subjects of the server's own")));
    }
    Ok(())
}

/// Where the keys are: one of five keys says it, or the preset.
fn keys(table: &TableAt<'_>, preset: Option<&IssuerPreset>, issuer: &str) -> Result<IssuerKeysAt, String> {
    let mut given = KEYS_AT.into_iter().filter(|key| table.get(key).is_some());
    let (first, second) = (given.next(), given.next());
    if let (Some(first), Some(second)) = (first, second) {
        return Err(
            table.wrong(second, format!("there is {first} already: an issuer has one of {}", KEYS_AT.join(", ")))
        );
    }
    let Some(key) = first else {
        let of_preset = preset.map(|preset| format!("{}{}", issuer.trim_end_matches('/'), preset.jwks_path));
        let url = of_preset
            .ok_or_else(|| table.wrong("jwks_url", format!("is missing, or one of {}", KEYS_AT[1..].join(", "))))?;
        check_url(table, "issuer", &url)?;
        return Ok(IssuerKeysAt::Url(url));
    };
    let text = table.text(key)?.unwrap_or_default();
    Ok(match key {
        "jwks_url" => {
            check_url(table, key, &text)?;
            IssuerKeysAt::Url(text)
        }
        "jwks_file" => IssuerKeysAt::SetFile(PathBuf::from(text)),
        "key_file" => IssuerKeysAt::PemFile(PathBuf::from(text)),
        "secret_file" => IssuerKeysAt::SecretFile(PathBuf::from(text)),
        _ if text.len() < MIN_SECRET => {
            let short = format!("must have {MIN_SECRET} characters or more: whoever guesses it is whoever it likes");
            return Err(table.wrong(key, short));
        }
        _ => IssuerKeysAt::Secret(Secret::new(text)),
    })
}

/// Whoever can answer at this URL can make tokens.
pub(super) fn check_url(table: &TableAt<'_>, key: &str, text: &str) -> Result<(), String> {
    match trusted_url(text) {
        Some(_) => Ok(()),
        None => Err(table.wrong(key, "must be an https:// URL, or http:// of this machine; without a user's name")),
    }
}

fn audiences(table: &TableAt<'_>, exchange: bool) -> Result<Vec<String>, String> {
    match (table.texts("audiences")?, exchange) {
        (Some(_), true) => {
            Err(table.wrong("audiences", "is server.public_url where tokens are exchanged: leave it out"))
        }
        (None, true) => Ok(Vec::new()),
        (Some(audiences), false) => Ok(audiences),
        (None, false) => Err(table.wrong("audiences", "is missing: what its tokens for this server say in aud")),
    }
}

fn algorithms(table: &TableAt<'_>, keys: &IssuerKeysAt, is_preset: bool) -> Result<Vec<Algorithm>, String> {
    let has_secret = matches!(keys, IssuerKeysAt::Secret(_) | IssuerKeysAt::SecretFile(_));
    let Some(names) = table.texts("algorithms")? else {
        return Ok(match (has_secret, is_preset) {
            (true, _) => vec![Algorithm::HS256],
            (false, true) => vec![Algorithm::RS256],
            (false, false) => vec![Algorithm::RS256, Algorithm::ES256],
        });
    };
    let algorithm = |name: &String| {
        let unknown =
            || format!("{name:?} is none of RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA HS256 HS384 HS512");
        let algorithm: Algorithm = name.parse().map_err(|_| table.wrong("algorithms", unknown()))?;
        // A public key that is taken for a secret is one that everybody has.
        match (algorithm.family() == AlgorithmFamily::Hmac, has_secret) {
            (true, false) => Err(table.wrong("algorithms", format!("{name} is for a secret that both have"))),
            (false, true) => Err(table.wrong("algorithms", format!("{name} is not for a secret that both have"))),
            _ => Ok(algorithm),
        }
    };
    names.iter().map(algorithm).collect()
}

fn header(table: &TableAt<'_>) -> Result<Option<String>, String> {
    let Some(header) = table.text("header")?.map(|header| header.to_ascii_lowercase()) else { return Ok(None) };
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match header.chars().all(fits) && !NO_CARRIERS.contains(&header.as_str()) {
        true => Ok(Some(header)),
        false => {
            Err(table.wrong("header", "must be the name of a request header, and none that carries something else"))
        }
    }
}

pub(super) fn rule(
    path: &str,
    value: &Value,
    preset: Option<&IssuerPreset>,
    shared: Option<&SharedIssuer>,
) -> Result<IssuerRule, String> {
    let table = TableAt::new(path, value, RULE_KEYS)?;
    let when = when(&table)?;
    let scopes: Scopes = match (table.texts("scopes")?, preset) {
        (Some(names), _) => {
            let scopes = names.iter().map(|name| name.parse::<Scope>()).collect::<Result<_, _>>();
            scopes.map_err(|error| table.wrong("scopes", error))?
        }
        (None, Some(_)) => [Scope::View, Scope::Publish].into_iter().collect(),
        (None, None) => return Err(table.wrong("scopes", "is missing")),
    };
    let runs = match (table.texts("runs")?, preset) {
        (Some(runs), _) if runs.len() > MAX_RUN_PATTERNS => {
            return Err(table.wrong("runs", format!("must be at most {MAX_RUN_PATTERNS} patterns")));
        }
        (Some(runs), _) => runs,
        (None, Some(preset)) => preset.runs.iter().map(|run| (*run).to_owned()).collect(),
        (None, None) => return Err(table.wrong("runs", "is missing; [\"*\"] are all runs")),
    };
    let template =
        |text: &String| RunTemplate::parse(text).map_err(|error| table.wrong("runs", format!("{text:?} {error}")));
    let runs: Vec<RunTemplate> = runs.iter().map(template).collect::<Result<_, _>>()?;
    if let Some(shared) = shared {
        check_pins(&table, &when, &runs, shared)?;
    }
    Ok(IssuerRule { when, scopes, runs })
}

fn when(table: &TableAt<'_>) -> Result<Vec<(String, Vec<String>)>, String> {
    let Some(when) = table.get("when") else { return Ok(Vec::new()) };
    let when = when.as_table().ok_or_else(|| table.wrong("when", "must be a table { claim = value }"))?;
    let condition = |(claim, value): (&String, &Value)| match words(value) {
        Some(values) => Ok((claim.clone(), values)),
        None => Err(table.wrong("when", format!("{claim} must be a text, a number, true, false, or a list of such"))),
    };
    when.iter().map(condition).collect()
}

/// Refuses a rule of an issuer whom everybody can have make tokens, unless it says whose tokens it means.
fn check_pins(
    table: &TableAt<'_>,
    when: &[(String, Vec<String>)],
    runs: &[RunTemplate],
    shared: &SharedIssuer,
) -> Result<(), String> {
    let names = shared.pins.join(" or ");
    if shared.are_numbers {
        if when.iter().any(|(claim, _)| claim == "sub") {
            return Err(table.wrong("when", format!("must not look at sub, of which {NEVER_SUB}; take {names}")));
        }
        if runs.iter().any(|run| run.claims().any(|claim| claim == "sub")) {
            return Err(table.wrong("runs", format!("must not have sub, of which {NEVER_SUB}")));
        }
    }
    let pins = when.iter().filter(|(claim, _)| shared.pins.contains(&claim.as_str()));
    let is_number = |value: &String| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let is_good = |(_, values): &(String, Vec<String>)| !shared.are_numbers || values.iter().all(is_number);
    let (good, bad): (Vec<_>, Vec<_>) = pins.partition(|pin| is_good(pin));
    if let Some((claim, _)) = bad.first() {
        return Err(table.wrong("when", format!("{claim} must be a number")));
    }
    if good.is_empty() {
        let text =
            format!("must have {names}: everybody can have tokens of this issuer, and the rule would take them all");
        return Err(table.wrong("when", text));
    }
    Ok(())
}
