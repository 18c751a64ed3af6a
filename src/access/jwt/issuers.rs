//! Verifies tokens of the issuers that the configuration lists.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};

use super::claims::{self, Claims};
use super::key_source::{HeldKeys, KeySource, KeyTimes};
use super::rules::{ClaimRule, judge};
use super::{JwtError, MAX_TOKEN_BYTES};
use crate::access::Identity;
use crate::access::secret::digest_of;
use crate::protocol::{PrincipalKind, Rights, Sha256, Timestamp, connection};

/// Longest id of a token, and longest subject, that stands for itself; a longer one is shown by its digest.
const MAX_PLAIN: usize = 128;
/// What begins a digest in place of a text.
const DIGEST: &str = "sha256-";

/// An issuer of tokens.
#[derive(Clone, Debug)]
pub struct TokenIssuer {
    /// Its name here: it begins the subjects of those whom it knows.
    pub name: Arc<str>,
    /// What its tokens say in `iss`.
    pub issuer: String,
    /// Where its keys are.
    pub keys: KeySource,
    /// What its tokens may say in `aud`.
    pub audiences: Vec<String>,
    /// The request header that carries its tokens besides `Authorization`, in lower case; `None`: no other one does.
    pub header: Option<String>,
    /// The algorithms that it signs with.
    pub algorithms: Vec<Algorithm>,
    /// The claim that says who somebody is.
    pub subject_claim: String,
    /// The claim with the name for people.
    pub name_claim: String,
    /// What its holders are.
    pub kind: PrincipalKind,
    /// What they may do.
    pub rules: Vec<ClaimRule>,
    /// What its tokens are for.
    pub usage: TokenUse,
}

/// What the tokens of an issuer are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenUse {
    /// They are shown with each request.
    Shown,
    /// Each is exchanged once for a token of this server, and good for nothing else.
    ExchangedOnce,
    /// Each may be exchanged until it expires.
    Exchanged,
}

/// A token that was verified.
#[derive(Clone, Debug)]
pub(in crate::access) struct VerifiedToken {
    /// Its holder.
    pub(in crate::access) identity: Identity,
    /// What its issuer calls the holder, for the audit log alone: it may be an e-mail address.
    pub(in crate::access) claimed: String,
    /// Its id within all issuers, if it has one.
    pub(in crate::access) id: Option<Sha256>,
    /// What it is for.
    pub(in crate::access) usage: TokenUse,
    /// All that it says.
    pub(in crate::access) claims: serde_json::Map<String, serde_json::Value>,
}

/// The issuers of tokens that this server believes.
pub struct JwtIssuers(Vec<ListedIssuer>);

struct ListedIssuer {
    about: TokenIssuer,
    keys: HeldKeys,
}

impl JwtIssuers {
    /// These issuers, whose keys are loaded when a token needs them.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(issuers: Vec<TokenIssuer>, times: KeyTimes) -> Result<Self, reqwest::Error> {
        let listed = issuers.into_iter().map(|about| {
            let keys = HeldKeys::new(about.name.clone(), about.keys.clone(), times)?;
            Ok(ListedIssuer { about, keys })
        });
        listed.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a text may be a token: three parts between dots, the first of which begins as a brace does in base64.
    pub fn may_be_token(shown: &str) -> bool {
        shown.starts_with('e') && shown.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// The request headers that carry tokens besides `Authorization`.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|listed| listed.about.header.as_deref())
    }

    /// Loads the keys of each issuer: how many it has, by its name, or why they can't be had.
    pub async fn count_keys(&self, now: Timestamp) -> Vec<(Arc<str>, Result<usize, String>)> {
        let mut counts = Vec::new();
        for listed in &self.0 {
            counts.push((listed.about.name.clone(), listed.keys.count(now).await));
        }
        counts
    }

    /// Whose token this is, and what it gives its holder, if it is good now.
    pub(in crate::access) async fn verify(&self, shown: &str, now: Timestamp) -> Result<VerifiedToken, JwtError> {
        if shown.len() > MAX_TOKEN_BYTES {
            return Err(JwtError::Long);
        }
        let header = header(shown)?;
        // Not verified yet: these two choose whose keys the token is verified with.
        let unverified = unverified_claims(shown)?;
        let issuer = claims::issuer(&unverified)?;
        let mut refusal = JwtError::Issuer;
        for listed in self.0.iter().filter(|listed| listed.about.issuer == issuer) {
            match listed.verify(shown, &header, &unverified, now).await {
                Ok(verified) => return Ok(verified),
                // An issuer may be listed for several audiences; what the right one says is of use.
                Err(error) if refusal == JwtError::Issuer || error != JwtError::Audience => refusal = error,
                Err(_) => {}
            }
        }
        Err(refusal)
    }
}

