//! The campaign: ways out of a step, each aimed at a listener in a network namespace of its own, under each force.
//!
//! What comes of each stands in `docs/offline-force-ways.md`, which this test compares with what happens:
//!
//! - `INSTALLER_WAYS=all`: every way; without it, one of each kind
//! - `INSTALLER_WAYS=write`: every way, and the table is written anew
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::TOOL;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/offline-force-ways.md");
/// Number of a user who is not in the user database; the fake tool knows it as well.
const SOMEBODY: &str = "12345";
/// Addresses for measurements between networks (RFC 2544), which lead nowhere: `NETWORK.column.way`.
const NETWORK: &str = "198.18";
const OWN: &str = "198.18.0.1";
/// Stand-ins for daemons, where no real one is.
const SOCKETS: [&str; 3] = ["/run/podman/podman.sock", "/run/dbus/system_bus_socket", "/run/nscd/socket"];

/// Programs of this machine that download, or could: name in the table, and words in which `{to}`, `{dir}` (the scene)
/// and `{own}` (a directory for this way alone) are put in.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("curl", &["curl", "-s", "-m", "5", "http://{to}:7/"]),
    ("wget", &["wget", "-q", "-T", "5", "-t", "1", "-O", "-", "http://{to}:7/"]),
    ("git, HTTP", &["git", "ls-remote", "http://{to}:7/project.git"]),
    ("git, its own protocol", &["git", "ls-remote", "git://{to}:7/project.git"]),
    ("openssl", &["openssl", "s_client", "-connect", "{to}:7"]),
    ("bash, /dev/tcp", &["bash", "-c", "exec 3<>/dev/tcp/{to}/7"]),
    ("bash, /dev/udp", &["bash", "-c", "echo x >/dev/udp/{to}/7"]),
    (
        "Python, urllib",
        &["/usr/bin/python3", "-c", "import urllib.request as u; u.urlopen('http://{to}:7/', timeout=5)"],
    ),
    (
        "Perl, IO::Socket",
        &[
            "perl",
            "-MIO::Socket::INET",
            "-e",
            "IO::Socket::INET->new(PeerAddr => '{to}:7', Timeout => 5) or die $!",
        ],
    ),
    (
        "pip download",
        &[
            "env",
            "PIP_CONFIG_FILE=/dev/null",
            "HOME={own}",
            "/usr/bin/python3",
            "-m",
            "pip",
            "download",
            "--isolated",
            "--no-cache-dir",
            "--disable-pip-version-check",
            "--retries",
            "0",
            "--timeout",
            "5",
            "--index-url",
            "http://{to}:7/simple",
            "--trusted-host",
            "{to}",
            "-d",
            "{own}",
            "way-out",
        ],
    ),
    (
        "cargo fetch",
        &[
            "env",
            "CARGO_HOME={own}",
            "CARGO_NET_RETRY=0",
            "HOME={own}",
            "{dir}/cargo",
            "fetch",
            "--manifest-path",
            "{dir}/crate/Cargo.toml",
            "--config",
            "source.crates-io.replace-with='way'",
            "--config",
            "source.way.registry='sparse+http://{to}:7/'",
        ],
    ),
    ("CMake, file(DOWNLOAD)", &["cmake", "-DTO={to}", "-DOWN={own}", "-P", "{dir}/download.cmake"]),
    ("a static C program", &["{dir}/static", "{to}"]),
    ("nsenter", &["nsenter", "-t", "{outside}", "-n", "--", "bash", "-c", "echo x >/dev/udp/{to}/7"]),
];

/// One of each kind, for every run of the tests.
const FEW: &[&str] = &[
    "TCP, connect",
    "UDP, sendmmsg",
    "name server, query on a connection",
    "raw packet without an address (AF_PACKET, bind and send)",
    "io_uring, connect",
    "32-bit call, connect",
    "32-bit call, socketcall",
    "proxy on loopback, TCP",
    "proxy at the machine's own address",
    "container engine (Unix socket)",
    "container engine, mask unmounted",
    "container engine, through another process's root",
    "D-Bus (Unix socket)",
    "unknown daemon (Unix socket)",
    "unknown daemon (Unix socket without a file)",
    "another network namespace (setns)",
    "another process's socket (pidfd_getfd)",
    "another process's socket, as its user (setuid)",
    "curl",
    "CMake, file(DOWNLOAD)",
    "a static C program",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    /// No force: each way must lead out here, or it proves nothing.
    Open,
    WallRoot,
    WallUser,
    AuditContainer,
    AuditUser,
    NoNetwork,
}

