use std::collections::BTreeSet;

use super::*;
use crate::case::ComputeCapability;

fn options(pairs: &[(&str, OptionValue)]) -> Options {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn on(names: &[&str]) -> Options {
    names.iter().map(|name| ((*name).to_owned(), OptionValue::Switch(true))).collect()
}

fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.to_owned())
}

fn row(name: &str) -> &'static Accelerator {
    table().accelerator.iter().find(|row| row.name == name).unwrap()
}

fn said(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn root(
    name: &str,
    options: &Options,
    case: &[(&str, &str)],
    process: &[(&str, &str)],
) -> Option<(String, Option<String>)> {
    let (component, case, process) = (BTreeMap::new(), said(case), said(process));
    let variables = Variables { component: &component, case: &case, process: &process };
    row(name).root(options, &variables).map(|root| (root.path.into_string(), root.named_by))
}

#[test]
fn the_rows_are_the_ones_that_users_know_and_hold_together() {
    let names: Vec<&str> = table().accelerator.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "cpu",
            "nvidia",
            "metax",
            "ascend",
            "cambricon",
            "moore",
            "iluvatar",
            "kunlun",
            "hygon",
            "ali",
            "qy"
        ]
    );
    let options: BTreeSet<&str> = table().accelerator.iter().map(|row| row.option.as_str()).collect();
    assert_eq!(options.len(), names.len(), "two rows have one option");
    for row in &table().accelerator {
        assert!(row.source.contains("xmake"), "{}: nothing says where this is from", row.name);
        assert_eq!(row.kernels.is_none(), row.name == "cpu", "{}", row.name);
        for need in &row.system {
            assert!(crate::catalog::entries().contains_key(need), "{}: {need}", row.name);
        }
        let held = row.sdk.iter().flat_map(|sdk| &sdk.holds);
        assert!(held.flat_map(|held| &held.any).all(|path| !path.starts_with('/')), "{}", row.name);
        if let Some(architecture) = &row.architecture {
            let asks = architecture.asks_device;
            assert_eq!(asks, architecture.default.is_none(), "{}: what counts without one?", row.name);
            assert!(!asks || architecture.example.is_some(), "{}: no example for the message", row.name);
        }
    }
}

#[test]
fn switches_are_read_in_the_spellings_of_xmake() {
    for value in [OptionValue::Switch(true), text("y"), text("yes"), text("True"), OptionValue::Number(1)] {
        assert!(row("nvidia").is_on(&options(&[("nv-gpu", value.clone())])), "{value:?}");
    }
    for value in [OptionValue::Switch(false), text("n"), text("no"), text(""), OptionValue::Number(0)] {
        assert!(!row("nvidia").is_on(&options(&[("nv-gpu", value.clone())])), "{value:?}");
    }
    assert!(row("cpu").is_on(&Options::new()), "on by default");
    assert!(!row("cpu").is_on(&options(&[("cpu", text("n"))])));
}

#[test]
fn the_case_names_an_sdk_before_the_process_and_that_before_custom() {
    let none = on(&["moore-gpu"]);
    let named = |path: &str, name: &str| Some((path.to_owned(), Some(name.to_owned())));
    assert_eq!(root("moore", &none, &[], &[]), Some(("/usr/local/musa".to_owned(), None)));
    assert_eq!(root("moore", &none, &[], &[("MUSA_HOME", "/p")]), named("/p", "MUSA_HOME"));
    assert_eq!(
        root("moore", &none, &[("MUSA_PATH", "/c")], &[("MUSA_ROOT", "/p")]),
        named("/c", "MUSA_PATH")
    );
    assert_eq!(root("moore", &none, &[("MUSA_ROOT", "")], &[]), Some(("/usr/local/musa".to_owned(), None)));
    assert_eq!(root("kunlun", &on(&["kunlun-xpu"]), &[], &[]), None, "nobody says where it is");
    assert_eq!(root("cpu", &Options::new(), &[], &[]), None);
}

