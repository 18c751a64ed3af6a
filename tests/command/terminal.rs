//! The binary on a terminal of its own.

use std::process::{Output, Stdio};

use tokio::process::Command;

use super::finish;

/// Runs a program on a terminal with so many columns, types keys once it has asked for them, and prints what the terminal
/// showed.
const ON_A_TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
columns, prompt, keys, program = int(sys.argv[1]), os.fsencode(sys.argv[2]), os.fsencode(sys.argv[3]), sys.argv[4:]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.execv(program[0], program)
shown = b""
try:
    while True:
        more = os.read(terminal, 65536)
        if not more:
            break
        shown += more
        if keys and prompt in shown:
            os.write(terminal, keys)
            keys = b""
except OSError:
    pass
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

/// The binary with these variables and arguments on a terminal with so many columns. Its stdout is what the terminal
/// showed.
pub(crate) async fn on_a_terminal(columns: usize, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    show(columns, ["", ""], variables, arguments).await
}

/// The same, where `keys` are typed as soon as the terminal shows `prompt`.
pub(crate) async fn typing(prompt: &str, keys: &str, arguments: &[&str]) -> Output {
    show(100, [prompt, keys], &[], arguments).await
}

async fn show(columns: usize, typed: [&str; 2], variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut python = Command::new("python3");
    python.args(["-c", ON_A_TERMINAL, &columns.to_string()]).args(typed).arg(env!("CARGO_BIN_EXE_runcast"));
    python.args(arguments).env_remove("NO_COLOR").envs(variables.iter().copied());
    finish(python.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()).await
}
