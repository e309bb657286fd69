use super::*;
use crate::case::ComputeCapability;
use crate::case::{CaseFile, Format, Overrides, load};
use crate::catalog::version_at_least;
use crate::target::{Os, Tool};

fn case(text: &str) -> Case {
    let file = CaseFile {
        name: "case.toml".to_owned(),
        text: format!("schema = 1\nmetadata = {{ name = 'x' }}\n{text}"),
        format: Format::Toml,
        directory: None,
        artifacts: None,
    };
    let known = crate::case::Recipes::from_iter([("opencv".to_owned(), Default::default())]);
    load(file, &mut |_, _| Err(String::new()), &Overrides::default(), &known).unwrap().case
}

fn debian_12() -> Target {
    let os = Os { id: "debian".to_owned(), version: "12".to_owned(), ..Os::default() };
    Target { os, ..Target::default() }
}

/// Each finding as `verdict key: message (help)`.
fn found_on(text: &str, requirements: &[&str], target: &Target) -> String {
    let case = case(text);
    let requirements: Vec<String> = requirements.iter().map(|line| (*line).to_owned()).collect();
    let facts = SourceFacts::new();
    let stack = Stack { case: &case, requirements: &requirements, facts: &facts, target };
    let lines: Vec<String> = check(&stack)
        .into_iter()
        .map(|finding| {
            format!("{:?} {}: {} ({})", finding.verdict, finding.key, finding.message, finding.help)
        })
        .collect();
    lines.join("\n")
}

fn found(text: &str) -> String {
    found_on(text, &[], &debian_12())
}

#[test]
fn the_table_decodes_and_is_in_order() {
    let table = table();
    let froms: Vec<&str> = table.toolkit.iter().map(|row| row.from.as_str()).collect();
    assert!(froms.windows(2).all(|pair| !version_at_least(pair[0], pair[1])), "{froms:?}");
    for row in &table.pytorch {
        assert!(version_at_least(&row.python.1, &row.python.0), "{row:?}");
        assert!(!row.cuda.is_empty() && !row.source.is_empty(), "{row:?}");
    }
    for row in &table.toolkit {
        let parsed = row.architectures.iter().map(|text| ComputeCapability::parse(text).unwrap());
        assert!(parsed.clone().zip(parsed.skip(1)).all(|(one, other)| one < other), "{row:?}");
    }
    assert_eq!(super::super::cargo_for_lock(2), None);
    assert_eq!(super::super::cargo_for_lock(3), Some("1.53"));
    assert_eq!(super::super::cargo_for_lock(5), Some("1.78"));
}

#[test]
fn a_stack_that_goes_together_has_no_findings() {
    let text = "python = { packages = ['numpy==1.26.4'] }\n\
                cuda = { version = '11.8', arch = 86 }\n\
                tensorrt = { version = '8.6.1.post1' }\n\
                [pytorch]\ntorch_version = '2.1.0+cu118'\ntorchvision_version = '0.16.0'\ntorchaudio_version = '2.1.0'\n\
                index_url = 'https://torch.example/whl/cu118'\n";
    assert_eq!(found(text), "");
}

#[test]
fn an_image_and_an_index_say_which_cuda_it_is() {
    for (image, cuda) in [
        ("nvidia/cuda:11.8.0-devel-ubuntu22.04", Some("11.8")),
        ("registry.example:5000/nvidia/cuda:12.1.1-cudnn8-devel@sha256:00", Some("12.1")),
        ("pytorch/pytorch:2.1.2-cuda11.8-cudnn8-devel", Some("11.8")),
        ("mine/torch:2.1-cuda-12.4", Some("12.4")),
        ("mine/torch:2.1-cu118", Some("11.8")),
        ("debian:12", None),
        ("nvcr.example/nvidia/pytorch:23.10-py3", None),
        ("nvidia/cuda", None),
        ("", None),
    ] {
        assert_eq!(cuda::of_image(image).as_deref(), cuda, "{image}");
    }
    let image = "base_image = 'nvidia/cuda:11.8.0-devel-ubuntu22.04'\n";
    let index = "pytorch = { torch_version = '2.1.0', index_url = 'https://torch.example/whl/cu118' }\n";
    for said in [image, index] {
        let tensorrt = found(&format!("{said}tensorrt = {{ version = '10.14.1' }}"));
        assert!(tensorrt.contains("TensorRT 10.14.1 does not work with CUDA 11.8"), "{tensorrt}");
        let arch = found(&format!("{said}cuda = {{ arch = '12.0' }}"));
        assert!(arch.contains("CUDA 11.8 is not known to compile for compute capability 12.0"), "{arch}");
        assert_eq!(found(&format!("{said}tensorrt = {{ version = '8.6.1' }}\ncuda = {{ arch = 86 }}")), "");
    }
    for torch in [
        "pytorch = { torch_version = '2.1.0+cu121' }",
        "pytorch = { torch_version = '2.1.0', index_url = 'https://torch.example/whl/cu121' }",
    ] {
        let said = found(&format!("{image}{torch}"));
        assert!(said.starts_with("Wrong pytorch."), "{said}");
        assert!(said.contains("torch for CUDA 12.1 on an image with CUDA 11.8"), "{said}");
        // What `deps` installs counts, and not what the image has.
        assert_eq!(found(&format!("{image}{torch}\ncuda = {{ version = '12.1' }}")), "");
    }
    assert_eq!(found(&format!("{image}pytorch = {{ torch_version = '2.1.0+cu118' }}")), "");
}

