//! Against an interpreter that answers by a script, with real files around it.

use std::os::unix::fs::PermissionsExt;

use engine::runner::Finished;
use model::plan::Argument;
use serde_json::json;
use testkit::FakeContext;

use super::*;

struct Fake {
    context: FakeContext,
    facts: serde_json::Value,
    packages: serde_json::Value,
}

impl Fake {
    /// A whole interpreter of version 3.11.7 with headers and library, away from where compilers look.
    fn new() -> Self {
        let context = FakeContext::new();
        let python = context.path("py/bin/python");
        let include = context.path("py/include/python3.11");
        for (path, text) in [
            (&python, ""),
            (&include.join("Python.h"), ""),
            (&include.join("patchlevel.h"), "/* 3.11 */\n#define PY_VERSION      \t\"3.11.7\"\n"),
        ] {
            files::atomic_write(path, text.as_bytes()).unwrap();
        }
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let facts = json!({
            "executable": python, "implementation": "cpython", "version": "3.11.7",
            "prefix": context.path("py"), "site": context.path("py/site"), "is_virtual": false,
            "externally_managed": false, "paths": [context.path("py/site")], "include": include,
            "library": context.path("py/lib/libpython3.11.so"), "libraries": context.path("py/lib"),
        });
        Self { context, facts, packages: json!([]) }
    }

    fn has(&mut self, name: &str, version: &str) {
        let location = self.context.path(format!("py/site/{name}-{version}.dist-info"));
        let package = json!({"name": name, "version": version, "location": location});
        self.packages.as_array_mut().unwrap().push(package);
    }

    fn required(&self, environment: PythonEnvironment) -> RequiredPython {
        RequiredPython {
            interpreter: self.context.path("py/bin/python").into_string(),
            environment,
            case: "mine".to_owned(),
            break_system_packages: false,
            installs: true,
            compiles: true,
            packages: None,
        }
    }

    fn look(&self, required: &RequiredPython) -> Observation {
        let (facts, packages) = (self.facts.to_string(), self.packages.to_string());
        self.context.on(move |command| {
            let Some(Argument::Literal(code)) = command.args.last() else { return None };
            let stdout = if code.contains("distributions") { packages.clone() } else { facts.clone() };
            Some(Ok(Finished { stdout, ..Finished::default() }))
        });
        observe(required, &self.context).unwrap()
    }

    fn findings(&self, environment: PythonEnvironment) -> String {
        let seen = self.look(&self.required(environment));
        seen.findings.iter().map(|finding| format!("{} → {}\n", finding.what, finding.cure)).collect()
    }
}

#[test]
fn a_whole_interpreter_is_found_and_named() {
    let fake = Fake::new();
    let seen = fake.look(&fake.required(PythonEnvironment::Venv));
    assert!(seen.holds(), "{:?}", seen.findings);
    assert_eq!(seen.found["interpreter"], format!("cpython 3.11.7 ({})", fake.context.path("py/bin/python")));
}

#[test]
fn headers_and_library_are_missed_by_name() {
    let mut fake = Fake::new();
    fake.facts["library"] = json!(null);
    std::fs::remove_file(fake.context.path("py/include/python3.11/Python.h")).unwrap();
    let told = fake.findings(PythonEnvironment::Venv);
    assert!(told.contains("has no headers:") && told.contains("no library libpython3.11"), "{told}");
    assert!(told.contains("pyenv"), "the cure of an interpreter that no distribution brings: {told}");

    let mut debian = Fake::new();
    debian.facts["include"] = json!("/usr/include/python3.99");
    let told = debian.findings(PythonEnvironment::Venv);
    assert!(told.contains("/usr/include/python3.99/Python.h does not exist"), "{told}");
    assert!(told.contains("apt-get install python3.11-dev"), "{told}");
}

#[test]
fn headers_of_another_version_do_not_fit() {
    let mut fake = Fake::new();
    fake.facts["version"] = json!("3.11.2");
    let told = fake.findings(PythonEnvironment::Venv);
    assert!(told.contains("is Python 3.11.2, but the headers") && told.contains("are of 3.11.7"), "{told}");
}