impl Column {
    const ALL: [Self; 5] =
        [Self::WallRoot, Self::WallUser, Self::AuditContainer, Self::AuditUser, Self::NoNetwork];

    fn force(self) -> &'static str {
        match self {
            Self::Open => "none",
            Self::AuditUser => "audit",
            _ => "auto",
        }
    }

    fn is_user(self) -> bool {
        matches!(self, Self::WallUser | Self::AuditUser)
    }

    /// Words for the container engine, where there is one.
    fn network(self) -> Option<&'static str> {
        match self {
            Self::AuditContainer => Some("host"),
            Self::NoNetwork => Some("none"),
            _ => None,
        }
    }
}

/// A process of the scene, ended with it.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn run(words: &[&str]) {
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn said(words: &[&str]) -> String {
    String::from_utf8(Command::new(words[0]).args(&words[1..]).output().unwrap().stdout).unwrap()
}

/// Listener, relays, and what the ways need.
struct Scene {
    directory: PathBuf,
    tool: String,
    namespace: String,
    ways: Vec<String>,
    arrived: Arc<Mutex<Vec<String>>>,
    /// Sockets that this scene made.
    made: Vec<PathBuf>,
    outside: u32,
    served: Vec<Served>,
    _guard: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let guard = tempfile::tempdir_in("/var/tmp").unwrap();
        let directory = guard.path().to_path_buf();
        let tool = directory.join("fake-tool");
        fs::copy(TOOL, &tool).unwrap();
        let tool = tool.to_str().unwrap().to_owned();
        let ways = said(&[&tool, "ways"]).lines().map(str::to_owned).collect();
        let mut scene = Self {
            namespace: format!("installer-ways-{}", std::process::id()),
            arrived: Arc::default(),
            made: Vec::new(),
            outside: 0,
            served: Vec::new(),
            _guard: guard,
            directory,
            tool,
            ways,
        };
        scene.give_programs();
        scene.connect();
        scene.serve();
        run(&["chmod", "-R", "a+rX", scene.directory.to_str().unwrap()]);
        fs::set_permissions(&scene.directory, PermissionsExt::from_mode(0o1777)).unwrap();
        scene
    }

    fn give_programs(&self) {
        let at = |name: &str| self.directory.join(name);
        fs::create_dir_all(at("crate/src")).unwrap();
        fs::write(at("crate/src/lib.rs"), "").unwrap();
        fs::write(
            at("crate/Cargo.toml"),
            "[package]\nname = \"way\"\nversion = \"0.0.0\"\n[dependencies]\nway-out = \"1\"\n[workspace]\n",
        )
        .unwrap();
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        fs::copy(cargo, at("cargo")).unwrap();
        fs::write(
            at("download.cmake"),
            "file(DOWNLOAD http://${TO}:7/x ${OWN}/x TIMEOUT 5 STATUS status)\nmessage(\"${status}\")\n",
        )
        .unwrap();
        let source = at("static.c");
        fs::write(
            &source,
            "#include <arpa/inet.h>\n#include <sys/socket.h>\nint main(int c, char **v) {\n\
             struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7)};\n\
             inet_pton(AF_INET, v[c - 1], &to.sin_addr);\n\
             return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to) != 0; }\n",
        )
        .unwrap();
        run(&["cc", "-static", "-o", at("static").to_str().unwrap(), source.to_str().unwrap()]);
    }

    /// A network namespace with the listener, at the other end of a pair of interfaces.
    fn connect(&mut self) {
        let name = self.namespace.as_str();
        // An earlier run that was killed leaves it.
        drop(Command::new("ip").args(["link", "delete", "iways0"]).output());
        run(&["ip", "netns", "add", name]);
        run(&["ip", "link", "add", "iways0", "type", "veth", "peer", "name", "iways1", "netns", name]);
        run(&["ip", "address", "add", &format!("{OWN}/16"), "dev", "iways0"]);
        run(&["ip", "link", "set", "iways0", "up"]);
        let far = format!("{NETWORK}.255.254/16");
        for words in [
            &["link", "set", "lo", "up"][..],
            &["address", "add", &far, "dev", "iways1"],
            &["link", "set", "iways1", "up"],
        ] {
            run(&[&["ip", "-n", name], words].concat());
        }
        for column in 1..=6 {
            let addresses = format!("{NETWORK}.{column}.0/24");
            run(&["ip", "-n", name, "route", "add", "local", &addresses, "dev", "lo"]);
        }
        let mut command = Command::new("ip");
        command.args(["netns", "exec", name, &self.tool, "listen"]);
        let mut lines = self.start(command);
        let arrived = Arc::clone(&self.arrived);
        std::thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
                arrived.lock().unwrap().push(std::mem::take(&mut line).trim().to_owned());
            }
        });
    }

    /// Starts a process of the scene and waits until it is ready.
    fn start(&mut self, mut command: Command) -> BufReader<std::process::ChildStdout> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        self.served.push(Served(child));
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        lines
    }

    fn serve(&mut self) {
        let far = said(&["ip", "-n", &self.namespace, "-o", "link", "show", "iways1"]);
        let hardware = far.split("link/ether ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        let interface = fs::read_to_string("/sys/class/net/iways0/ifindex").unwrap().trim().to_owned();
        let unnamed = self.directory.join("unknown.sock");
        let mut sockets: Vec<String> = Vec::new();
        for path in SOCKETS {
            // What an earlier run left that was killed.
            if UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
                fs::remove_file(path).unwrap();
            }
            assert!(
                !Path::new(path).exists(),
                "{path} exists: the campaign needs a machine without that daemon"
            );
            let parent = Path::new(path).parent().unwrap();
            if !parent.exists() {
                fs::create_dir_all(parent).unwrap();
                self.made.insert(0, parent.to_path_buf());
            }
            self.made.insert(0, path.into());
            sockets.push(path.to_owned());
        }
        sockets.push(unnamed.to_str().unwrap().to_owned());
        let connected: Vec<String> = (1..=6)
            .flat_map(|column| {
                self.names()
                    .enumerate()
                    .filter(|(_, name)| name.starts_with("another process's socket"))
                    .map(move |(index, _)| format!("{NETWORK}.{column}.{}", index + 1))
                    .collect::<Vec<_>>()
            })
            .collect();
        let state = |name: &str| self.directory.join(name).to_str().unwrap().to_owned();
        let (root, user) = (state("root.json"), state("user.json"));
        let mut command = Command::new(&self.tool);
        command
            .args(["outside", &root, OWN, &interface, &hardware])
            .args(&sockets)
            .arg("--")
            .args(&connected);
        drop(self.start(command));
        self.outside = self.served.last().unwrap().0.id();
        fs::write(&user, "").unwrap();
        run(&["chown", SOMEBODY, &user]);
        run(&["chmod", "a+rx", self.directory.to_str().unwrap()]);
        let mut command = Command::new("setpriv");
        command
            .args([
                "--reuid",
                SOMEBODY,
                "--regid",
                SOMEBODY,
                "--clear-groups",
                &self.tool,
                "outside",
                &user,
                OWN,
            ])
            .args([&interface, &hardware, "--"])
            .args(&connected);
        drop(self.start(command));
    }

    /// Of this scene alone, so that its end removes no other's.
    fn image(&self) -> String {
        format!("installer-test-ways:{}", std::process::id())
    }

    /// Names of all ways, in the table's order.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.ways.iter().map(String::as_str).chain(PROGRAMS.iter().map(|(name, _)| *name))
    }

    /// The command of a way in a column, for a shell.
    fn command(&self, column: Column, index: usize, name: &str) -> String {
        let directory = self.directory.to_str().unwrap();
        let to = format!("{NETWORK}.{}.{}", column as usize + 1, index + 1);
        let own = format!("{directory}/own-{}-{index}", column as usize);
        let words: Vec<String> = match PROGRAMS.iter().find(|(known, _)| *known == name) {
            Some((_, words)) => words
                .iter()
                .map(|word| {
                    word.replace("{to}", &to)
                        .replace("{dir}", directory)
                        .replace("{own}", &own)
                        .replace("{outside}", &self.outside.to_string())
                })
                .collect(),
            None => {
                let of_user = column.is_user() || name.contains("as its user");
                let state =
                    if name.starts_with("another process's socket") && of_user { "user" } else { "root" };
                [&self.tool, "way", name, &to, &format!("{directory}/{state}.json")]
                    .map(str::to_owned)
                    .to_vec()
            }
        };
        let words: Vec<String> =
            words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
        let user = format!("setpriv --reuid {SOMEBODY} --regid {SOMEBODY} --clear-groups ");
        let user = if column.is_user() { user.as_str() } else { "" };
        let out = format!("{directory}/out-{}-{index}", column as usize);
        format!(
            "mkdir -m 777 {own}; cd {own}; timeout 30 {user}{} session --offline --timeout-ms 15000 -- {} \
             >{out}.json 2>{out}.err </dev/null\n",
            self.tool,
            words.join(" ")
        )
    }

    /// Goes these ways in a column: for each, whether it got out, and whether it was named.
    fn go(&self, column: Column, ways: &[(usize, &str)]) -> Vec<(bool, serde_json::Value)> {
        let script = self.directory.join(format!("script-{}", column as usize));
        let commands: String = ways.iter().map(|(index, name)| self.command(column, *index, name)).collect();
        fs::write(&script, commands).unwrap();
        let script = script.to_str().unwrap();
        let directory = self.directory.to_str().unwrap();
        let mut command = Command::new("sh");
        if let Some(network) = column.network() {
            command = Command::new("docker");
            command.args(["run", "--rm", &format!("--network={network}")]);
            command.args(["-e", &format!("INSTALLER_OFFLINE_FORCE={}", column.force())]);
            for place in ["/usr:/usr:ro", "/etc:/etc:ro", "/run:/run", &format!("{directory}:{directory}")] {
                command.args(["-v", place]);
            }
            command.args([&self.image(), "/usr/bin/sh"]);
        }
        let output = command.arg(script).env("INSTALLER_OFFLINE_FORCE", column.force()).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        // The listener prints what it gets at once; a packet that is on its way still arrives.
        std::thread::sleep(Duration::from_millis(500));
        let arrived = self.arrived.lock().unwrap();
        ways.iter()
            .map(|(index, name)| {
                let out = format!("{directory}/out-{}-{index}", column as usize);
                let told: serde_json::Value =
                    serde_json::from_slice(&fs::read(format!("{out}.json")).unwrap()).unwrap_or_else(|_| {
                        panic!("{column:?}, {name}: {}", fs::read_to_string(format!("{out}.err")).unwrap())
                    });
                let to = format!("{NETWORK}.{}.{}", column as usize + 1, index + 1);
                (arrived.contains(&to), told)
            })
            .collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.served.clear();
        for words in [["link", "delete", "iways0"], ["netns", "delete", &self.namespace]] {
            drop(Command::new("ip").args(words).output());
        }
        // There is none where no container was asked for.
        drop(Command::new("docker").args(["image", "rm", &self.image()]).output());
        for path in &self.made {
            drop(fs::remove_file(path));
            drop(fs::remove_dir(path));
        }
    }
}

