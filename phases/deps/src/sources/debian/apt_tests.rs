//! What is read of apt's source files and of what apt prints.

use super::*;

fn debian() -> Os {
    Os { id: "debian".to_owned(), codename: "bookworm".to_owned(), ..Os::default() }
}

#[test]
fn deb822_sources_become_sources_of_source_packages() {
    let text = "Types: deb\n# a snapshot\nURIs: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates bookworm-backports\n\
        Components: main\nArchitectures: amd64\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n\
        Types: deb\nURIs: https://download.docker.com/linux/debian\nSuites: bookworm\nComponents: stable\nSigned-By: /etc/apt/keyrings/docker.asc\n\n\
        Types: deb\nURIs: https://other.test/debian\nSuites: bookworm\nComponents: main\nSigned-By: /etc/apt/keyrings/other.gpg\n\n\
        Types: deb deb-src\nEnabled: no\nURIs: http://deb.debian.org/debian\nSuites: bookworm\nComponents: main\n";
    assert_eq!(
        from_deb822(text, &debian()),
        "Types: deb-src\nURIs: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\
         Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
    );
}

#[test]
fn a_key_in_the_file_stays_whole() {
    let text = "Types: deb\nURIs: http://m.corp.test/mirror/debian/\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n";
    let own = from_deb822(text, &debian());
    assert!(own.contains("Signed-By: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n"), "{own}");
}

#[test]
fn one_line_sources_are_read() {
    let text = "deb http://deb.debian.org/debian bookworm main contrib # comment\n\
        deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://security.debian.org/debian-security bookworm-security main\n\
        #deb http://deb.debian.org/debian sid main\n\
        deb https://packages.cloud.google.com/apt cloud-sdk-bookworm main\n\
        deb [signed-by=/usr/share/keyrings/nodesource.gpg] https://deb.nodesource.com/node_20.x nodistro main\n\
        deb-src http://deb.debian.org/debian bookworm main contrib\n\
        deb mirror+file:///etc/apt/mirrors/debian.list bookworm-updates main\n";
    assert_eq!(
        from_one_line(text, &debian()),
        "deb-src http://deb.debian.org/debian bookworm main contrib\n\
         deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://security.debian.org/debian-security bookworm-security main\n\
         deb-src mirror+file:///etc/apt/mirrors/debian.list bookworm-updates main\n"
    );
}

#[test]
fn ubuntu_and_snapshots_are_known() {
    let ubuntu = Os {
        id: "ubuntu".to_owned(),
        id_like: vec!["debian".to_owned()],
        codename: "noble".to_owned(),
        ..Os::default()
    };
    let keys = Some("/usr/share/keyrings/ubuntu-archive-keyring.gpg");
    assert!(is_own("http://archive.ubuntu.com/ubuntu/", &["main", "universe"], keys, &ubuntu));
    assert!(is_own("http://ports.ubuntu.com/ubuntu-ports", &["main"], None, &ubuntu));
    assert!(is_own_suite("noble-security", &ubuntu) && !is_own_suite("noble-proposed", &ubuntu));
    assert!(is_own("http://snapshot.debian.org/archive/debian/20250520T000000Z", &["main"], None, &debian()));
    assert!(!is_own("http://apt.test/debian-tools-by-us", &["main"], None, &debian()));
}

#[test]
fn what_apt_would_download_is_read() {
    let output = "Reading package lists...\nNeed to get 10.3 MB of source archives.\n\
        'http://deb.debian.org/debian/pool/main/f/ffmpeg/ffmpeg_5.1.6-0%2bdeb12u1.dsc' ffmpeg_5.1.6-0+deb12u1.dsc 5114 SHA256:aa\n\
        'http://h/x.tar.xz' ../evil 1 SHA256:bb\n";
    assert_eq!(
        uris(output),
        [Offered { name: "ffmpeg_5.1.6-0+deb12u1.dsc".to_owned(), sha256: Some(Digest::from("aa")) }]
    );
}
