use super::*;
use crate::config::tests::load;
use crate::config::{Config, Loaded};

const GOOD: &str = r#"
[server]
public_url = "https://runcast.example"
[[auth.issuers]]
name = "corp"
issuer = "https://login.example"
jwks_url = "https://login.example/keys"
audiences = ["runcast"]
algorithms = ["RS256", "ES256"]
header = "Cf-Access-Jwt-Assertion"
name_claim = "email"
[[auth.issuers.rules]]
when = { groups = ["dev", "qa"], "realm.level" = 3 }
scopes = ["view", "control"]
runs = ["*"]
[[auth.issuers]]
preset = "github-actions"
rules = [{ when = { repository_owner_id = "9919" } }]
[[auth.issuers]]
preset = "gitlab"
issuer = "https://git.example"
name = "our-gitlab"
rules = [{ when = { namespace_id = 7 }, scopes = ["publish"], runs = ["gl-{project_id}-*"] }]
"#;

fn issuers(config: &Config) -> Vec<&IssuerConfig> {
    config.auth.issuers.iter().collect()
}

fn shown(runs: &[RunTemplate]) -> Vec<String> {
    runs.iter().map(ToString::to_string).collect()
}

#[test]
fn issuers_are_tables_and_presets_fill_them_in() {
    let config = load(GOOD, &[], &[]).unwrap().config;
    let [corp, github, gitlab] = issuers(&config)[..] else { panic!("{config:?}") };
    assert_eq!(corp.keys, IssuerKeysAt::Url("https://login.example/keys".into()));
    assert_eq!(corp.header.as_deref(), Some("cf-access-jwt-assertion"));
    assert_eq!((corp.kind, corp.exchange, corp.subject_claim.as_str()), (PrincipalKind::Human, false, "sub"));
    let when = [("groups".to_owned(), vec!["dev".to_owned(), "qa".into()]), ("realm.level".into(), vec!["3".into()])];
    assert_eq!(corp.rules[0].when, when);

    assert_eq!((github.name.as_str(), github.kind, github.exchange), ("github", PrincipalKind::Agent, true));
    assert_eq!((github.reuse, github.subject_claim.as_str()), (false, "repository_id"));
    let keys = "https://token.actions.githubusercontent.com/.well-known/jwks";
    assert_eq!(github.keys, IssuerKeysAt::Url(keys.into()));
    assert_eq!((&github.algorithms[..], &github.audiences[..]), (&[Algorithm::RS256][..], &[][..]));
    assert_eq!(shown(&github.rules[0].runs), ["gh-{repository_id}-{run_id}-*"]);
    assert_eq!(github.rules[0].scopes.to_string(), "view publish");

    assert_eq!(gitlab.keys, IssuerKeysAt::Url("https://git.example/oauth/discovery/keys".into()));
    assert_eq!((gitlab.name.as_str(), gitlab.reuse), ("our-gitlab", true));
    assert_eq!(shown(&gitlab.rules[0].runs), ["gl-{project_id}-*"]);
}

#[test]
fn the_variable_takes_json_and_toml() {
    let json = r#"[{"name":"a","issuer":"i","secret":"0123456789abcdef0123456789abcdef","audiences":"r",
                    "rules":[{"scopes":["view"],"runs":["*"]}]}]"#;
    let list = r#"[{name="a",issuer="i",secret="0123456789abcdef0123456789abcdef",audiences="r",rules=[{scopes="view",runs="*"}]}]"#;
    let tables = "[[issuers]]\nname='a'\nissuer='i'\nsecret='0123456789abcdef0123456789abcdef'\naudiences='r'\n\
                  [[issuers.rules]]\nscopes='view'\nruns='*'";
    let nested = tables.replace("issuers", "auth.issuers");
    for text in [json, list, tables, &nested] {
        let Loaded { config, .. } = load("", &[("RUNCAST__AUTH__ISSUERS", text)], &[]).unwrap();
        let [issuer] = issuers(&config)[..] else { panic!("{text}") };
        assert_eq!((issuer.name.as_str(), &issuer.algorithms[..]), ("a", &[Algorithm::HS256][..]), "{text}");
        assert!(!format!("{config:?}").contains("0123456789abcdef"), "{config:?}");
    }
    assert!(issuers(&load(GOOD, &[("RUNCAST__AUTH__ISSUERS", "")], &[]).unwrap().config).is_empty());
    for bad in ["name = 'hunter2'", "{}", "[[issuers]", "[[others]]\nname='hunter2'", "[hunter2]", "[null]"] {
        let error = load("", &[("RUNCAST__AUTH__ISSUERS", bad)], &[]).unwrap_err();
        assert!(error.contains("must be a list of issuers as JSON") && !error.contains("hunter2"), "{bad}: {error}");
    }
}

