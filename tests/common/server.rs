//! The built program, serving on a free port of this machine. It ends with its test, whatever happens.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use situs::grpc::proto::authorization_service_client::AuthorizationServiceClient;
use situs::grpc::proto::policy_service_client::PolicyServiceClient;
use situs::grpc::proto::{GetStatusRequest, GetStatusResponse};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// The longest that a test waits for what must happen: far more than it takes, on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(15);

/// A server that runs.
pub struct Server {
    child: Child,
    address: String,
    lines: Receiver<String>,
    log: PathBuf,
}

/// How to start a server.
pub struct Start {
    command: Command,
    listen: String,
    data_dir: PathBuf,
}

impl Start {
    /// With its data in a folder, and the bundle under test.
    pub fn new(data_dir: &Path) -> Self {
        let start = Self::plain(Command::new(env!("CARGO_BIN_EXE_situs")), data_dir);
        match super::folder() {
            Some(folder) => start.policies(&folder),
            None => start,
        }
    }

    /// By another program, which is given the server's own as its last arguments.
    pub fn under(mut program: Command, data_dir: &Path) -> Self {
        program.arg(env!("CARGO_BIN_EXE_situs"));
        Self::plain(program, data_dir)
    }

    fn plain(mut command: Command, data_dir: &Path) -> Self {
        command.args(["serve", "--data-dir"]).arg(data_dir);
        // What is set where the tests run is not for the server that they start.
        let set = std::env::vars_os().map(|(name, _)| name);
        for name in set.filter(|name| name.to_str().is_some_and(|name| name.starts_with("SITUS_"))) {
            command.env_remove(name);
        }
        command.env("RUST_LOG", "info").stdin(Stdio::null());
        Self { command, listen: "127.0.0.1:0".to_owned(), data_dir: data_dir.to_owned() }
    }

    /// With a bundle's folder.
    pub fn policies(mut self, folder: &Path) -> Self {
        self.command.arg("--policies").arg(folder);
        self
    }

    /// With further arguments.
    pub fn arguments<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(arguments);
        self
    }

    /// With a setting, and what it is.
    pub fn with(mut self, setting: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(setting).arg(value);
        self
    }

    /// With a setting that is on.
    pub fn with_flag(mut self, setting: &str) -> Self {
        self.command.arg(setting);
        self
    }

    /// On another address.
    pub fn listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    /// Starts it, where it cannot; gives how it ended, and what it said.
    pub fn fails(mut self) -> (Option<i32>, String) {
        let output = self.command.arg("--listen").arg(&self.listen).output().unwrap();
        assert!(output.stdout.is_empty(), "it listened: {}", String::from_utf8_lossy(&output.stdout));
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Starts it, and waits until it answers from a bundle.
    pub fn ready(self) -> Server {
        let server = self.go();
        server.line("serving ");
        server
    }

    /// Starts it, and waits until it listens.
    pub fn go(mut self) -> Server {
        std::fs::create_dir_all(&self.data_dir).unwrap();
        let log = self.data_dir.join("log.txt");
        let errors = std::fs::File::create(&log).unwrap();
        let command = self.command.arg("--listen").arg(&self.listen);
        let mut child = command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            // The test may be done with its lines before the server is.
            lines.for_each(|line| drop(sender.send(line)));
        });
        let mut server = Server { child, address: String::new(), lines, log };
        server.address = server.line("listening on ");
        server
    }
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What follows these words on a line that it prints, once it does.
    pub fn line(&self, words: &str) -> String {
        let until = Instant::now() + DEADLINE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(words) {
                        return rest.to_owned();
                    }
                }
                Err(error) => panic!("the server did not print `{words}`: {error}\n{}", self.log()),
            }
        }
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A connection.
    pub async fn connect(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// A connection by TLS, if there comes to be one.
    pub async fn connect_tls(&self, tls: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
        Endpoint::from_shared(format!("https://localhost:{}", self.port()))?.tls_config(tls)?.connect().await
    }

    /// A client of the service that answers.
    pub async fn authorization(&self) -> AuthorizationServiceClient<Channel> {
        AuthorizationServiceClient::new(self.connect().await)
    }

    /// Which bundle answers, and what was wrong with the last.
    pub async fn status(&self) -> GetStatusResponse {
        let mut client = PolicyServiceClient::new(self.connect().await);
        client.get_status(GetStatusRequest {}).await.unwrap().into_inner()
    }

    /// The version of the bundle that answers; empty: none does.
    pub async fn version(&self) -> String {
        self.status().await.active.map(|bundle| bundle.policy_version).unwrap_or_default()
    }

    /// Whether a service says that it serves.
    pub async fn serves(&self, service: &str) -> bool {
        serves(self.connect().await, service).await
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a machine that fails does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> std::process::ExitStatus {
        let killed = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert!(killed.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Looks until there is something to see.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < until, "it did not come to pass in {DEADLINE:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether a service says, by this connection, that it serves.
pub async fn serves(channel: Channel, service: &str) -> bool {
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(channel).check(request).await.unwrap().into_inner();
    answer.status() == ServingStatus::Serving
}
