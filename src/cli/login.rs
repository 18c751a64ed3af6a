//! `runcast login` and `runcast logout`: somebody in front of a browser lets this command line in.
//!
//! The command line makes a secret itself, and shows nobody but the server its digest. Once somebody has confirmed the code in
//! a browser, the secret is good; it is kept in a file that only its owner can read.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use super::artifacts::print;
use super::kept_credentials::{KeptCredential, KeptCredentials};
use super::request::{AskError, Servers, read, tell_retry};
use super::terminal::plain;
use super::{AskArgs, ServerToken, ServerUrl, block_on};
use crate::access::{AccessSecret, device_code};

/// How often it is asked whether somebody has confirmed.
const PAUSE: Duration = Duration::from_secs(2);
/// Most characters shown of what a server says.
const TEXT_CHARS: usize = 4_000;

/// `runcast login`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 signed in, 1 not (stderr says why), 2 wrong usage.")]
pub struct LoginArgs {
    #[command(flatten)]
    asking: AskArgs,
}

/// `runcast logout`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Exit codes: 0 nothing is kept any more, 1 the server could not be told (stderr says why), 2 wrong usage."
)]
pub struct LogoutArgs {
    #[command(flatten)]
    asking: AskArgs,
}

#[derive(Deserialize)]
struct Begun {
    url: String,
    request: String,
    code: String,
}

#[derive(Deserialize)]
struct Decision {
    state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Me {
    name: Option<String>,
    expires_at: Option<String>,
}

/// Signs in.
///
/// # Errors
/// Nobody has confirmed it, or it can't be kept.
pub fn login(args: LoginArgs) -> anyhow::Result<ExitCode> {
    let mut kept = KeptCredentials::open()?;
    let server = the_server(&args.asking)?;
    let secret = AccessSecret::generate().context("the system has no randomness")?;
    let me = block_on(let_in(&args.asking, &server, &secret))??;
    let credential = KeptCredential::new(secret.reveal(), me.expires_at.clone());
    if let Err(error) = kept.put(&server.origin(), credential.clone()) {
        // Nobody will have it: it is not to stay good. Whether that can be told does not matter here.
        let _ = end_session(&args.asking, server.with_token(Some(credential.token()?)));
        return Err(error.into());
    }
    let name = plain(me.name.as_deref().unwrap_or("somebody"), TEXT_CHARS);
    let until = me.expires_at.map(|at| format!(" until {}", plain(&at, TEXT_CHARS))).unwrap_or_default();
    print(&[format!("signed in to {} as {name}{until}", server.origin())])?;
    Ok(ExitCode::SUCCESS)
}

/// Signs out: the server is told, and nothing is kept.
///
/// # Errors
/// The server could not be told; then the credential is kept, so that it can be told later.
pub fn logout(args: LogoutArgs) -> anyhow::Result<ExitCode> {
    let mut kept = KeptCredentials::open()?;
    let server = the_server(&args.asking)?;
    let origin = server.origin();
    let Some(credential) = kept.of(&origin) else {
        print(&[format!("nobody is signed in to {origin} here")])?;
        return Ok(ExitCode::SUCCESS);
    };
    let server = server.with_token(Some(credential.token()?));
    end_session(&args.asking, server).context("the server could not be told, and the credential is kept")?;
    kept.forget(&origin)?;
    print(&[format!("signed out of {origin}")])?;
    Ok(ExitCode::SUCCESS)
}

/// Ends the session whose credential is shown to the server.
fn end_session(asking: &AskArgs, server: ServerUrl) -> anyhow::Result<()> {
    let told = block_on(async {
        let request = |client: &reqwest::Client, server: &ServerUrl| client.delete(server.session());
        Servers::new(std::slice::from_ref(&server))?.insist(asking.patience(), request, tell_retry).await
    })?;
    match told {
        // It was over, or revoked: that is what is wanted.
        Ok(_) | Err(AskError::Refused { status: reqwest::StatusCode::UNAUTHORIZED, .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The one server that is meant. What is shown to it otherwise does not matter here.
fn the_server(asking: &AskArgs) -> anyhow::Result<ServerUrl> {
    match asking.servers.named() {
        [server] => Ok(server.clone()),
        _ => bail!("name one server: nodes of a cluster are signed in to by the address that people use"),
    }
}

/// Asks to be let in, and waits until somebody has.
async fn let_in(asking: &AskArgs, server: &ServerUrl, secret: &AccessSecret) -> anyhow::Result<Me> {
    let digest = secret.digest();
    let nobody = Servers::new(std::slice::from_ref(server))?;
    let body = json!({"digest": digest.to_string(), "label": label()}).to_string();
    let request = |client: &reqwest::Client, server: &ServerUrl| {
        client.post(server.login()).header(CONTENT_TYPE, "application/json").body(body.clone())
    };
    let answer = nobody.insist(asking.patience(), request, tell_retry).await?;
    let begun: Begun = read(&answer)?;
    let code = device_code(digest);
    if begun.code != code {
        bail!("the server shows another code than that of this command line: it is not the server that it should be");
    }
    super::tell(format_args!("open this in a browser:\n\n  {}\n", plain(&begun.url, TEXT_CHARS)));
    super::tell(format_args!("and confirm there if it shows the code {code}"));
    loop {
        let request = |client: &reqwest::Client, server: &ServerUrl| client.get(server.login_state(&begun.request));
        let answer = nobody.insist(asking.patience(), request, tell_retry).await.map_err(over)?;
        match read::<Decision>(&answer)?.state.as_str() {
            "waiting" => sleep(PAUSE).await,
            "confirmed" => break,
            _ => bail!("it was refused in the browser"),
        }
    }
    let token: ServerToken = secret.reveal().parse().map_err(anyhow::Error::msg)?;
    let somebody = Servers::new(&[server.clone().with_token(Some(token))])?;
    let request = |client: &reqwest::Client, server: &ServerUrl| client.get(server.me());
    Ok(read(&somebody.insist(asking.patience(), request, tell_retry).await?)?)
}

fn over(error: AskError) -> anyhow::Error {
    match &error {
        AskError::Refused { code: Some(code), .. } if code == "login_request_over" => {
            anyhow::anyhow!("nobody has confirmed it for ten minutes")
        }
        _ => error.into(),
    }
}

/// What this command line calls itself: `user@host`.
fn label() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let fits = |c: &char| c.is_ascii_graphic();
    let part = |text: String, none: &str| match text.chars().filter(fits).take(60).collect::<String>() {
        text if text.is_empty() => none.to_owned(),
        text => text,
    };
    format!("{}@{}", part(user, "somebody"), part(host, "a-machine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_has_a_name_that_fits() {
        let label = label();
        assert!(label.contains('@') && label.len() <= 121 && label.chars().all(|c| c.is_ascii_graphic()), "{label}");
    }
}