/// An image of directories and links: its files are this machine's.
fn make_image(scene: &Scene) {
    let root = scene.directory.join("image");
    for name in ["dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var/tmp"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    for name in ["bin", "lib", "lib64", "sbin"] {
        std::os::unix::fs::symlink(format!("usr/{name}"), root.join(name)).unwrap();
    }
    let archive = scene.directory.join("image.tar");
    run(&["tar", "-C", root.to_str().unwrap(), "-cf", archive.to_str().unwrap(), "."]);
    run(&["docker", "import", archive.to_str().unwrap(), &scene.image()]);
}

fn in_words(got_out: bool, told: &serde_json::Value) -> &'static str {
    let named = !told["leaks"].as_array().unwrap().is_empty();
    match (got_out, named) {
        (true, true) => "got out, named",
        (true, false) => "got out",
        (false, true) => "named",
        (false, false) => "refused",
    }
}

/// Rows of the committed table.
fn committed() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(TABLE).unwrap_or_default();
    text.lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
            (cells.next().unwrap(), cells.collect())
        })
        .collect()
}

const HEAD: &str = "# Ways out of a step, and what comes of them

Generated by a run of the campaign (`phases/exec/tests/ways.rs`, `INSTALLER_WAYS=write`) on Linux 6.18; compared with a new
run by `.ci/deep ways`, and one way of each kind by the tests. Each way leads to a listener when nothing shuts the network
off. What the words promise, and what no force sees, is told in [the offline force](offline-force.md).

