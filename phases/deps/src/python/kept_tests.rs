use std::io::Read as _;

use testkit::FakeContext;

use super::*;

fn package(name: &str, version: &str) -> Package {
    Package { name: name.to_owned(), version: version.to_owned(), ..Package::default() }
}

fn kept(packages: &[Package]) -> Kept {
    let packages = packages.iter().map(|package| (package.name.clone(), package.clone())).collect();
    Kept { packages, interpreter: "/opt/vendor/bin/python".into() }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_stand_in_says_its_name_its_version_and_its_extras_alone() {
    let context = FakeContext::new();
    context.answer("python", 0, "cp311-cp311-manylinux_2_36_x86_64\n");
    let mut torch = package("nvidia-apex", "2.1.0+cu118");
    torch.extras = vec!["vis".to_owned()];
    torch.extra_requires = vec!["tensorboard>=2; extra == 'vis'".to_owned()];
    let into = context.path("stand-ins");
    kept(&[torch]).stand_ins(&into, Utf8Path::new("/opt/vendor/bin/python"), &context).unwrap();
    let file = into.join("nvidia_apex-2.1.0+cu118-999999999-cp311-cp311-manylinux_2_36_x86_64.whl");
    assert_eq!(
        crate::python::wheel::parse_file_name(file.file_name().unwrap()),
        Some(("nvidia-apex".to_owned(), "2.1.0+cu118".to_owned()))
    );
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&file).unwrap()).unwrap();
    let mut metadata = String::new();
    archive
        .by_name("nvidia_apex-2.1.0+cu118.dist-info/METADATA")
        .unwrap()
        .read_to_string(&mut metadata)
        .unwrap();
    assert_eq!(
        metadata,
        "Metadata-Version: 2.1\nName: nvidia-apex\nVersion: 2.1.0+cu118\nProvides-Extra: vis\nRequires-Dist: tensorboard>=2; extra == 'vis'\n"
    );
}

#[test]
fn what_stands_in_is_never_taken_for_a_wheel() {
    let wheel = |file: &str| (file.to_owned(), locked());
    let all = Wheels::from([
        wheel("torch-2.1.0-999999999-cp311-cp311-linux_x86_64.whl"),
        wheel("vision-0.16-py3-none-any.whl"),
    ]);
    let left = kept(&[]).without(all);
    assert_eq!(left.keys().collect::<Vec<_>>(), ["vision-0.16-py3-none-any.whl"]);
}

fn locked() -> model::lock::LockedWheel {
    model::lock::LockedWheel { name: "x".to_owned(), version: "1".to_owned(), sha256: Digest::of("x") }
}

#[test]
fn a_conflict_names_what_is_there_and_who_asks_for_something_else() {
    let kept = kept(&[package("torch", "2.1.0+cu118"), package("numpy", "1.26.4")]);
    let said = |text: &str| {
        let (package, asks) = kept.conflict(&lines(text))?;
        Some((package.name.clone(), asks))
    };
    // As pip 23.0.1 says it.
    let direct = "ERROR: Cannot install torch==2.4.0 because these package versions have conflicting dependencies.\n\nThe conflict is caused by:\n    The user requested torch==2.4.0\n    The user requested (constraint) torch==2.1.0+cu118\n";
    assert_eq!(said(direct), Some(("torch".to_owned(), "the case needs torch==2.4.0".to_owned())));
    let by_another = "The conflict is caused by:\n    app 1.0 depends on Torch>=2.3\n    The user requested (constraint) torch==2.1.0+cu118\n";
    assert_eq!(said(by_another), Some(("torch".to_owned(), "app 1.0 needs Torch>=2.3".to_owned())));
    // Not only the one that cannot be met stands in the list.
    let both = "    vision 0.16 depends on torch==2.1.0\n    app 1.0 depends on torch>=2.3\n    The user requested (constraint) torch==2.1.0+cu118\n";
    let asks = "vision 0.16 needs torch==2.1.0, app 1.0 needs torch>=2.3".to_owned();
    assert_eq!(said(both), Some(("torch".to_owned(), asks)));
    // A constraint of the case's own file is no conflict with what is there.
    assert_eq!(said("    The user requested (constraint) six==1.0\n"), None);
    assert_eq!(said("ERROR: No matching distribution found for torch\n"), None);
}

#[test]
fn versions_that_constrain_are_told_from_other_words() {
    for version in [
        "1",
        "2.1.0+cu118",
        "2.1.0a0+29c30b1",
        "1.14.0a0+44dac51c.nv23.01",
        "1.0.post1",
        "8.6.1.post1",
        "1!2.0",
        "1.0rc1.dev2",
        "2023.4.post1",
        "1.0-1",
        "v1.2",
        "1.0.dev0",
        "0.9.0.alpha.1",
        "1.0c",
    ] {
        assert!(version.parse::<Version>().is_ok(), "{version}");
    }
    for other in [
        "",
        "unknown",
        "1.0-ubuntu3",
        "1.0+",
        "1.0+a..b",
        "0.0.0-unknown",
        "x1",
        "1..2",
        "2.4.0.debian",
        "!1",
    ] {
        assert!(other.parse::<Version>().is_err(), "{other}");
    }
}
