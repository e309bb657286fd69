//! The network is kept away from children that may not use it, and what they wanted is told.
//!
//! Each child runs in a session of another process, so that the force can be chosen and the user changed.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use common::TOOL;
use serde_json::Value;

/// Numbers of a user who is not in the user database.
const SOMEBODY: &str = "12345";

/// A place from which any user can execute the fake tools.
struct Scene {
    _guard: tempfile::TempDir,
    tool: String,
}

impl Scene {
    fn new() -> Self {
        let guard = tempfile::tempdir_in("/var/tmp").unwrap();
        let tool = guard.path().join("fake-tool");
        std::fs::copy(TOOL, &tool).unwrap();
        for path in [guard.path(), &tool] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        Self { tool: tool.to_str().unwrap().to_owned(), _guard: guard }
    }

    /// A session with this child.
    fn command(&self, user: User, force: &str, options: &[&str], tool: &[&str]) -> Command {
        let mut words: Vec<&str> = match user {
            User::Root => {
                testkit::need("root");
                Vec::new()
            }
            User::Somebody if is_root() => {
                vec!["setpriv", "--reuid", SOMEBODY, "--regid", SOMEBODY, "--clear-groups"]
            }
            User::Somebody => Vec::new(),
        };
        words.extend([&self.tool, "session", "--offline"]);
        words.extend(options);
        words.push("--");
        words.extend(tool);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env(exec::FORCE_VARIABLE, force);
        command
    }

    /// Runs a fake tool under a force and returns what the session tells.
    fn run(&self, user: User, force: &str, options: &[&str], tool: &[&str]) -> Told {
        let mut words = vec![self.tool.as_str()];
        words.extend(tool);
        self.run_program(user, force, options, &words)
    }

    fn run_program(&self, user: User, force: &str, options: &[&str], words: &[&str]) -> Told {
        let output = self.command(user, force, options, words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Told(serde_json::from_slice(&output.stdout).unwrap())
    }
}

#[derive(Clone, Copy, Debug)]
enum User {
    Root,
    Somebody,
}

struct Told(Value);

impl Told {
    fn status(&self) -> i64 {
        self.0["status"].as_i64().unwrap()
    }

    fn printed(&self) -> Vec<&str> {
        self.0["lines"].as_array().unwrap()[1..].iter().map(|line| line.as_str().unwrap()).collect()
    }

    /// (process, wanted)
    fn leaks(&self) -> Vec<(&str, &str)> {
        let leaks = self.0["leaks"].as_array().unwrap();
        leaks
            .iter()
            .map(|leak| {
                assert_eq!(leak["pid"].as_u64().unwrap() == 0, leak["process"] == "unknown");
                (leak["process"].as_str().unwrap(), leak["wanted"].as_str().unwrap())
            })
            .collect()
    }

    /// What was told while it ran, and after how many milliseconds.
    fn told(&self) -> Vec<(&str, u64)> {
        let told = self.0["told"].as_array().unwrap();
        told.iter().map(|told| (told[0].as_str().unwrap(), told[1].as_u64().unwrap())).collect()
    }

    fn ended_for_leak(&self) -> bool {
        self.0["ended_for_leak"].as_bool().unwrap()
    }

    fn force(&self) -> (Option<&str>, Option<&str>) {
        (self.0["force"]["wall"].as_str(), self.0["force"]["audit"].as_str())
    }