- *named*: nothing arrived, and the step fails with what was wanted, and by which process
- *refused*: nothing arrived; the call failed, or the step's log says that it was refused
- *got out*: a packet arrived

The audit in a container runs in Docker's default container with the host's network and the host's `/run`.

| way | wall, root | wall, user | audit, container | audit, user | `--network=none` |
| --- | --- | --- | --- | --- | --- |
";

/// Goes the ways in these columns and compares what comes of them.
fn campaign(columns: &[Column]) {
    let size = std::env::var("INSTALLER_WAYS").unwrap_or_default();
    let scene = Scene::new();
    if columns.iter().any(|column| column.network().is_some()) {
        make_image(&scene);
    }
    let every = size == "all" || size == "write";
    let ways: Vec<(usize, &str)> =
        scene.names().enumerate().filter(|(_, name)| every || FEW.contains(name)).collect();
    assert!(every || ways.len() == FEW.len());
    let mut wrong = String::new();
    for ((_, name), (got_out, told)) in ways.iter().zip(scene.go(Column::Open, &ways)) {
        if !got_out {
            writeln!(wrong, "without force `{name}` leads nowhere: {told}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let mut rows: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for column in columns {
        for ((_, name), (got_out, told)) in ways.iter().zip(scene.go(*column, &ways)) {
            let force = &told["force"];
            let walled = !matches!(column, Column::AuditContainer | Column::AuditUser);
            assert_eq!(force["wall"].is_string(), walled, "{column:?}: {force}");
            assert!(force["audit"].is_string(), "{column:?}: {force}");
            let words = in_words(got_out, &told);
            rows.entry(name).or_default().push(words);
            if got_out && walled {
                writeln!(wrong, "{column:?}: {name} got out of the wall: {told}").unwrap();
            }
        }
    }
    if size == "write" && columns == Column::ALL {
        let mut text = HEAD.to_owned();
        for (_, name) in &ways {
            writeln!(text, "| {name} | {} |", rows[name].join(" | ")).unwrap();
        }
        fs::write(TABLE, text).unwrap();
    }
    let table = committed();
    for (name, row) in &rows {
        let expected: Vec<&str> = Column::ALL
            .iter()
            .zip(table.get(*name).into_iter().flatten())
            .filter(|(column, _)| columns.contains(column))
            .map(|(_, cell)| cell.as_str())
            .collect();
        if *row != expected {
            writeln!(wrong, "{name}: the table has {expected:?}, the campaign {row:?}").unwrap();
        }
    }
    println!("{} ways x {} forces", ways.len(), columns.len());
    assert!(wrong.is_empty(), "{wrong}");
    if every {
        assert_eq!(table.len(), ways.len() + 2, "rows of the table, its head among them");
        assert!(ways.len() >= 37, "{}", ways.len());
    }
}

mod needs_root {
    mod needs_namespaces {
        use crate::{Column, campaign};

        #[test]
        fn ways_out_of_the_machine_end_as_the_table_says() {
            testkit::need("root");
            testkit::need("namespaces");
            campaign(&[Column::WallRoot, Column::WallUser, Column::AuditUser]);
        }

        mod needs_docker {
            use crate::{Column, campaign};

            #[test]
            fn ways_out_of_containers_end_as_the_table_says() {
                testkit::need("docker");
                if std::env::var_os("INSTALLER_WAYS").is_some() {
                    campaign(&Column::ALL);
                } else {
                    campaign(&[Column::AuditContainer, Column::NoNetwork]);
                }
            }
        }
    }
}
