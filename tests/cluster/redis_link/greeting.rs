//! How a connection begins: who asks, for which database, and over TLS.

use std::fs;
use std::sync::Arc;

use runcast::storage::redis::{Link, RedisClient, RedisCommand, RedisError, RedisSettings, Reply};

use crate::redis_link::probe::{BRIEF, PATIENT, client, get, ok, set, settings, text};
use crate::support::{FaultProxy, RedisServer};

async fn refusal(settings: &RedisSettings) -> RedisError {
    Link::connect(settings).await.expect_err("it is refused")
}

fn url(server: &RedisServer, login: &str, database: &str) -> String {
    format!("redis://{login}{}{database}", server.address())
}

#[tokio::test]
async fn user_password_and_database_are_those_of_the_url() {
    let user = "ann on >p@ss/wörd ~* &* +@all";
    let server = RedisServer::start_with(&[("requirepass", "secret"), ("user", user)]).await;
    for (login, who) in [("ann:p%40ss%2Fw%C3%B6rd@", "ann"), (":secret@", "default"), ("default:secret@", "default")] {
        let mut link = Link::connect(&settings(&url(&server, login, "/3"), PATIENT)).await.unwrap();
        assert_eq!(link.call(RedisCommand::new("ACL").arg("WHOAMI")).await, text(who));
        assert_eq!(link.call(set("who", who)).await, ok());
    }
    let mut elsewhere = Link::connect(&settings(&url(&server, ":secret@", ""), PATIENT)).await.unwrap();
    assert_eq!(elsewhere.call(get("who")).await, Ok(Reply::Nil));
    assert_eq!(elsewhere.call(RedisCommand::new("SELECT").number(3)).await, ok());
    assert_eq!(elsewhere.call(get("who")).await, text("default"));
}

#[tokio::test]
async fn a_refused_login_is_said_plainly_and_without_the_password() {
    let server = RedisServer::start_with(&[("requirepass", "secret")]).await;
    let address = server.address();
    let table = [
        (":hunter2@", "", "WRONGPASS invalid username-password pair or user is disabled.: the answer to AUTH"),
        ("bob:hunter2@", "", "WRONGPASS invalid username-password pair or user is disabled.: the answer to AUTH"),
        ("", "", "NOAUTH Authentication required.: the answer to PING"),
        (":secret@", "/99", "ERR DB index is out of range: the answer to SELECT"),
    ];
    for (login, database, expected) in table {
        let settings = settings(&url(&server, login, database), PATIENT);
        let refused = refusal(&settings).await;
        assert_eq!(refused, RedisError::Refused(format!("{expected} ({address})")), "{login}");
        assert!(!format!("{refused} {settings:?}").contains("hunter2"));
        let client = RedisClient::start(settings, Arc::new(()));
        assert_eq!(client.call(get("a")).await, Err(RedisError::Unavailable(format!("{expected} ({address})"))));
    }
}

#[tokio::test]
async fn a_login_that_is_granted_later_is_taken_without_a_restart() {
    let server = RedisServer::start().await;
    let waiting = RedisClient::start(settings(&url(&server, "ann:secret@", ""), PATIENT), Arc::new(()));
    crate::redis_link::probe::down(&waiting).await;
    let admin = client(server.address(), PATIENT);
    admin.call(RedisCommand::new("ACL").args(["SETUSER", "ann", "on", ">secret", "~*", "+@all"])).await.unwrap();
    assert_eq!(
        crate::redis_link::probe::insist(&waiting, RedisCommand::new("ACL").arg("WHOAMI")).await,
        text("ann").unwrap()
    );
}

#[tokio::test]
async fn a_name_that_may_not_be_set_is_done_without() {
    let server = RedisServer::start_with(&[("user", "ann on >secret ~* &* +@all -client")]).await;
    let mut link = Link::connect(&settings(&url(&server, "ann:secret@", ""), PATIENT)).await.unwrap();
    assert_eq!(link.call(RedisCommand::new("ECHO").arg("x")).await, text("x"));
    let odd = RedisSettings { client_name: "two words".to_owned(), ..settings(&url(&server, "", ""), PATIENT) };
    let mut link = Link::connect(&odd).await.unwrap();
    assert_eq!(link.call(RedisCommand::new("CLIENT").arg("GETNAME")).await, Ok(Reply::Nil));
}

#[tokio::test]
async fn tls_is_spoken_with_the_server_that_the_ca_file_vouches_for() {
    let server = RedisServer::start_with_tls().await;
    let trusting = RedisSettings { ca_file: Some(server.ca_file()), ..settings(&server.url(), PATIENT) };
    let client = RedisClient::start(trusting.clone(), Arc::new(()));
    let large = vec![7; 4 * 1024 * 1024];
    let replies = client.all(vec![set("key", &large), get("key")]).await.unwrap();
    assert_eq!(replies[1], Ok(Reply::BulkString(large)));

    let unknown = refusal(&settings(&server.url(), PATIENT)).await.to_string();
    assert!(unknown.contains("TLS: "), "{unknown}");
    let by_address = server.url().replace("localhost", "127.0.0.1");
    let misnamed = RedisSettings { url: by_address.parse().unwrap(), ..trusting.clone() };
    let misnamed = refusal(&misnamed).await.to_string();
    assert!(misnamed.contains("TLS: ") && misnamed.contains("not valid for name"), "{misnamed}");
    let plain = settings(&server.url().replace("rediss", "redis"), PATIENT);
    assert!(matches!(refusal(&plain).await, RedisError::Unavailable(_)));
}

#[tokio::test]
async fn a_ca_file_that_vouches_for_nobody_is_named() {
    let server = RedisServer::start_with_tls().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("authority.pem");
    let trusting = RedisSettings { ca_file: Some(file.clone()), ..settings(&server.url(), PATIENT) };
    let say = async |expected: &str| {
        let refused = refusal(&trusting).await.to_string();
        let named = format!("redis.ca_file {}: {expected}", file.display());
        assert!(refused.contains(&named), "{refused}");
    };
    say("No such file or directory").await;
    fs::write(&file, "no certificate").unwrap();
    say("has no certificate in PEM format").await;
    fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    say("").await;
    // Put right while the server runs: the next connection reads it.
    fs::copy(server.ca_file(), &file).unwrap();
    Link::connect(&trusting).await.unwrap();
}

#[tokio::test]
async fn a_server_that_never_greets_is_given_up() {
    let server = RedisServer::start_with_tls().await;
    let proxy = FaultProxy::start(server.address()).await;
    proxy.stall();
    let mute = |scheme: &str| format!("{scheme}://localhost:{}", proxy.address().port());
    let plain = refusal(&settings(&mute("redis"), BRIEF)).await.to_string();
    assert!(plain.ends_with("connected, but no answer within 500ms"), "{plain}");
    let tls = RedisSettings { ca_file: Some(server.ca_file()), ..settings(&mute("rediss"), BRIEF) };
    let tls = refusal(&tls).await.to_string();
    assert!(tls.ends_with("no TLS handshake within 500ms"), "{tls}");
}

#[tokio::test]
async fn what_is_no_redis_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let web = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        socket
    };
    let settings = settings(&format!("redis://{address}"), PATIENT);
    let (refused, _socket) = tokio::join!(refusal(&settings), web);
    assert_eq!(refused, RedisError::Unavailable(format!("{address}: an answer that is not RESP2")));
}