#[test]
fn pytorch_and_its_toolkit() {
    let mut shown = String::new();
    shown += &format!("{}\n\n", found("pytorch = { torch_version = '2.1.0+cu124' }"));
    shown += &format!(
        "{}\n\n",
        found("pytorch = { torch_version = '2.1.0', index_url = 'https://torch.example/whl/cu124' }")
    );
    shown += &format!(
        "{}\n\n",
        found("pytorch = { torch_version = '2.1.0+cu118', index_url = 'https://torch.example/whl/cu121' }")
    );
    shown += &format!("{}\n\n", found("pytorch = { torch_version = '2.1.0' }\ncuda = { version = '13.0' }"));
    shown += &format!("{}\n\n", found("pytorch = { torch_version = '2.1.0' }\ncuda = { version = '12.4' }"));
    shown +=
        &format!("{}\n\n", found("pytorch = { torch_version = '2.1.0+cu118' }\ncuda = { version = '12.1' }"));
    shown += &format!("{}\n\n", found("pytorch = { torch_version = '9.9.0' }"));
    shown +=
        &format!("{}\n\n", found("pytorch = { torch_version = '2.1.0', torchvision_version = '0.18.0' }"));
    assert_eq!(found("pytorch = { torch_version = '2.1.0+cpu' }"), "");
    insta::assert_snapshot!("pytorch_and_its_toolkit", shown);
}

#[test]
fn pytorch_and_python() {
    let mut shown = String::new();
    shown += &format!(
        "{}\n\n",
        found(
            "pytorch = { torch_version = '2.1.0' }\npython = { version = '3.13', interpreter = 'python3.13' }"
        )
    );
    let mut trixie = debian_12();
    trixie.os.version = "13".to_owned();
    shown += &format!("{}\n\n", found_on("pytorch = { torch_version = '2.1.0' }", &[], &trixie));
    let tool = Tool { path: "/root/.pyenv/shims/python3".to_owned(), version: None };
    trixie.tools.insert("python3".to_owned(), tool);
    assert_eq!(
        found_on("pytorch = { torch_version = '2.1.0' }", &[], &trixie),
        "",
        "nobody knows what that is"
    );
    insta::assert_snapshot!("pytorch_and_python", shown);
}

#[test]
fn pytorch_and_numpy() {
    let mut shown = String::new();
    let torch = "pytorch = { torch_version = '2.1.0' }\n";
    shown += &format!("{}\n\n", found(&format!("{torch}python = {{ packages = ['numpy==2.1.3'] }}")));
    shown += &format!("{}\n\n", found_on(torch, &["numpy>=2.0  # new"], &debian_12()));
    for line in [
        "numpy<2",
        "numpy~=1.26",
        "numpy>=1.20,<2",
        "numpy == 1.26.*",
        "numpydoc",
        "numpy[x]<2; python_version > '3'",
    ] {
        assert_eq!(found_on(torch, &[line], &debian_12()), "", "{line}");
    }
    assert_eq!(found_on("pytorch = { torch_version = '2.3.1' }", &["numpy==2.0"], &debian_12()), "");
    insta::assert_snapshot!("pytorch_and_numpy", shown);
}

#[test]
fn what_a_case_leaves_open_of_numpy_is_held_below() {
    let limit = |text: &str| numpy_limit(&case(text));
    let torch = "pytorch = { torch_version = '2.1.0+cu118' }\n";
    assert_eq!(limit(torch), Some(("2".to_owned(), "torch 2.1.0+cu118".to_owned())));
    assert!(limit(&format!("{torch}python = {{ packages = ['numpy>=1.20', 'pandas'] }}")).is_some());
    assert_eq!(limit(&format!("{torch}python = {{ packages = ['numpy<2'] }}")), None);
    assert!(limit("python = { packages = ['torch==2.1.0'] }").is_some());
    assert_eq!(limit("pytorch = { torch_version = '2.3.1' }"), None);
    assert_eq!(limit(""), None);
}

