//! `runcast export`, `pin`, `unpin` and `delete`; completions and manual pages.

use serde_json::{Value, json};

use super::http_double::{Answer, HttpDouble};
use super::support::{TestNode, real_run};
use super::{output, runcast, text};

#[tokio::test]
async fn a_run_is_exported_to_stdout_or_into_a_file_that_is_whole() {
    let node = TestNode::start(&[]);
    node.store("r", &real_run()).await;
    let url = node.url("");
    let dir = tempfile::tempdir().unwrap();
    let export = async |more: &[&str]| output(runcast(&[&["export", "r", "--url", &url], more].concat())).await;
    let junit = export(&["--format", "junit"]).await;
    assert!(junit.status.success() && text(&junit.stdout).starts_with("<?xml"), "{}", text(&junit.stderr));
    assert_eq!(text(&junit.stderr), "");
    for (format, begins) in [("html", &b"<!"[..]), ("zip", b"PK"), ("junit", b"<?xml")] {
        let path = dir.path().join(format!("r.{format}"));
        std::fs::write(&path, "what was there").unwrap();
        let done = export(&["-f", format, "-o", path.to_str().unwrap()]).await;
        assert!(done.status.success(), "{}", text(&done.stderr));
        let written = std::fs::read(&path).unwrap();
        assert!(written.starts_with(begins), "{format}");
        assert_eq!(text(&done.stderr), format!("runcast: {}: {} bytes\n", path.display(), written.len()));
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "nothing is left beside them");
    let unknown = output(runcast(&["export", "none", "--format", "zip", "--url", &url])).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("there is no run none"), "{}", text(&unknown.stderr));
    assert_eq!(export(&["--format", "pdf"]).await.status.code(), Some(2));

    // One that breaks off leaves what was there.
    let broken = Answer::Say("200 OK", "transfer-encoding: chunked\r\n", "5\r\nhello\r\n".into());
    let broken = HttpDouble::start(vec![broken]);
    let path = dir.path().join("r.html");
    let before = std::fs::read(&path).unwrap();
    let path_text = path.to_str().unwrap();
    let arguments = ["export", "r", "--format", "html", "-o", path_text, "--timeout", "1", "--url", &broken.url];
    let done = output(runcast(&arguments)).await;
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    assert!(std::fs::read(&path).unwrap() == before && std::fs::read_dir(dir.path()).unwrap().count() == 3);
}

#[tokio::test]
async fn a_run_is_pinned_unpinned_and_deleted() {
    let node = TestNode::start(&[]);
    node.store("r", &[json!({"type": "log", "text": "x"}).to_string()]).await;
    let url = node.url("");
    let call = async |arguments: &[&str]| {
        let done = output(runcast(&[arguments, &["--url", &url]].concat())).await;
        (done.status.code(), text(&done.stdout) + &text(&done.stderr))
    };
    let (code, told) = call(&["pin", "r", "--reason", "release 1.2", "--until", "2127-01-31T00:00:00Z"]).await;
    assert_eq!((code, &*told), (Some(0), "the artifacts of r are kept until 2127-01-31T00:00:00.000Z: release 1.2\n"));
    assert_eq!(node.get_json("/api/runs/r/artifacts").await["pin"]["reason"], "release 1.2");
    let (_, answer) = call(&["pin", "r", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["pin"]["reason"], "pinned by the command line");
    let (code, told) = call(&["unpin", "r"]).await;
    assert_eq!((code, &*told), (Some(0), "the artifacts of r are kept as long as others\n"));
    assert_eq!(node.get_json("/api/runs/r/artifacts").await["pin"], Value::Null);
    for command in [&["pin", "other"][..], &["delete", "other"]] {
        let (code, told) = call(command).await;
        assert!(code == Some(1) && told.contains("there is no run other"), "{told}");
    }

    let (code, told) = call(&["delete", "r"]).await;
    assert_eq!((code, &*told), (Some(1), "runcast: r has not ended: --force deletes it all the same\n"));
    let (code, told) = call(&["delete", "r", "--force"]).await;
    assert_eq!((code, &*told), (Some(0), "r is deleted\n"));
    let (code, told) = call(&["show", "r"]).await;
    assert!(code == Some(1) && told.contains("r has expired, or was deleted"), "{told}");
    assert_eq!(call(&["delete", "r"]).await.0, Some(0), "repeating it is no error");
    node.store("s", &[json!({"type": "run_status", "status": "passed"}).to_string()]).await;
    assert_eq!(call(&["delete", "s"]).await.0, Some(0), "one that has ended needs no force");
}

#[tokio::test]
async fn shells_and_man_know_every_command() {
    let help = text(&output(runcast(&["--help"])).await.stdout);
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let names = commands.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    let commands: Vec<_> = names.filter(|name| *name != "help").collect();
    assert!(commands.len() > 20 && commands.contains(&"import-log"), "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = output(runcast(&["completions", shell])).await;
        let script = text(&script.stdout);
        for command in &commands {
            assert!(script.contains(command), "{command} in {shell}");
        }
        if shell == "bash" {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("runcast.bash");
            std::fs::write(&file, &script).unwrap();
            let words = "COMP_WORDS=(runcast unp); COMP_CWORD=1; _runcast runcast unp runcast";
            let complete = format!("source {}; {words}; echo \"${{COMPREPLY[@]}}\"", file.display());
            let done = tokio::process::Command::new("bash").args(["-c", &complete]).output().await.unwrap();
            assert_eq!(text(&done.stdout).trim(), "unpin", "{}", text(&done.stderr));
        }
    }
    let page = output(runcast(&["man"])).await;
    assert!(text(&page.stdout).contains(".TH runcast 1"), "{}", text(&page.stdout));
    let dir = tempfile::tempdir().unwrap();
    assert!(output(runcast(&["man", "--dir", dir.path().to_str().unwrap()])).await.status.success());
    for command in &commands {
        let page = std::fs::read_to_string(dir.path().join(format!("runcast-{command}.1"))).unwrap();
        assert!(page.contains(".TH"), "{command}");
    }
    let page = std::fs::read_to_string(dir.path().join("runcast-watch.1")).unwrap();
    assert!(page.contains("exit\\-status"), "{page}");
}
