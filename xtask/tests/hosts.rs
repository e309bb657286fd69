//! Hosts without apt: dnf and zypper as Debian packages them, in containers, with a repository of small packages that
//! rpmbuild makes there. And the names that the catalog has for Debian, against its index.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "common/container.rs"]
mod container_of_root;

use container_of_root::{Container, container};

/// A tool that needs a library, recommends something, and takes its time when it is told to.
const SPEC: &str = r"Name: installer-test-tool
Version: %{version_of_test}
Release: 1
Summary: A tool
License: none
BuildArch: noarch
Requires: installer-test-library
Recommends: installer-test-recommended
%description
A tool.
%install
mkdir -p %{buildroot}/usr/bin
printf '#!/bin/sh\necho tool %{version_of_test}\n' > %{buildroot}/usr/bin/installer-test-tool
%files
%attr(755,root,root) /usr/bin/installer-test-tool
%package -n installer-test-library
Summary: What the tool needs
%description -n installer-test-library
A library.
%files -n installer-test-library
%package -n installer-test-recommended
Summary: What nobody asked for
%description -n installer-test-recommended
Too much.
%files -n installer-test-recommended
%package -n installer-test-slow
Summary: Takes its time
Provides: /bin/sh
%description -n installer-test-slow
Slow.
%post -n installer-test-slow
echo begun > /root/slow-has-begun
sleep 4
echo whole > /root/slow-is-whole
%files -n installer-test-slow
";

/// `{manager}` names the packages; the component is stale when the tool's package is another.
const CASE: &str = r#"schema = 1
[metadata]
name = "NAME"
[system_packages]
dnf = ["PACKAGE"]
zypper = ["PACKAGE"]
[sources.app]
kind = "path"
path = "app"
[components.app]
driver = "command"
system = ["dnf:PACKAGE", "zypper:PACKAGE"]
[components.app.commands]
compile = [["true"]]
install = [["install", "-D", "{source}/app", "{destdir}{prefix}/bin/app"]]
"#;

/// Debian's rpm keeps its database in the home directory, and nothing in it: libsolv refuses an empty one.
const PREPARE: &str = r"set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io dnf zypper rpm createrepo-c > /dev/null 2>&1
mkdir -p /etc/rpm /etc/yum.repos.d /etc/zypp/repos.d /root/work
echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros
printf '[local]\nname=local\nbaseurl=file:///root/repository\nenabled=1\ngpgcheck=0\n' > /etc/yum.repos.d/local.repo
cp /etc/yum.repos.d/local.repo /etc/zypp/repos.d/
chmod 755 /root
cp -r /mnt/test/. /root/work
";

const MAKE: &str = r#"cd /root/work && rpmbuild -bb --quiet --define "_topdir /root/build" --define "_rpmdir /root/repository" --define "version_of_test VERSION" tool.spec 2> /tmp/rpmbuild.log && createrepo_c -q /root/repository"#;

struct Host<'a> {
    container: &'a Container,
    manager: &'a str,
}

