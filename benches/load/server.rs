//! Servers that run beside the benchmark, and what the kernel says of them. Each ends with its value.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server that runs.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: String,
}

impl Server {
    /// The release server over the example catalogue, recording as it always does.
    pub fn situs(folder: &Path) -> Self {
        let mut command = Command::new(std::env::var_os("SITUS").unwrap());
        command.args(["serve", "--example", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder);
        Self::start(command, "ask a first question")
    }

    /// An empty one, which answers as the server at `like` does.
    pub fn empty(like: &str, words: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--empty", like]).env("QUESTION", words);
        Self::start(command, "listening on ")
    }

    /// Starts it, and waits for a line that begins so; the address stands on one that says where it listens.
    fn start(mut command: Command, ready: &str) -> Self {
        let mut child = command.env("RUST_LOG", "warn").stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        let stdout = child.stdout.take().unwrap();
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(rest) = line.strip_prefix("listening on ") {
                rest.clone_into(&mut address);
            }
            if line.starts_with(ready) {
                break;
            }
        }
        Self { child, address }
    }

    /// Another program, which listens there.
    pub fn other(mut command: Command, address: &str) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, address: address.to_owned() }
    }

    /// The time that its threads have been on a CPU, in microseconds.
    pub fn cpu_micros(&self) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let nanos = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        });
        nanos.sum::<f64>() / 1000.0
    }

    /// The memory that it holds, in MiB.
    pub fn memory_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
