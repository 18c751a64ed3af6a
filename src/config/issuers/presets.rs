//! What is known of issuers that many use.

/// What `preset` fills in.
pub(super) struct IssuerPreset {
    /// The preset's name.
    pub(super) preset: &'static str,
    /// The issuer's name, unless another is given.
    pub(super) name: &'static str,
    /// The issuer, unless another is given: one's own server.
    pub(super) issuer: &'static str,
    /// What the URL of its keys has behind the issuer.
    pub(super) jwks_path: &'static str,
    pub(super) subject_claim: &'static str,
    pub(super) name_claim: &'static str,
    /// Whether a job has one token for all of its time, so that it must be able to exchange it again.
    pub(super) reuse: bool,
    /// The runs of one build: what the Playwright reporter calls them (`clients/playwright/src/ci.ts`).
    pub(super) runs: &'static [&'static str],
}

pub(super) const PRESETS: &[IssuerPreset] = &[
    IssuerPreset {
        preset: "github-actions",
        name: "github",
        issuer: "https://token.actions.githubusercontent.com",
        jwks_path: "/.well-known/jwks",
        subject_claim: "repository_id",
        name_claim: "repository",
        reuse: false,
        runs: &["gh-{repository_id}-{run_id}-*"],
    },
    IssuerPreset {
        preset: "gitlab",
        name: "gitlab",
        issuer: "https://gitlab.com",
        jwks_path: "/oauth/discovery/keys",
        subject_claim: "project_id",
        name_claim: "project_path",
        reuse: true,
        runs: &["gl-{project_id}-{pipeline_id}", "gl-{project_id}-{pipeline_id}-*"],
    },
];

/// An issuer that makes tokens for whoever has an account: a rule must say whose.
pub(super) struct SharedIssuer {
    /// How its name begins.
    issuer: &'static str,
    /// The claims of which a rule must name one.
    pub(super) pins: &'static [&'static str],
    /// Whether those are numbers. A name can be given up and taken by somebody else, a number can not.
    pub(super) are_numbers: bool,
}

const SHARED: &[SharedIssuer] = &[
    SharedIssuer {
        issuer: "https://token.actions.githubusercontent.com",
        pins: &["repository_owner_id", "repository_id", "enterprise_id"],
        are_numbers: true,
    },
    SharedIssuer { issuer: "https://gitlab.com", pins: &["namespace_id", "project_id"], are_numbers: true },
    SharedIssuer {
        issuer: "https://agent.buildkite.com",
        pins: &["organization_id", "pipeline_id"],
        are_numbers: false,
    },
    SharedIssuer { issuer: "https://accounts.google.com", pins: &["hd", "email"], are_numbers: false },
];

/// The shared issuer that this one is, if it is one.
pub(super) fn shared(issuer: &str) -> Option<&'static SharedIssuer> {
    let issuer = issuer.to_ascii_lowercase();
    let is_it = |shared: &&SharedIssuer| {
        issuer.strip_prefix(shared.issuer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    SHARED.iter().find(is_it)
}