#[test]
fn an_option_chooses_between_two_sdks_of_one_vendor() {
    let (hpcc, maca) = (on(&["metax-gpu"]), on(&["metax-gpu", "use-mc"]));
    assert_eq!(root("metax", &hpcc, &[], &[]).unwrap().0, "/opt/hpcc");
    assert_eq!(root("metax", &maca, &[], &[]).unwrap().0, "/opt/maca");
    let nothing = BTreeMap::new();
    let variables = Variables { component: &nothing, case: &nothing, process: &nothing };
    let held = |options: &Options| row("metax").holds(options, &variables).concat();
    assert_eq!(held(&hpcc), ["include", "htgpu_llvm/bin/htcc"]);
    assert_eq!(held(&maca), ["include", "mxgpu_llvm/bin/mxcc"]);
}

#[test]
fn a_variable_that_names_a_part_makes_its_look_needless() {
    let (nothing, named) = (BTreeMap::new(), said(&[("HYGON_CUDA_HOME", "/x")]));
    let held = |process: &BTreeMap<String, String>| {
        let variables = Variables { component: &nothing, case: &nothing, process };
        row("hygon").holds(&on(&["hygon-dcu"]), &variables).len()
    };
    assert_eq!((held(&nothing), held(&named)), (1, 0));
}

#[test]
fn every_variable_of_an_sdk_names_the_same_directory_unless_the_case_says_otherwise() {
    let options = on(&["ascend-npu"]);
    let (component, case, process) = (
        BTreeMap::new(),
        said(&[("ASCEND_HOME", "/cann")]),
        said(&[("ASCEND_TOOLKIT_HOME", "/other"), ("SOC_VERSION", "Ascend910B4"), ("SECRET", "x")]),
    );
    let variables = Variables { component: &component, case: &case, process: &process };
    assert_eq!(
        row("ascend").environment(&options, &variables),
        said(&[("ASCEND_HOME", "/cann"), ("ASCEND_TOOLKIT_HOME", "/cann"), ("SOC_VERSION", "Ascend910B4")])
    );
    let both = said(&[("ASCEND_HOME", "/a"), ("ASCEND_TOOLKIT_HOME", "/b")]);
    let variables = Variables { case: &both, ..variables };
    assert_eq!(row("ascend").environment(&options, &variables).get("ASCEND_TOOLKIT_HOME").unwrap(), "/b");
}

#[test]
fn headers_for_torch_are_found_only_where_torch_is_used() {
    let nothing = BTreeMap::new();
    let variables = Variables { component: &nothing, case: &nothing, process: &nothing };
    let cpath = |names: &[&str]| row("metax").environment(&on(names), &variables).remove("CPATH");
    assert_eq!(cpath(&["metax-gpu"]), None);
    let found = cpath(&["metax-gpu", "use-mc", "aten"]).unwrap();
    assert!(found.starts_with("/opt/maca/tools/cu-bridge/include:/opt/maca/include/hcr:"), "{found}");
}

#[test]
fn only_variables_of_the_table_are_passed_on() {
    let all = said(&[("MACA_PATH", "/m"), ("NCCL_ROOT", ""), ("PATH", "/bin"), ("HYGON_CUDA_HOME", "/h")]);
    assert_eq!(passed_on(&all), said(&[("HYGON_CUDA_HOME", "/h"), ("MACA_PATH", "/m")]));
}

#[test]
fn accelerators_with_the_same_kernels_exclude_each_other() {
    let pairs = |options: &Options| -> Vec<(String, String, bool)> {
        let found = conflicts(options).into_iter();
        found.map(|one| (one.one.name.clone(), one.other.name.clone(), one.kernels.is_some())).collect()
    };
    assert_eq!(pairs(&on(&["cpu", "nv-gpu"])), []);
    assert_eq!(pairs(&on(&["nv-gpu", "iluvatar-gpu"])), [("nvidia".to_owned(), "iluvatar".to_owned(), true)]);
    assert_eq!(pairs(&on(&["metax-gpu", "ascend-npu"])), [("metax".to_owned(), "ascend".to_owned(), false)]);
    assert_eq!(pairs(&on(&["nv-gpu", "ali-ppu", "qy-gpu"])).len(), 3);
}