impl Host<'_> {
    fn installer(&self, words: &str) -> (i32, String) {
        let flags = format!("--package-manager {} --progress plain -y", self.manager);
        self.container.run(&format!("cd /root/work && timeout 200 installer {words} {flags}"))
    }

    fn succeed(&self, words: &str) -> String {
        let (code, text) = self.installer(words);
        assert_eq!(code, 0, "{}: `{words}`:\n{text}", self.manager);
        text
    }

    fn make(&self, version: &str) {
        self.container.succeed(&MAKE.replace("VERSION", version));
    }

    fn installed(&self) -> String {
        self.container.succeed("rpm -qa | sort")
    }

    /// Nothing of an earlier test but what libsolv wants.
    fn clean(&self) {
        self.container.succeed(
            "rm -rf /root/repository /var/cache/dnf /var/cache/zypp /var/lib/installer /var/cache/installer \
             /opt/installer /usr/local/share/installer /usr/local/bin/app /root/slow-is-whole; rpm -e $(rpm -qa) > /dev/null 2>&1; rpm --initdb",
        );
        self.make("1.0");
        self.container
            .run("rpm -i --nodeps --noscripts --justdb /root/repository/noarch/installer-test-slow-1.0-1.noarch.rpm");
    }

    fn brings_packages_once(&self) {
        self.clean();
        let plan = self.succeed("plan deps --case tool.toml");
        assert!(plan.contains(&format!("{} installs: installer-test-tool", self.manager)), "{plan}");
        assert!(!self.installed().contains("installer-test-tool"), "a plan installs nothing");
        let first = self.succeed("deps --case tool.toml");
        assert!(first.contains("[deps/packages] done"), "{first}");
        let installed = self.installed();
        assert!(installed.contains("installer-test-tool-1.0-1.noarch"), "{installed}");
        assert!(installed.contains("installer-test-library"), "{installed}");
        assert!(!installed.contains("recommended"), "weak dependencies came along: {installed}");
        let second = self.succeed("all --case tool.toml");
        assert!(
            !second.contains("[deps/packages]") && second.contains("[build/app/commit] done"),
            "{second}"
        );
        let third = self.succeed("all --case tool.toml");
        assert!(!third.contains("[build/"), "{third}");
    }

    /// What was built against a package is stale when the package is another.
    fn notices_an_upgrade(&self) {
        self.make("2.0");
        self.container.succeed("rpm -U /root/repository/noarch/installer-test-tool-2.0-1.noarch.rpm");
        let plan = self.succeed("plan --case tool.toml");
        let stale = plan.lines().any(|line| line.contains("will run") && line.contains("build/app/"));
        assert!(stale, "{plan}");
    }

    fn names_what_nobody_has(&self) {
        let (code, text) = self.installer("deps --case typo.toml");
        assert_eq!(code, 5, "{text}");
        assert!(text.contains("does not know installer-test-tol") && text.contains("is needed by"), "{text}");
        assert!(text.contains(&format!("{} search", self.manager)), "no way out: {text}");
    }

    /// A dead repository that is not needed is told and fails nothing; a mirror of the site stands for it.
    fn goes_on_without_a_dead_repository(&self) {
        self.container.succeed(
            "for at in yum.repos.d zypp/repos.d; do printf '[dead]\\nname=dead\\nbaseurl=http://127.0.0.1:9/x\\nenabled=1\\nautorefresh=1\\ngpgcheck=0\\n' > /etc/$at/dead.repo; done; \
             rpm -e installer-test-tool; rm -rf /var/cache/dnf /var/cache/zypp",
        );
        let text = self.succeed("deps --case tool.toml");
        assert!(text.contains("dead") && self.installed().contains("installer-test-tool"), "{text}");
        self.container.succeed(
            "rm /etc/yum.repos.d/dead.repo /etc/zypp/repos.d/dead.repo; rpm -e installer-test-tool; \
             rm -rf /var/cache/dnf /var/cache/zypp; mv /root/repository /root/mirror",
        );
        let before = self.container.succeed("cat /etc/yum.repos.d/* /etc/zypp/repos.d/*");
        let text = self.succeed("deps --case tool.toml --site site.toml");
        assert!(self.installed().contains("installer-test-tool"), "{text}");
        assert_eq!(self.container.succeed("cat /etc/yum.repos.d/* /etc/zypp/repos.d/*"), before);
        self.container.succeed("mv /root/mirror /root/repository");
    }

    /// Ctrl-C in the middle of a transaction: it ends whole, and then the run.
    fn lets_a_transaction_end(&self) {
        self.container.succeed("rpm -e --noscripts installer-test-slow; rm -f /root/slow-*");
        let text = self.container.succeed(&format!(
            "cd /root/work; installer deps --case slow.toml --package-manager {} --progress plain -y > out 2>&1 & run=$!; \
             for _ in $(seq 300); do [ -e /root/slow-has-begun ] && break; sleep 0.1; done; \
             kill -INT $run; wait $run; echo \"ended with $?\"; cat out",
            self.manager
        ));
        assert!(text.contains("ended with 130"), "{text}");
        assert!(self.installed().contains("installer-test-slow"), "{text}");
        assert_eq!(self.container.run("cat /root/slow-is-whole").1, "whole\n", "{text}");
        let again = self.succeed("deps --case slow.toml");
        assert!(again.contains("nothing to do"), "{again}");
    }
}

