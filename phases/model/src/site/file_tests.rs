//! Site files as people get them wrong, and who wins.

use super::*;

fn text(name: &str, text: &str) -> SiteText {
    SiteText { name: name.to_owned(), text: text.to_owned(), directory: "/etc/installer".into() }
}

fn errors(content: &str) -> String {
    load(&[text("site.toml", content)]).expect_err("must be refused").to_string()
}

#[test]
fn unknown_keys_have_a_place_and_a_near_name() {
    insta::assert_snapshot!(errors("schema = 1\n[proxeis]\nhttp = 'http://p.example'\n[pip]\nindx = 'x'\n"));
}

#[test]
fn wrong_types_and_words() {
    insta::assert_snapshot!(errors(
        "schema = 1\nsudo = 'nevr'\n[proxies]\nno_proxy = 'localhost'\n[apt]\nmirrors = ['a']\n"
    ));
}

#[test]
fn addresses_that_no_tool_would_take() {
    insta::assert_snapshot!(errors(
        "schema = 1\n[proxies]\nhttp = 'proxy.example:3128'\n[apt.mirrors]\n'http://deb.example/debian' = 'http://m.example/a b'\n[pip]\nextra_indexes = ['https://ok.example/', 'nonsense']\n"
    ));
}

#[test]
fn formats_and_syntax() {
    insta::assert_snapshot!(errors("[proxies]\n"));
    insta::assert_snapshot!(errors("schema = 2\nfancy = true\n"));
    insta::assert_snapshot!(errors("schema = 1\n[proxies\n"));
}

#[test]
fn later_files_win_key_by_key_and_values_know_their_place() {
    let site = load(&[
        text("/etc/installer/site.toml", "schema = 1\nsudo = 'never'\n[proxies]\nhttp = 'http://a.example'\nno_proxy = ['x']\n[apt.mirrors]\n'http://one.example' = 'http://m.example/1'\n[certificates]\nauthorities = 'corp.pem'\n"),
        text("mine.toml", "schema = 1\n[proxies]\nhttp = 'http://b.example'\nno_proxy = []\n[apt.mirrors]\n'http://two.example' = 'file:/m/2'\n"),
    ])
    .unwrap();
    assert_eq!(site.file.sudo, SudoPolicy::Never);
    assert_eq!(site.file.proxies.http.as_deref(), Some("http://b.example"));
    assert!(site.file.proxies.no_proxy.is_empty());
    assert_eq!(site.file.apt.mirrors.len(), 2);
    assert_eq!(site.file.certificates.authorities.as_deref(), Some("/etc/installer/corp.pem".into()));
    let from: Vec<String> =
        site.origins.iter().map(|origin| format!("{} {}", origin.key, origin.from)).collect();
    insta::assert_snapshot!("origins", from.join("\n"));
}

#[test]
fn no_file_says_nothing() {
    let site = load(&[]).unwrap();
    assert_eq!(site.file, SiteFile::default());
    assert!(site.origins.is_empty());
}

#[test]
fn schema_and_reference_know_every_key() {
    let schema = json_schema();
    let page = reference_markdown();
    for key in ["sudo", "no_proxy", "authorities", "mirrors", "extra_indexes", "dist_server", "rewrites"] {
        assert!(schema.contains(key) && page.contains(key), "{key}");
    }
}