#[test]
fn architectures_of_nvidia_are_written_as_the_project_takes_them() {
    let settled = |value: OptionValue| {
        let mut options = on(&["nv-gpu"]);
        options.insert("cuda_arch".to_owned(), value);
        settle(&mut options, &[]).map(|warnings| {
            assert!(warnings.is_empty());
            match &options["cuda_arch"] {
                OptionValue::Text(text) => text.clone(),
                other => panic!("{other:?}"),
            }
        })
    };
    for value in [text("86"), text("8.6"), text("sm_86"), OptionValue::Number(86)] {
        assert_eq!(settled(value).unwrap(), "sm_86");
    }
    assert_eq!(settled(text("80;8.6, sm_86")).unwrap(), "sm_80,sm_86");
    assert_eq!(settled(OptionValue::List(vec!["9.0a".into(), "75".into()])).unwrap(), "sm_90a,sm_75");
    let wrong = settled(text("ampere")).unwrap_err();
    assert_eq!((wrong.option.as_str(), wrong.example.as_str()), ("cuda_arch", "sm_86"));
}

#[test]
fn what_is_said_of_cuda_is_said_of_nvidia_alone() {
    let capabilities = [ComputeCapability::parse("8.9").unwrap()];
    let mut nvidia = on(&["nv-gpu"]);
    settle(&mut nvidia, &capabilities).unwrap();
    assert_eq!(nvidia.get("cuda_arch"), Some(&text("sm_89")));
    let mut ali = on(&["ali-ppu"]);
    settle(&mut ali, &capabilities).unwrap();
    assert_eq!(ali.get("cuda_arch"), None);
    let mut off = Options::new();
    settle(&mut off, &capabilities).unwrap();
    assert_eq!(off, Options::new(), "no accelerator, no architecture");
}

#[test]
fn a_name_that_the_project_does_not_know_is_a_warning() {
    let mut known = options(&[("hygon-dcu", OptionValue::Switch(true)), ("hygon-arch", text("gfx906"))]);
    assert_eq!(settle(&mut known, &[]).unwrap(), Vec::<String>::new());
    let mut unknown = options(&[("hygon-dcu", OptionValue::Switch(true)), ("hygon-arch", text("gfx999"))]);
    let warnings = settle(&mut unknown, &[]).unwrap();
    assert!(warnings[0].contains("`gfx999`") && warnings[0].contains("gfx906, gfx936"), "{warnings:?}");
}

#[test]
fn the_page_tells_of_every_row() {
    let page = markdown();
    for row in &table().accelerator {
        assert!(page.contains(&format!("\n## {}\n", row.name)), "{}", row.name);
        assert!(page.contains(&format!("`{}`", row.option)), "{}", row.name);
    }
    insta::assert_snapshot!(
        page.lines().skip_while(|line| *line != "## metax").take(14).collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn every_row_has_a_fragment_that_switches_it_on_and_nothing_else() {
    for row in &table().accelerator {
        let path = format!("{}/../../cases/{}/case.toml", env!("CARGO_MANIFEST_DIR"), row.fragment());
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let fragment: crate::case::Case =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(fragment.metadata.fragment && crate::case::is_fragment(&text), "{path}");
        assert!(text.contains(&format!("\"{}\"]", row.fragment())), "{path} does not say how it is used");
        let (name, component) = fragment.components.first().unwrap();
        assert!(concerns(name.as_str(), component), "{path}");
        let named: Vec<&str> = component.options.keys().map(String::as_str).collect();
        assert_eq!(named, [row.option.as_str()], "{path}");
        assert!(row.is_on(&component.options), "{path}");
    }
}