fn files(directory: &std::path::Path) {
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    write("tool.spec", SPEC);
    for (name, package) in
        [("tool", "installer-test-tool"), ("typo", "installer-test-tol"), ("slow", "installer-test-slow")]
    {
        write(&format!("{name}.toml"), &CASE.replace("NAME", name).replace("PACKAGE", package));
    }
    write(
        "site.toml",
        "schema = 1\n[packages.mirrors]\n\"file:///root/repository\" = \"file:///root/mirror\"\n",
    );
    std::fs::create_dir(directory.join("app")).unwrap();
    write("app/app", "#!/bin/sh\n");
}

/// `managers`: those that are tried, and whether it is by Ctrl-C as well. Debian 13's rpm ran the slow scriptlet of the
/// test in no time, so that there was nothing to interrupt.
fn other_managers_bring_packages(suite: &str, managers: &[(&'static str, bool)]) {
    let directory = tempfile::tempdir().unwrap();
    files(directory.path());
    let container = container(suite, "none", directory.path());
    container.succeed(PREPARE);
    for (manager, interrupted) in managers {
        let host = Host { container: &container, manager };
        host.brings_packages_once();
        host.notices_an_upgrade();
        host.names_what_nobody_has();
        host.goes_on_without_a_dead_repository();
        if *interrupted {
            host.lets_a_transaction_end();
        }
    }
    // dnf mends what an interrupted transaction left: one package in two versions.
    let host = Host { container: &container, manager: "dnf" };
    host.clean();
    host.succeed("deps --case tool.toml");
    host.make("2.0");
    container.succeed(
        "cd /root/repository/noarch; rpm -i --force --nodeps --justdb installer-test-tool-2.0-1.noarch.rpm; \
         rpm -e --nodeps installer-test-library",
    );
    let repaired = host.succeed("deps --case typo.toml --set 'system_packages.dnf=[\"installer-test-recommended\"]' --set 'components.app.system=[]'");
    assert!(repaired.contains("an earlier run of dnf was interrupted"), "{repaired}");
    assert!(!host.installed().contains("installer-test-tool-1.0"), "{}", host.installed());
}

/// Rows whose package came to Debian after its release 12.
const NOT_IN_BOOKWORM: &[&str] = &["xmake"];

fn the_catalog_names_packages_of(suite: &str) {
    let directory = tempfile::tempdir().unwrap();
    let container = container(suite, "none", directory.path());
    container.succeed("apt-get update -qq");
    let names: std::collections::BTreeSet<&String> = model::catalog::entries()
        .iter()
        .filter(|(row, _)| suite != "bookworm" || !NOT_IN_BOOKWORM.contains(&row.as_str()))
        .filter_map(|(_, entry)| entry.packages.get("apt"))
        .flatten()
        .collect();
    assert!(names.len() > 20, "{names:?}");
    let known = container.succeed("apt-cache pkgnames");
    let known: std::collections::BTreeSet<&str> = known.lines().collect();
    let unknown: Vec<_> = names.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "the catalog names what {suite} does not have: {unknown:?}");
    // `pkgnames` has names that are only depended on as well; a version tells those that are there.
    let all = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ");
    let shown =
        container.succeed(&format!("apt-cache madison {all} | cut -d '|' -f 1 | tr -d ' ' | sort -u"));
    let shown: std::collections::BTreeSet<&str> = shown.lines().collect();
    let virtual_alone: Vec<_> = names.iter().filter(|name| !shown.contains(name.as_str())).collect();
    assert!(virtual_alone.is_empty(), "{suite} has no version of {virtual_alone:?}");
}

mod needs_docker {
    use super::*;

    #[test]
    fn dnf_and_zypper_of_debian_12_bring_packages() {
        other_managers_bring_packages("bookworm", &[("dnf", true), ("zypper", true)]);
    }

    #[test]
    fn dnf_of_debian_13_brings_packages() {
        other_managers_bring_packages("trixie", &[("dnf", false)]);
    }

    #[test]
    fn the_catalog_names_packages_of_debian_12() {
        the_catalog_names_packages_of("bookworm");
    }

    #[test]
    fn the_catalog_names_packages_of_debian_13() {
        the_catalog_names_packages_of("trixie");
    }
}