#[test]
fn what_a_distribution_manages_is_left_alone_unless_the_case_says_so() {
    let mut fake = Fake::new();
    fake.facts["externally_managed"] = json!(true);
    for environment in [PythonEnvironment::Venv, PythonEnvironment::VenvSystemSite] {
        assert_eq!(fake.findings(environment), "");
    }
    let told = fake.findings(PythonEnvironment::Existing);
    assert!(told.contains("PEP 668") && told.contains("venv-system-site"), "{told}");
    let agreed = RequiredPython { break_system_packages: true, ..fake.required(PythonEnvironment::Existing) };
    assert!(fake.look(&agreed).holds());
}

#[test]
fn an_environment_on_an_environment_would_not_see_it() {
    let mut fake = Fake::new();
    fake.facts["is_virtual"] = json!(true);
    assert!(fake.findings(PythonEnvironment::VenvSystemSite).contains("environment = \"existing\""));
    assert_eq!(fake.findings(PythonEnvironment::Existing), "");
}

/// NumPy's header, which is looked for in less than a second and not missed after half an hour.
#[test]
fn numpy_is_seen_wherever_it_is_with_its_header_or_without() {
    let what = "numpy/ndarrayobject.h";
    let looked = |fake: &Fake| {
        let packages = [("numpy".to_owned(), what.to_owned())].into();
        let lock = fake.context.path("requirements.lock");
        let packages = Some(RequiredWheels { lock, packages });
        fake.look(&RequiredPython { packages, ..fake.required(PythonEnvironment::Existing) })
    };
    let fake = Fake::new();
    assert!(looked(&fake).findings[0].what.contains("has no numpy"), "nowhere");
    files::atomic_write(&fake.context.path("requirements.lock"), b"numpy==2.1.3 \\\n    --hash=sha256:00\n")
        .unwrap();
    assert!(looked(&fake).holds(), "among the wheels");

    let mut fake = Fake::new();
    fake.has("numpy", "1.26.4");
    let told = looked(&fake).findings.remove(0);
    assert!(told.what.contains("numpy 1.26.4") && told.what.contains("has no numpy/"), "{told:?}");
    for place in ["core", "_core"] {
        let mut fake = Fake::new();
        fake.has("numpy", "1.26.4");
        files::atomic_write(&fake.context.path(format!("py/site/numpy/{place}/include/{what}")), b"")
            .unwrap();
        let seen = looked(&fake);
        assert!(seen.holds(), "{place}: {:?}", seen.findings);
        assert!(seen.found["numpy"].contains("1.26.4"));
    }
}

/// A package that is imported and not compiled against has no headers.
#[test]
fn a_module_is_seen_by_its_own_file() {
    let mut fake = Fake::new();
    fake.has("jinja2", "3.1.6");
    let lock = fake.context.path("requirements.lock");
    let packages = [("jinja2".to_owned(), "__init__.py".to_owned())].into();
    let required = RequiredPython {
        packages: Some(RequiredWheels { lock, packages }),
        ..fake.required(PythonEnvironment::Existing)
    };
    assert!(fake.look(&required).findings[0].what.contains("has no __init__.py"));
    files::atomic_write(&fake.context.path("py/site/jinja2/__init__.py"), b"").unwrap();
    assert!(fake.look(&required).holds());
}

#[test]
fn what_the_interpreter_has_is_part_of_what_was_found_and_what_the_case_brought_is_not() {
    let mut one = Fake::new();
    one.has("torch", "2.1.0");
    let mut two = Fake::new();
    two.has("torch", "2.2.0");
    // The directories differ from one fake to the next; only the list counts here.
    let list = |fake: &Fake| {
        let seen = fake.look(&fake.required(PythonEnvironment::Existing));
        seen.found.iter().find(|(name, _)| name.starts_with("packages of")).unwrap().1.clone()
    };
    assert_ne!(list(&one), list(&two));
    let before = list(&one);

    let mut more = Fake::new();
    more.has("torch", "2.1.0");
    more.has("six", "1.16");
    assert_ne!(list(&more), before);
    let manifest = model::manifest::Manifest {
        schema: model::manifest::MANIFEST_SCHEMA,
        component: "python-mine".into(),
        checkout: None,
        editable: false,
        case: "mine".to_owned(),
        state: None,
        version: None,
        needs: Vec::new(),
        prefix: more.context.path("py"),
        roots: Vec::new(),
        files: [(
            "site/six-1.16.dist-info/METADATA".into(),
            model::manifest::Entry::Link { target: String::new() },
        )]
        .into(),
    };
    engine::manifest::write(&manifest).unwrap();
    assert_eq!(list(&more), before, "six is the case's own");
}