impl ListedIssuer {
    async fn verify(
        &self,
        shown: &str,
        header: &Header,
        unverified: &Claims,
        now: Timestamp,
    ) -> Result<VerifiedToken, JwtError> {
        let about = &self.about;
        claims::check_audience(unverified, &about.audiences)?;
        if !about.algorithms.contains(&header.alg) {
            return Err(JwtError::Algorithm);
        }
        // Before keys are asked for: whoever has an old token can't have them fetched.
        claims::check_time(unverified, now)?;
        let keys = self.keys.find(header.kid.as_deref(), header.alg, now).await?;
        let claims = keys.iter().find_map(|key| signed_claims(shown, key, header.alg)).ok_or(JwtError::Signature)?;
        // What was looked at before is the same text; it is checked again, so that nothing unverified decides.
        if claims::issuer(&claims)? != about.issuer {
            return Err(JwtError::Issuer);
        }
        claims::check_audience(&claims, &about.audiences)?;
        let time = claims::check_time(&claims, now)?;
        let (scopes, runs) = judge(&about.rules, &claims)?;
        let text = |claim: &str| claims::find(&claims, claim).and_then(claims::text).filter(|text| !text.is_empty());
        let claimed = text(&about.subject_claim).ok_or(JwtError::Form("it does not say whose it is"))?;
        let subject = format!("{}:{}", about.name, plain(&claimed));
        let name = text(&about.name_claim).and_then(|name| connection::user(&name).ok().flatten());
        let id = text("jti");
        let credential = match &id {
            Some(id) => format!("jwt:{}:{}", about.name, plain(id)),
            // Without its signature, of which a key may have several for the same text.
            None => format!("jwt:{}:{}", about.name, digested(shown.rsplit_once('.').map_or(shown, |(text, _)| text))),
        };
        Ok(VerifiedToken {
            identity: Identity {
                name: name.unwrap_or_else(|| subject.as_str().into()),
                subject: subject.into(),
                kind: about.kind,
                rights: Rights { scopes, runs, expires: Some(time.expires) },
                credential: credential.into(),
                made_with: Vec::new(),
                makers: Vec::new(),
                is_session: false,
                issued_at: time.issued_at,
            },
            claimed,
            id: id.map(|id| digest_of(format!("{}\0{id}", about.issuer).as_bytes())),
            usage: about.usage,
            claims,
        })
    }
}

/// The header, if it asks for nothing that is not done.
fn header(shown: &str) -> Result<Header, JwtError> {
    let header = decode_header(shown).map_err(|_| JwtError::Form("its header is none, or has an unknown algorithm"))?;
    let typ = header.typ.as_deref().map(str::to_ascii_lowercase);
    // RFC 7515, section 4.1.9: `application/` may be left out. A token need not say what it is (RFC 7519, section 5.1).
    let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    if !matches!(typ, None | Some("jwt" | "at+jwt")) {
        return Err(JwtError::Form("its type (typ) must be JWT or at+jwt"));
    }
    if header.crit.is_some() {
        return Err(JwtError::Form("it has critical parameters (crit), of which none is known"));
    }
    Ok(header)
}

fn unverified_claims(shown: &str) -> Result<Claims, JwtError> {
    let claims = shown.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    claims
        .and_then(|claims| serde_json::from_slice(&claims).ok())
        .ok_or(JwtError::Form("its claims are no JSON object"))
}

/// The claims, if this key has signed them with this algorithm.
fn signed_claims(shown: &str, key: &DecodingKey, algorithm: Algorithm) -> Option<Claims> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    // All of this is checked in `claims`.
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    decode(shown, key, &validation).ok().map(|token| token.claims)
}

/// A subject as tokens of its issuer have it here, from what the issuer says of it, or from what it is here.
pub(in crate::access) fn subject_as_known(subject: &str) -> String {
    match subject.split_once(':') {
        Some((issuer, who)) if !who.starts_with(DIGEST) => format!("{issuer}:{}", plain(who)),
        _ => subject.to_owned(),
    }
}

/// The text itself if it is short and plain, else its digest: an e-mail address does not stand in events.
fn plain(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-' | '|');
    let is_plain = text.len() <= MAX_PLAIN && text.chars().all(fits) && !text.starts_with(DIGEST);
    if is_plain { text.to_owned() } else { digested(text) }
}

/// 128 bits of a text's SHA-256.
fn digested(text: &str) -> String {
    format!("{DIGEST}{}", &digest_of(text.as_bytes()).to_string()[..32])
}

impl fmt::Debug for JwtIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|listed| &listed.about)).finish()
    }
}
