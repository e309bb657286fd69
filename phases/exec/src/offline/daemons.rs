//! Unix sockets of daemons that reach the network, or start programs, on a caller's behalf.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// What a daemon does for its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// It looks up names. The C library asks it for users and groups as well and asks name servers without it, which are
    /// watched; so being refused is no leak.
    Names,
    /// It downloads, or starts programs that do.
    Programs,
}

/// Their usual places; `{user}` is the user's number.
const SOCKETS: &[(Service, &str)] = &[
    (Service::Names, "/run/avahi-daemon/socket"),
    (Service::Names, "/run/nscd/socket"),
    (Service::Names, "/var/run/nscd/socket"),
    (Service::Names, "/run/systemd/resolve/io.systemd.Resolve"),
    (Service::Names, "/run/systemd/resolve/io.systemd.Resolve.Monitor"),
    (Service::Programs, "/nix/var/nix/daemon-socket/socket"),
    (Service::Programs, "/run/buildkit/buildkitd.sock"),
    (Service::Programs, "/run/containerd/containerd.sock"),
    (Service::Programs, "/run/crio/crio.sock"),
    (Service::Programs, "/run/cups/cups.sock"),
    (Service::Programs, "/run/dbus/system_bus_socket"),
    (Service::Programs, "/run/docker.sock"),
    (Service::Programs, "/run/docker/containerd/containerd.sock"),
    (Service::Programs, "/run/docker/metrics.sock"),
    (Service::Programs, "/run/incus/unix.socket"),
    (Service::Programs, "/run/k3s/containerd/containerd.sock"),
    (Service::Programs, "/run/libvirt/libvirt-sock"),
    (Service::Programs, "/run/libvirt/virtqemud-sock"),
    (Service::Programs, "/run/lxd.socket"),
    (Service::Programs, "/run/podman/podman.sock"),
    (Service::Programs, "/run/snapd-snap.socket"),
    (Service::Programs, "/run/snapd.socket"),
    (Service::Programs, "/run/systemd/private"),
    (Service::Programs, "/run/tailscale/tailscaled.sock"),
    (Service::Programs, "/run/user/{user}/bus"),
    (Service::Programs, "/run/user/{user}/buildkit/buildkitd.sock"),
    (Service::Programs, "/run/user/{user}/containerd-rootless/api.sock"),
    (Service::Programs, "/run/user/{user}/docker.sock"),
    (Service::Programs, "/run/user/{user}/gnupg/S.dirmngr"),
    (Service::Programs, "/run/user/{user}/podman/podman.sock"),
    (Service::Programs, "/run/user/{user}/systemd/private"),
    (Service::Programs, "/var/lib/lxd/unix.socket"),
    (Service::Programs, "/var/run/dbus/system_bus_socket"),
    (Service::Programs, "/var/run/docker.sock"),
    (Service::Programs, "/var/run/docker/containerd/containerd.sock"),
    (Service::Programs, "/var/snap/lxd/common/lxd/unix.socket"),
];

/// Sockets of daemons outside that a step may use: they show windows, write logs, know users, or run the graphics card.
const HARMLESS: &[&str] = &[
    "/dev/log",
    "/run/nvidia-fabricmanager/",
    "/run/nvidia-persistenced/",
    "/run/pcscd/",
    "/run/systemd/journal/",
    "/run/systemd/userdb/",
    "/run/user/{user}/pulse/",
    "/run/user/{user}/wayland-",
    "/tmp/.ICE-unix/",
    "/tmp/.X11-unix/",
    "/tmp/nvidia-mps/",
    "/var/lib/sss/pipes/",
];

/// Whether a socket, by its path without links, is that of a daemon that steps may use.
pub(crate) fn is_harmless(socket: &Path, user: u32) -> bool {
    let socket = socket.to_string_lossy();
    HARMLESS.iter().any(|known| socket.starts_with(&known.replace("{user}", &user.to_string())))
}

/// Where this process finds a file that another one calls so.
pub(crate) fn seen(thread: i32, path: &Path) -> PathBuf {
    match path.strip_prefix("/") {
        Ok(inner) => PathBuf::from(format!("/proc/{thread}/root")).join(inner),
        Err(_) => PathBuf::from(format!("/proc/{thread}/cwd")).join(path),
    }
}

/// The sockets that exist, by their path without links, for this user.
pub(crate) fn present(user: u32) -> BTreeMap<PathBuf, Service> {
    sockets(user)
        .filter_map(|(service, path)| fs::canonicalize(path).ok().map(|target| (target, service)))
        .collect()
}

fn sockets(user: u32) -> impl Iterator<Item = (Service, String)> {
    SOCKETS.iter().map(move |(service, path)| (*service, path.replace("{user}", &user.to_string())))
}

/// Which daemon a process reaches by this path, as it sees files; none where the file does not exist.
pub(crate) fn at(thread: i32, path: &Path, user: u32) -> Option<Service> {
    let seen = seen(thread, path);
    let file = fs::metadata(&seen).ok()?;
    // A link that the caller's root does not contain is followed as this process sees it; both are looked up.
    let real = fs::canonicalize(&seen).unwrap_or_else(|_| path.to_path_buf());
    let plain = without_dots(path);
    sockets(user).find_map(|(service, known)| {
        let known = PathBuf::from(known);
        let same_file = || {
            fs::metadata(&known)
                .is_ok_and(|other| (other.dev(), other.ino()) == (file.dev(), file.ino()) && !is_mask(&other))
        };
        let same_path =
            real == known || plain == known || fs::canonicalize(&known).is_ok_and(|it| it == real);
        (same_path || same_file()).then_some(service)
    })
}

/// Whether a file is what daemons' sockets are hidden under.
fn is_mask(file: &fs::Metadata) -> bool {
    fs::metadata("/dev/null").is_ok_and(|mask| (mask.dev(), mask.ino()) == (file.dev(), file.ino()))
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_the_desktop_are_harmless() {
        assert!(is_harmless(Path::new("/run/user/7/wayland-0"), 7));
        assert!(!is_harmless(Path::new("/run/user/8/wayland-0"), 7));
        assert!(!is_harmless(Path::new("/run/docker.sock"), 7));
    }

    #[test]
    fn a_daemon_is_known_by_every_path_that_leads_to_its_socket() {
        assert_eq!(without_dots(Path::new("/run/./user/../docker.sock")), Path::new("/run/docker.sock"));
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(at(own, Path::new("/etc/passwd"), 0), None);
        assert_eq!(at(own, Path::new("/run/no-such-daemon"), 0), None);
    }
}