/// What is wrong with an issuer that has these keys besides a name.
fn refused(keys: &str) -> String {
    let file = format!("[server]\npublic_url = \"https://r.example\"\n[[auth.issuers]]\nname = \"a\"\n{keys}");
    load(&file, &[], &[]).unwrap_err()
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let base = "issuer = \"https://i.example\"\njwks_url = \"https://i.example/k\"\naudiences = \"r\"\n";
    let rule = "rules = [{ scopes = [\"view\"], runs = [\"*\"] }]\n";
    for (keys, error) in [
        (
            format!("{base}audience = \"x\"\n{rule}"),
            "auth.issuers[0].audience: there is no such key; did you mean audiences?",
        ),
        (base.to_owned(), "auth.issuers[0].rules: is missing"),
        (format!("{base}rules = []"), "auth.issuers[0].rules: must be a list of tables"),
        (
            format!("{base}rules = [{{ scopes = \"view\", run = \"*\" }}]"),
            "auth.issuers[0].rules[0].run: there is no such key; did you mean runs?",
        ),
        (
            format!("{base}rules = [{{ scopes = \"see\", runs = \"*\" }}]"),
            "auth.issuers[0].rules[0].scopes: \"see\" is no scope",
        ),
        (
            format!("{base}rules = [{{ scopes = \"view\", runs = \"a{{b\" }}]"),
            "auth.issuers[0].rules[0].runs: \"a{b\" has a brace",
        ),
        (
            format!("{base}rules = [{{ scopes = \"view\", runs = \"a/b\" }}]"),
            "auth.issuers[0].rules[0].runs: \"a/b\" character '/'",
        ),
        (format!("{base}rules = [{{ runs = \"*\" }}]"), "auth.issuers[0].rules[0].scopes: is missing"),
        (format!("{base}rules = [{{ scopes = \"view\" }}]"), "auth.issuers[0].rules[0].runs: is missing"),
        (
            format!("{base}rules = [{{ scopes = \"view\", runs = \"*\", when = {{ a = 1.5 }} }}]"),
            "auth.issuers[0].rules[0].when: a must be",
        ),
        (
            format!("{base}rules = [{{ scopes = \"view\", runs = \"*\", when = {{ a = [] }} }}]"),
            "auth.issuers[0].rules[0].when: a must be",
        ),
        (format!("{base}secret = \"x\"\n{rule}"), "auth.issuers[0].secret: there is jwks_url already"),
        (format!("{base}algorithms = [\"none\"]\n{rule}"), "auth.issuers[0].algorithms: \"none\" is none of"),
        (
            format!("{base}algorithms = [\"HS256\"]\n{rule}"),
            "auth.issuers[0].algorithms: HS256 is for a secret that both have",
        ),
        (format!("{base}header = \"Cookie\"\n{rule}"), "auth.issuers[0].header: must be the name of a request header"),
        (format!("{base}reuse = true\n{rule}"), "auth.issuers[0].reuse: is for tokens that are exchanged"),
        (format!("{base}exchange = true\n{rule}"), "auth.issuers[0].audiences: is server.public_url where"),
        (format!("{base}kind = \"robot\"\n{rule}"), "auth.issuers[0].kind: must be human or agent"),
        (format!("{base}preset = \"travis\"\n{rule}"), "auth.issuers[0].preset: must be github-actions or gitlab"),
        (
            format!("{base}{rule}[[auth.issuers]]\nname = \"a\"\n{base}{rule}"),
            "auth.issuers[1].name: another one is called \"a\"",
        ),
        (format!("issuer = \"i\"\naudiences = \"r\"\n{rule}"), "auth.issuers[0].jwks_url: is missing"),
        (
            format!("issuer = \"i\"\nsecret = \"short\"\naudiences = \"r\"\n{rule}"),
            "auth.issuers[0].secret: must have 32 characters",
        ),
        (
            format!("issuer = \"i\"\nsecret_file = \"f\"\nalgorithms = \"RS256\"\naudiences = \"r\"\n{rule}"),
            "RS256 is not for a secret that both have",
        ),
        (format!("issuer = \"i\"\njwks_file = \"f\"\n{rule}"), "auth.issuers[0].audiences: is missing"),
    ] {
        let found = refused(&keys);
        assert!(found.contains("auth.issuers (DIR/config.toml:") && found.contains(error), "{error}\n{found}");
    }
    for url in
        ["http://i.example/k", "ftp://i.example", "https://user:pw@i.example/k", "http://127.0.0.1.i.example/", "k"]
    {
        let found = refused(&format!("issuer = \"i\"\njwks_url = \"{url}\"\naudiences = \"r\"\n{rule}"));
        assert!(found.contains("auth.issuers[0].jwks_url: must be an https:// URL"), "{url}: {found}");
    }
    for name in ["key", "A", "a b", "share", "session"] {
        let found = load(&format!("[[auth.issuers]]\nname = \"{name}\"\n{base}{rule}"), &[], &[]).unwrap_err();
        assert!(found.contains("auth.issuers[0].name: "), "{name}: {found}");
    }
    let exchanged = "[[auth.issuers]]\npreset = \"github-actions\"\nrules = [{ when = { repository_id = 1 } }]";
    let found = load(exchanged, &[], &[]).unwrap_err();
    assert!(found.contains("auth.issuers (DIR/config.toml:1) and server.public_url (default)"), "{found}");
}