    fn unseen(&self) -> String {
        self.0["force"]["unseen"].to_string()
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Whether the place gives this user a wall at all: the audit alone would pass some of these tests.
fn walled(place: &Scene, user: User) {
    testkit::need("namespaces");
    let told = place.run(user, "auto", &[], &["loopback"]);
    assert_eq!(told.force().0, WALL, "{user:?}: {}", told.unseen());
}

const WALL: Option<&str> = Some("network namespace");
const AUDIT: Option<&str> = Some("seccomp notification");

fn wall_and_audit_together(user: User) {
    let place = Scene::new();
    walled(&place, user);
    let told = place.run(user, "auto", &[], &["tcp", "192.0.2.7:443"]);
    assert_eq!(told.force(), (WALL, AUDIT), "{user:?}: {}", told.unseen());
    assert_eq!(told.leaks(), [("fake-tool", "192.0.2.7:443")]);
    assert_eq!(told.status(), 1);
    assert_eq!(told.printed(), ["Network is unreachable (os error 101)"]);

    let told = place.run(user, "auto", &[], &["try-name", "files.example.org"]);
    assert_eq!(told.leaks(), [("fake-tool", "files.example.org")]);
    assert_eq!(told.status(), 0, "the tool itself did not mind");
}

fn the_wall_alone(user: User) {
    let place = Scene::new();
    walled(&place, user);
    let told = place.run(user, "wall", &[], &["tcp", "192.0.2.7:443"]);
    assert_eq!(told.force(), (WALL, None));
    assert_eq!((told.status(), told.leaks()), (1, vec![]));
    assert!(told.unseen().contains("bare addresses"), "{}", told.unseen());

    let told = place.run(user, "wall", &["--repeat", "2"], &["try-name", "files.example.org"]);
    assert_eq!(told.leaks(), [("unknown", "files.example.org")], "of the second child, too");
}

fn the_audit_alone(user: User) {
    let place = Scene::new();
    for (tool, wanted) in [
        (vec!["tcp", "192.0.2.7:443"], "192.0.2.7:443"),
        (vec!["tcp", "[2001:db8::7]:443"], "[2001:db8::7]:443"),
        (vec!["udp", "192.0.2.7:1900"], "192.0.2.7:1900"),
        (vec!["send", "192.0.2.7:9", "x"], "192.0.2.7:9"),
        (vec!["many", "192.0.2.7:9"], "192.0.2.7:9"),
        (vec!["ask", "192.0.2.53:53", "mirror.example.org"], "mirror.example.org"),
        (vec!["ask", "127.0.0.53:53", "mirror.example.org"], "mirror.example.org"),
        (vec!["try-name", "files.example.org"], "files.example.org"),
    ] {
        let told = place.run(user, "audit", &[], &tool);
        assert_eq!(told.force(), (None, AUDIT));
        assert_eq!(told.leaks(), [("fake-tool", wanted)], "{user:?} {tool:?}");
    }
    assert_eq!(
        place.run(user, "audit", &[], &["send", "192.0.2.7:9", "x"]).printed(),
        ["Network is unreachable (os error 101)"]
    );
    assert_eq!(place.run(user, "audit", &[], &["many", "192.0.2.7:9"]).printed(), ["sent -1"]);
}

/// A tool that tries for half a minute is ended after the grace, and what it wants is told long before.
fn a_leak_is_told_and_ended(user: User, force: &str) {
    let place = Scene::new();
    let tries = ["try-names", "files.example.org", "30"];
    let told = place.run(user, force, &["--leak-grace-ms", "1500"], &tries);
    let [(wanted, after)] = told.told()[..] else { panic!("{:?}", told.told()) };
    assert_eq!(wanted, "files.example.org");
    assert!(after < 1500, "told after {after} ms");
    assert!(told.ended_for_leak() && told.status() >= 128, "{force}: {}", told.status());
    assert_eq!(told.leaks().len(), 1);
    // One that ends by itself in time is left alone.
    let told = place.run(user, force, &["--leak-grace-ms", "20000"], &["try-name", "files.example.org"]);
    assert!(!told.ended_for_leak());
    assert_eq!(told.status(), 0);
}

/// Below a directory that it may not write to a tool can write only where that is opened again.
fn a_fence_holds(user: User) {
    let place = Scene::new();
    let closed = place.tool.replace("fake-tool", "closed");
    let open = format!("{closed}/open");
    let inner = format!("{open}/inner");
    for directory in [&closed, &open, &inner] {
        std::fs::create_dir(directory).unwrap();
        std::fs::set_permissions(directory, PermissionsExt::from_mode(0o777)).unwrap();
    }
    let read_only = format!("{closed}:{inner}:/nowhere/at/all");
    for (directory, printed) in [
        (&closed, Some("Read-only file system (os error 30)")),
        (&open, None),
        (&inner, Some("Read-only file system (os error 30)")),
    ] {
        let file = format!("{directory}/file");
        let options = ["--read-only", &read_only, "--writable", &open];
        let told = place.run(user, "wall", &options, &["write", &file]);
        assert_eq!(told.printed(), printed.into_iter().collect::<Vec<_>>(), "{user:?} {directory}");
        assert_eq!(std::path::Path::new(&file).exists(), printed.is_none(), "{user:?} {directory}");
    }
    // Nothing of it is seen elsewhere, and another tool has its own.
    std::fs::write(format!("{closed}/mine"), "x").unwrap();
    let told = place.run(user, "wall", &[], &["write", &format!("{closed}/file")]);
    assert_eq!(told.status(), 0, "{:?}", told.printed());
}

fn what_stays_on_the_machine(user: User, force: &str) {
    let place = Scene::new();
    let told = place.run(user, force, &[], &["loopback"]);
    assert_eq!((told.status(), told.printed(), told.leaks()), (0, vec!["ping"], vec![]), "{force}");
    let told = place.run(user, force, &[], &["own-name"]);
    assert_eq!((told.status(), told.leaks()), (0, vec![]), "{force}");
}

#[test]
fn io_uring_is_refused_and_noted_and_no_leak() {
    let place = Scene::new();
    let told = place.run(User::Somebody, "audit", &[], &["io-uring"]);
    assert_eq!(told.leaks(), []);
    let printed = told.printed();
    assert!(printed.contains(&refused_call("io_uring_setup").as_str()), "{printed:?}");
    assert!(printed.iter().any(|line| line.starts_with("fake-tool asked for io_uring")), "{printed:?}");
}

fn refused_call(name: &str) -> String {
    format!("{name} -1 {}", libc::ENOSYS)
}

#[test]
fn calls_that_lead_out_through_the_kernel_are_refused_and_named() {
    let place = Scene::new();
    for (tool, name, wanted) in [
        ("x32", "x32 connect", "the network by a call of x32"),
        ("key", "request_key", "the network through the kernel's keys (request_key)"),
    ] {
        if tool == "x32" && cfg!(not(target_arch = "x86_64")) {
            continue;
        }
        let told = place.run(User::Somebody, "audit", &[], &[tool]);
        assert_eq!(told.leaks(), [("fake-tool", wanted)]);
        assert_eq!(told.printed(), [refused_call(name)]);
    }
}

/// (family, type, protocol), and what is said of it. The virtual machine's host and raw packets first.
const SOCKETS: &[([i32; 3], &str)] = &[
    ([libc::AF_VSOCK, libc::SOCK_STREAM, 0], "the virtual machine's host (vsock)"),
    ([libc::AF_PACKET, libc::SOCK_DGRAM, 0], "the network by raw packets"),
    ([libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_UDP], "the network by raw packets"),
    ([libc::AF_INET, libc::SOCK_SEQPACKET, libc::IPPROTO_SCTP], "the network by protocol 132"),
    ([libc::AF_CAN, libc::SOCK_RAW, 1], "the network by a socket of family 29"),
];

fn sockets_that_lead_out(user: User, force: &str) {
    let place = Scene::new();
    for (socket, wanted) in SOCKETS {
        let [family, kind, protocol] = socket.map(|number| number.to_string());
        let told = place.run(user, force, &[], &["socket", &family, &kind, &protocol]);
        assert_eq!((told.status(), told.leaks()), (1, vec![("fake-tool", *wanted)]), "{force} {wanted}");
    }
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_NETLINK] {
        let told = place.run(user, force, &[], &["socket", &family.to_string(), "2", "0"]);
        assert_eq!((told.status(), told.leaks()), (0, vec![]), "{force} {family}");
    }
}

#[test]
fn sockets_that_lead_out_are_refused_and_named() {
    sockets_that_lead_out(User::Somebody, "audit");
}

/// The sets of a step, one line each.
fn capabilities(user: User, force: &str) -> Vec<(String, u64)> {
    let place = Scene::new();
    let told = place.run_program(user, force, &[], &["grep", "^Cap", "/proc/self/status"]);
    let sets = told.printed().into_iter().map(|line| {
        let (name, set) = line.split_once(':').unwrap();
        (name.to_owned(), u64::from_str_radix(set.trim(), 16).unwrap())
    });
    sets.collect()
}

/// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, NET_BIND_SERVICE, AUDIT_WRITE, SETFCAP.
const KEPT: u64 = 1 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 10 | 1 << 29 | 1 << 31;

fn few_capabilities_are_left(force: &str) {
    for (name, set) in capabilities(User::Root, force) {
        let wanted = if matches!(name.as_str(), "CapInh" | "CapAmb") { 0 } else { KEPT };
        assert_eq!(set, wanted, "{force} {name}: {set:x}");
    }
    let place = Scene::new();
    for program in [
        &["mount", "-t", "tmpfs", "none", "/mnt"][..],
        &["chroot", "/", "true"],
        &["mknod", "/tmp/installer-null", "c", "1", "3"],
        &["setpriv", "--reuid", SOMEBODY, "true"],
        &["ls", "/proc/1/root/"],
    ] {
        let told = place.run_program(User::Root, force, &[], program);
        assert_ne!(told.status(), 0, "{force} {program:?}");
    }
    let told = place.run_program(
        User::Root,
        force,
        &[],
        &["sh", "-ec", "f=$(mktemp); chown 12345:12345 $f; chmod 4755 $f; test -r $f; rm $f"],
    );
    assert_eq!(told.status(), 0, "what install and tar do: {:?}", told.printed());
}

#[test]
fn a_step_may_use_what_the_run_serves() {
    let place = Scene::new();
    let told = place.run(User::Somebody, "audit", &[], &["late-server"]);
    assert_eq!((told.printed(), told.leaks()), (vec!["first Some(ConnectionRefused)", "then true"], vec![]));
    let Some(own) = own_address() else { return };
    let told = place.run(User::Somebody, "audit", &[], &["serve", &own]);
    assert_eq!((told.status(), told.leaks()), (0, vec![]), "{own}");
}

#[test]
fn the_own_address_is_outside_for_the_audit() {
    let place = Scene::new();
    let Some(own) = own_address() else { return };
    let listener = std::net::TcpListener::bind((own.as_str(), 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let told = place.run(User::Somebody, "audit", &[], &["tcp", &address]);
    assert_eq!(told.leaks().len(), 1);
    assert!(told.leaks()[0].1.starts_with(&format!("{address} (")), "{:?}", told.leaks());
    drop(listener);
    let told = place.run(User::Somebody, "audit", &[], &["tcp", &address]);
    assert_eq!(told.leaks(), [("fake-tool", address.as_str())], "nobody listens");
}

/// An address of this machine other than loopback; none on a machine without a network.
fn own_address() -> Option<String> {
    let output = Command::new("hostname").arg("-I").output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().find(|word| word.parse::<std::net::Ipv4Addr>().is_ok()).map(str::to_owned)
}

#[test]
fn what_this_run_did_not_start_is_told_by_name() {
    let place = Scene::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let told = place.run(User::Somebody, "audit", &[], &["tcp", &address]);
    let leaks = told.leaks();
    assert_eq!(leaks.len(), 1, "{leaks:?}");
    assert!(leaks[0].1.starts_with(&format!("{address} (")), "{leaks:?}");
    assert!(leaks[0].1.contains("this run did not start"), "{leaks:?}");
}

#[test]
fn the_force_can_be_switched_off_and_says_so() {
    let place = Scene::new();
    let told = place.run(User::Somebody, "none", &[], &["own-name"]);
    assert_eq!(told.force(), (None, None));
    assert!(told.unseen().contains("everything: INSTALLER_OFFLINE_FORCE=none"), "{}", told.unseen());
}

#[test]
fn a_force_that_does_not_exist_is_refused() {
    let place = Scene::new();
    let output = place.command(User::Somebody, "fence", &[], &["true"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert_eq!(said, "INSTALLER_OFFLINE_FORCE is `fence`: set it to auto, wall, audit or none\n");
}

#[test]
fn the_audit_alone_refuses_and_logs_both() {
    the_audit_alone(User::Somebody);
}

#[test]
fn what_stays_on_the_machine_is_no_leak_for_the_audit() {
    what_stays_on_the_machine(User::Somebody, "audit");
}

#[test]
fn a_leak_is_told_and_ended_by_the_audit() {
    a_leak_is_told_and_ended(User::Somebody, "audit");
}

mod needs_root {
    use super::*;

    #[test]
    fn root_keeps_few_capabilities_in_the_audit() {
        few_capabilities_are_left("audit");
    }

    #[test]
    fn the_audit_alone_refuses_and_logs_both() {
        the_audit_alone(User::Root);
    }

    #[test]
    fn what_stays_on_the_machine_is_no_leak_for_the_audit() {
        what_stays_on_the_machine(User::Root, "audit");
    }

    mod needs_namespaces {
        use super::*;

        #[test]
        fn a_fence_holds_for_root() {
            a_fence_holds(User::Root);
        }

        #[test]
        fn wall_and_audit_are_used_together() {
            wall_and_audit_together(User::Root);
        }

        #[test]
        fn root_keeps_few_capabilities_in_the_wall() {
            few_capabilities_are_left("auto");
            few_capabilities_are_left("wall");
        }

        #[test]
        fn files_through_which_the_kernel_starts_programs_are_read_only() {
            let place = Scene::new();
            for file in ["/proc/sys/kernel/core_pattern", "/sys/kernel/uevent_helper", "/proc/sysrq-trigger"]
            {
                if Path::new(file).exists() {
                    let told = place.run_program(User::Root, "auto", &[], &["sh", "-c", "exec 3>>$0", file]);
                    assert!(
                        told.printed()[0].contains("Read-only file system"),
                        "{file}: {:?}",
                        told.printed()
                    );
                }
            }
        }

        #[test]
        fn sockets_that_no_namespace_holds_back_are_refused_in_the_wall() {
            sockets_that_lead_out(User::Root, "auto");
            let place = Scene::new();
            let vsock = libc::AF_VSOCK.to_string();
            let told = place.run(User::Root, "wall", &[], &["socket", &vsock, "1", "0"]);
            assert_eq!(told.printed(), ["Address family not supported by protocol (os error 97)"]);
        }

        #[test]
        fn a_daemon_outside_is_refused_in_the_wall_and_noted() {
            let place = Scene::new();
            let directory = tempfile::tempdir_in("/var/tmp").unwrap();
            let socket = directory.path().join("daemon.sock");
            let _daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            let socket = socket.to_str().unwrap();
            let connects = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])";
            let told = place.run_program(User::Root, "auto", &[], &["python3", "-c", connects, socket]);
            let printed = told.printed();
            assert_eq!((told.status(), told.leaks()), (1, vec![]), "{printed:?}");
            let note =
                format!("python3 asked the daemon at {socket}, which is refused: this run did not start it");
            assert!(printed.contains(&note.as_str()), "{printed:?}");
            let serves = "import os, socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); \
                          socket.socket(socket.AF_UNIX).connect(sys.argv[1]); os.unlink(sys.argv[1])";
            let own = format!("{socket}.own");
            let told = place.run_program(User::Root, "auto", &[], &["python3", "-c", serves, &own]);
            assert_eq!((told.status(), told.printed().len()), (0, 0), "{:?}", told.printed());
        }

        #[test]
        fn steps_stay_in_the_chroot_of_whoever_started_the_run() {
            let place = Scene::new();
            let script = "
                mount -t tmpfs none /mnt && cd /mnt
                mkdir usr proc sys dev etc tmp && touch in-the-chroot
                for name in bin lib lib64 sbin; do ln -s usr/$name $name; done
                for name in usr proc sys dev; do mount --rbind /$name $name; done
                cp \"$0\" tool && exec chroot . /tool session --offline -- ls /";
            let output = Command::new("unshare")
                .args(["--mount", "--propagation", "private", "sh", "-ec", script, &place.tool])
                .env(exec::FORCE_VARIABLE, "wall")
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let told = Told(serde_json::from_slice(&output.stdout).unwrap());
            assert!(told.printed().contains(&"in-the-chroot"), "{:?}", told.printed());
        }

        #[test]
        fn the_wall_alone_stops_addresses_and_logs_names() {
            the_wall_alone(User::Root);
        }

        #[test]
        fn what_stays_on_the_machine_is_no_leak() {
            walled(&Scene::new(), User::Root);
            what_stays_on_the_machine(User::Root, "auto");
            what_stays_on_the_machine(User::Root, "wall");
        }
    }
}

mod needs_namespaces {
    use super::*;

    #[test]
    fn a_leak_is_told_and_ended_where_only_names_are_seen() {
        walled(&Scene::new(), User::Somebody);
        a_leak_is_told_and_ended(User::Somebody, "wall");
    }

    #[test]
    fn a_fence_holds_for_another_user() {
        a_fence_holds(User::Somebody);
    }

    #[test]
    fn wall_and_audit_are_used_together() {
        wall_and_audit_together(User::Somebody);
    }

    #[test]
    fn the_wall_alone_stops_addresses_and_logs_names() {
        the_wall_alone(User::Somebody);
    }

    #[test]
    fn what_stays_on_the_machine_is_no_leak() {
        walled(&Scene::new(), User::Somebody);
        what_stays_on_the_machine(User::Somebody, "auto");
        what_stays_on_the_machine(User::Somebody, "wall");
    }

    #[test]
    fn sockets_that_no_namespace_holds_back_are_refused_in_the_wall() {
        sockets_that_lead_out(User::Somebody, "auto");
    }

    #[test]
    fn a_user_keeps_no_capability_in_the_wall() {
        for (name, set) in capabilities(User::Somebody, "auto") {
            assert_eq!(set & !if name == "CapBnd" { KEPT } else { 0 }, 0, "{name}: {set:x}");
        }
    }

    #[test]
    fn the_own_address_is_outside_in_the_wall() {
        let place = Scene::new();
        let Some(own) = own_address() else { return };
        let told = place.run(User::Somebody, "auto", &[], &["tcp", &format!("{own}:80")]);
        assert_eq!(told.leaks(), [("fake-tool", format!("{own}:80").as_str())]);
    }

    #[test]
    fn a_query_without_a_connection_is_attributed_behind_the_wall() {
        let place = Scene::new();
        walled(&place, User::Somebody);
        let told = place.run(User::Somebody, "auto", &[], &["ask", "127.0.0.1:53", "mirror.example.org"]);
        assert_eq!((told.status(), told.leaks()), (0, vec![("fake-tool", "mirror.example.org")]));
        let told = place.run(User::Somebody, "auto", &[], &["many", "192.0.2.7:9"]);
        assert_eq!(told.leaks(), [("fake-tool", "192.0.2.7:9")]);
        assert_eq!(told.printed(), ["sent 1"], "behind the wall the kernel itself decides");
    }

    #[test]
    fn children_of_one_session_share_one_loopback() {
        let place = Scene::new();
        walled(&place, User::Somebody);
        // A server that the first child leaves would be ended with it; so the namespace itself is compared.
        let told =
            place.run_program(User::Somebody, "wall", &["--repeat", "2"], &["readlink", "/proc/self/ns/net"]);
        let lines: Vec<&str> = told.printed().into_iter().filter(|line| line.starts_with("net:")).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], lines[1]);
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        assert_ne!(lines[0], own.to_str().unwrap());
    }
}