#[test]
fn what_stands_in_requirements_is_held_against_the_table_as_well() {
    let mut shown = String::new();
    let packages = "python = { packages = ['torch==2.1.2+cu118', 'torchvision==0.17.0', 'numpy>=2', 'tensorrt==8.5.3'] }\ncuda = { version = '12.1' }";
    shown += &format!("{}\n\n", found(packages));
    let files = ["torch==2.1.2+cu118", "numpy>=2; python_version >= '3.9'", "torchaudio==2.2.0"];
    shown += &format!("{}\n\n", found_on("python = { packages = [] }", &files, &debian_12()));
    let other = ["torch==2.1.2+cu118; python_version < '3.8'"];
    assert_eq!(found_on("cuda = { version = '12.1' }\npython = {}", &other, &debian_12()), "");
    shown +=
        &format!("{}\n\n", found("python = { packages = ['torch==2.9.0+cu130'] }\ncuda = { arch = '6.1' }"));
    insta::assert_snapshot!("requirements", shown);
}

#[test]
fn tensorrt_and_its_toolkit() {
    let mut shown = String::new();
    shown += &format!("{}\n\n", found("tensorrt = { version = '8.6.1' }\ncuda = { version = '13.0' }"));
    shown += &format!("{}\n\n", found("tensorrt = { version = '8.6.1' }\ncuda = { version = '12.4' }"));
    shown += &format!("{}\n\n", found("tensorrt = { version = '10.13.2.6' }\ncuda = { version = '11.8' }"));
    shown += &format!("{}\n\n", found("tensorrt = { version = '7.2' }\ncuda = { version = '11.8' }"));
    assert_eq!(found("tensorrt = { version = '8.6.1', enabled = false }\ncuda = { version = '13.0' }"), "");
    assert_eq!(found("tensorrt = { version = '8.6.1' }"), "", "no toolkit is named");
    insta::assert_snapshot!("tensorrt_and_its_toolkit", shown);
}

#[test]
fn architecture_and_toolkit() {
    let mut shown = String::new();
    shown += &format!("{}\n\n", found("cuda = { version = '11.8', arch = 120 }"));
    shown += &format!("{}\n\n", found("cuda = { version = '13.0', arch = ['sm_70', '8.6'] }"));
    shown += &format!("{}\n\n", found("cuda = { version = '12.1.1', arch = '8.4' }"));
    shown += &format!("{}\n\n", found("cuda = { version = '14.0', arch = '8.6' }"));
    shown += &format!("{}\n\n", found("cuda = { version = '13.2', arch = '15.0' }"));
    assert_eq!(found("cuda = { version = '12.1.1', arch = 'sm_90a' }"), "");
    insta::assert_snapshot!("architecture_and_toolkit", shown);
}

#[test]
fn opencv_and_numpy() {
    let mut shown = String::new();
    let two = "python = { packages = ['numpy==2.1.3', 'opencv-python-headless==4.9.0.80'] }";
    shown += &format!("{}\n\n", found(two));
    let built = "python = { packages = ['numpy==2.1.3'] }\n[components.opencv]\n[sources.opencv]\nkind = 'pypi'\nname = 'opencv-python-headless'\nversion = '4.9.0.80'\n";
    shown += &format!("{}\n\n", found(built));
    assert_eq!(found(&two.replace("4.9.0.80", "4.10.0.84")), "");
    insta::assert_snapshot!("opencv_and_numpy", shown);
}

#[test]
fn a_python_that_is_not_there() {
    let mut shown = String::new();
    shown += &format!("{}\n\n", found("python = { version = '3.10' }"));
    assert_eq!(found("python = { version = '3.11.2' }"), "");
    assert_eq!(found("python = { version = '3.10', interpreter = '/opt/py/bin/python' }"), "");
    let listed = "system_packages = ['python3.10']\npython = { version = '3.10' }";
    assert_eq!(found(listed), "", "a repository brings it");
    let mut target = debian_12();
    target.os.id = "arch".to_owned();
    shown += &format!("{}\n\n", found_on("python = { version = '3.10' }", &[], &target));
    let tool = Tool { path: "/usr/local/bin/python3.10".to_owned(), version: None };
    target.tools.insert("python3.10".to_owned(), tool);
    assert_eq!(found_on("python = { version = '3.10' }", &[], &target), "");
    insta::assert_snapshot!("a_python_that_is_not_there", shown);
}