#[test]
fn a_rule_for_an_issuer_that_everybody_uses_says_whose_tokens_it_means() {
    let github = |rule: &str| refused(&format!("preset = \"github-actions\"\nrules = [{{ {rule} }}]"));
    for (rule, error) in [
        ("", "rules[0].when: must have repository_owner_id or repository_id or enterprise_id"),
        ("when = {}", "rules[0].when: must have"),
        ("when = { repository_owner = \"runcast\" }", "rules[0].when: must have"),
        ("when = { repository = \"runcast/runcast\" }", "rules[0].when: must have"),
        ("when = { repository_owner_id = \"runcast\" }", "rules[0].when: repository_owner_id must be a number"),
        ("when = { repository_owner_id = [\"1\", \"*\"] }", "rules[0].when: repository_owner_id must be a number"),
        ("when = { repository_id = 1, sub = \"repo:a/b:ref:refs/heads/main\" }", "rules[0].when: must not look at sub"),
        ("when = { repository_id = 1 }, runs = \"{sub}-*\"", "rules[0].runs: must not have sub"),
    ] {
        let found = github(rule);
        assert!(found.contains(&format!("auth.issuers[0].{error}")), "{rule}: {found}");
    }
    // The same without the preset, and however the issuer is written.
    for issuer in ["https://gitlab.com", "https://gitlab.com/", "https://GitLab.com", "https://accounts.google.com"] {
        let found = refused(&format!(
            "issuer = \"{issuer}\"\njwks_file = \"f\"\naudiences = \"r\"\nsubject_claim = \"user_id\"\n\
             rules = [{{ scopes = \"view\", runs = \"*\" }}]"
        ));
        assert!(found.contains("auth.issuers[0].rules[0].when: must have"), "{issuer}: {found}");
    }
    let sub = refused("issuer = \"https://gitlab.com\"\njwks_file = \"f\"\naudiences = \"r\"\nrules = [{}]");
    assert!(sub.contains("auth.issuers[0].subject_claim: must be a number of this issuer, not sub"), "{sub}");
    let second = refused("preset = \"gitlab\"\nrules = [{ when = { project_id = 1 } }, { when = { ref = \"main\" } }]");
    assert!(second.contains("auth.issuers[0].rules[1].when: must have namespace_id or project_id"), "{second}");
}

#[test]
fn what_the_page_shows_is_what_the_server_takes() {
    let page = include_str!("../../../docs/access.md");
    let examples = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let loaded = examples.filter(|example| example.contains("[[auth.issuers]]")).map(|example| {
        let config = load(example, &[], &[]).unwrap_or_else(|error| panic!("{example}\n{error}")).config;
        issuers(&config).len()
    });
    assert!(loaded.sum::<usize>() >= 5);
}
