//! The toolkit of wheels, from a server with small ones.

use std::io::Write as _;

use model::case::CudaOrigin;
use testkit::FakeContext;
use testkit::server::{Reply, Request, TestServer};

use super::super::cuda;
use super::*;

const METADATA: &str = "Metadata-Version: 2.4\nName: cuda-toolkit\nVersion: 13.0.2\nProvides-Extra: nvcc\n\
    Requires-Dist: nvidia-cuda-nvcc==13.0.88.*; (sys_platform == 'linux' and platform_machine == 'aarch64' or sys_platform == 'linux' and platform_machine == 'x86_64') and extra == 'nvcc'\n\
    Requires-Dist: nvidia-cuda-nvcc==13.0.88.*; (sys_platform == 'linux' and platform_machine == 'x86_64') and extra == 'all'\n\
    Requires-Dist: nvidia-cuda-crt==13.0.88.*; sys_platform == 'linux' and extra == 'crt'\n\
    Requires-Dist: nvidia-cuda-runtime==13.0.96.*; sys_platform == 'linux' and extra == 'cudart'\n\
    Requires-Dist: nvidia-cuda-runtime-win==13.0.96.*; sys_platform == 'win32' and extra == 'cudart'\n\
    Requires-Dist: nvidia-nvvm==13.0.88.*; sys_platform == 'linux' and extra == 'nvvm'\n\
    Requires-Dist: nvidia-nvjitlink<14,>=13.0.88; sys_platform == 'linux' and extra == 'cufft'\n\
    Requires-Dist: nvidia-cuda-cccl==13.0.85.*; sys_platform == 'linux' and extra == 'cccl'\n";

fn zip(entries: &[(&str, u32, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, mode, content) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default().unix_permissions(*mode)).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An index with the wheels of one release and some that must not be taken.
fn answer(request: &Request) -> Reply {
    let part = |project: &str, version: &str| {
        format!("{}-{version}-py3-none-manylinux_2_17_x86_64.whl", project.replace('-', "_"))
    };
    let projects: [(&str, Vec<String>); 6] = [
        (
            "cuda-toolkit",
            ["12.9.1", "13.0.1", "13.0.2", "13.1.0"]
                .map(|v| format!("cuda_toolkit-{v}-py2.py3-none-any.whl"))
                .into(),
        ),
        ("nvidia-cuda-nvcc", ["13.0.88", "13.1.80"].map(|v| part("nvidia-cuda-nvcc", v)).into()),
        ("nvidia-cuda-crt", vec![part("nvidia-cuda-crt", "13.0.88")]),
        ("nvidia-cuda-runtime", vec![part("nvidia-cuda-runtime", "13.0.96")]),
        ("nvidia-nvvm", vec![part("nvidia-nvvm", "13.0.88")]),
        ("nvidia-cuda-cccl", vec![part("nvidia-cuda-cccl", "13.0.85")]),
    ];
    for (project, files) in projects {
        if request.target == format!("/simple/{project}/") {
            let links: Vec<String> =
                files.iter().map(|file| format!("<a href=\"/f/{file}\">{file}</a>")).collect();
            return Reply::ok(links.join("\n")).header("Content-Type", "text/html");
        }
    }
    let file = request.target.strip_prefix("/f/").unwrap_or_default();
    Reply::ok(match file.split_once('-').unwrap_or_default().0 {
        "cuda_toolkit" => zip(&[("cuda_toolkit-13.0.2.dist-info/METADATA", 0o644, METADATA)]),
        "nvidia_cuda_nvcc" => zip(&[
            ("nvidia/cu13/bin/nvcc", 0o744, "#!/bin/sh\n"),
            ("nvidia/cu13/bin/nvcc.profile", 0o644, "x"),
        ]),
        "nvidia_cuda_crt" => zip(&[("nvidia/cu13/include/crt/host_config.h", 0o644, "#if __GNUC__ > 15\n")]),
        "nvidia_cuda_runtime" => zip(&[
            ("nvidia/cu13/include/cuda.h", 0o644, "#define CUDA_VERSION 13000\n"),
            ("nvidia/cu13/lib/libcudart.so.13", 0o755, "elf"),
            ("nvidia_cuda_runtime-13.0.96.dist-info/licenses/License.txt", 0o644, "words"),
        ]),
        "nvidia_nvvm" => zip(&[("nvidia/cu13/nvvm/bin/cicc", 0o744, "#!/bin/sh\n")]),
        "nvidia_cuda_cccl" => zip(&[("nvidia/cu13/include/cccl/x.h", 0o644, "")]),
        _ => return Reply::status(404),
    })
}

fn wheels() -> WantedCuda {
    WantedCuda { from: CudaOrigin::Wheels, ..WantedCuda::default() }
}

#[test]
fn the_wheels_of_one_release_become_one_tree() {
    let server = TestServer::start(answer);
    let mut context = FakeContext::new();
    context.environment.insert("PIP_INDEX_URL".to_owned(), server.url("/simple"));
    let (wanted, artifacts) = (wheels(), context.layout.artifacts.clone());
    let tree = wanted.tree(&context.layout).unwrap();
    assert!(tree.ends_with("cuda/13.0"), "{tree}");
    assert!(!cuda::observe(&wanted, Some(&tree), &context).unwrap().holds());
    cuda::run(&wanted, Some(&tree), &artifacts, &context).unwrap();
    let seen = cuda::observe(&wanted, Some(&tree), &context).unwrap();
    assert_eq!(seen.found["cuda"], format!("13.0.2 ({tree})"));
    assert_eq!(context.locked().tools["cuda"].files.len(), 5, "{:?}", context.locked().tools);
    for (path, mode) in [("bin/nvcc", 0o755), ("nvvm/bin/cicc", 0o755), ("bin/nvcc.profile", 0o644)] {
        assert_eq!(std::fs::metadata(tree.join(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
    for path in [
        "lib64/libcudart.so",
        "include/crt/host_config.h",
        "licenses/nvidia_cuda_runtime-13.0.96/License.txt",
    ] {
        assert!(tree.join(path).is_file(), "{path}");
    }
    assert!(!Utf8PathBuf::from(format!("{tree}.unpacking")).exists());

    // A lost tree is unpacked again from what is there, without the network.
    files::remove_tree(&tree).unwrap();
    let asked = server.requests().len();
    context.set_offline(true);
    cuda::run(&wanted, Some(&tree), &artifacts, &context).unwrap();
    assert!(cuda::observe(&wanted, Some(&tree), &context).unwrap().holds());
    assert_eq!(server.requests().len(), asked);
    // What the lock names and is lost is not replaced by something else.
    let (file, _) =
        context.locked().tools["cuda"].files.first_key_value().map(|(a, b)| (a.clone(), b.clone())).unwrap();
    std::fs::remove_file(artifacts.join("tools").join(&file)).unwrap();
    let StepError::Failed(failure) = cuda::run(&wanted, Some(&tree), &artifacts, &context).unwrap_err()
    else {
        panic!("cancelled")
    };
    assert!(failure.message.contains("offline"), "{failure:?}");
}

#[test]
fn a_part_that_the_release_lacks_is_named_with_those_it_has() {
    let server = TestServer::start(answer);
    let mut context = FakeContext::new();
    context.environment.insert("PIP_INDEX_URL".to_owned(), server.url("/simple"));
    let wanted = WantedCuda { libraries: vec!["cublaas".to_owned()], ..wheels() };
    let tree = wanted.tree(&context.layout).unwrap();
    let StepError::Failed(failure) =
        cuda::run(&wanted, Some(&tree), &context.layout.artifacts.clone(), &context).unwrap_err()
    else {
        panic!("cancelled")
    };
    assert!(
        failure.message.contains("no part `cublaas`") && failure.cures[0].contains("nvcc"),
        "{failure:?}"
    );
    assert!(!tree.exists() && context.locked().tools.is_empty());
}

#[test]
fn an_old_release_is_refused_with_the_ways_that_are_open() {
    let context = FakeContext::new();
    let wanted =
        WantedCuda { from: CudaOrigin::Auto, version: Some("11.8".to_owned()), ..WantedCuda::default() };
    assert_eq!(wanted.tree(&context.layout), None);
    let StepError::Failed(failure) =
        cuda::run(&wanted, None, &context.layout.artifacts.clone(), &context).unwrap_err()
    else {
        panic!("cancelled")
    };
    assert!(failure.message.starts_with("CUDA 11.8 is not installed"), "{failure:?}");
    assert!(failure.cures.iter().any(|cure| cure.contains("[[system_packages.apt.repositories]]")));
    assert!(failure.cures.iter().any(|cure| cure.contains("version = \"13.0\"")));
}

#[test]
fn specifiers_and_markers_are_read_as_nvidia_writes_them() {
    let offered = ["13.0.48", "13.0.88", "13.0.88.1", "13.1.0rc1", "13.4.2", "14.0"].map(|version| Offered {
        name: format!("nvidia_x-{version}-py3-none-any.whl"),
        url: String::new(),
        sha256: None,
        yanked: false,
    });
    let chosen = |specifiers: &str| {
        let file = choose(&offered, specifiers, "x86_64", "2.36")?;
        wheel::parse_file_name(&file.name).map(|(_, version)| version)
    };
    assert_eq!(chosen("==13.0.88.*").as_deref(), Some("13.0.88.1"));
    assert_eq!(chosen("==13.0.8.*"), None);
    assert_eq!(chosen("==13.1.*"), None, "what is not released is not chosen");
    assert_eq!(chosen("<14,>=13.0.88").as_deref(), Some("13.4.2"));
    assert_eq!(chosen("==13.0.48.0").as_deref(), Some("13.0.48"));
    assert_eq!(chosen("13"), None);
    let cudart = requirements(METADATA, "cudart", "x86_64");
    assert_eq!(cudart, [("nvidia-cuda-runtime".to_owned(), "==13.0.96.*".to_owned())].into());
    assert_eq!(requirements(METADATA, "nvcc", "riscv64").len(), 0);
    assert_eq!(requirements(METADATA, "cufft", "x86_64")["nvidia-nvjitlink"], "<14,>=13.0.88");
}

/// A toolkit of the machine that answers by a script, with what preflight finds of it.
fn looked(
    newest_gcc: u32,
    compiler: Option<&str>,
    architectures: &[&str],
) -> Result<String, engine::runner::Finding> {
    let mut context = FakeContext::new();
    let root = context.path("cuda");
    for (path, text) in [
        ("bin/nvcc", "#!/bin/sh\n".to_owned()),
        ("include/cuda.h", "#define CUDA_VERSION 11080\n".to_owned()),
        ("include/crt/host_config.h", format!("#if __GNUC__ > {newest_gcc}\n")),
        ("g++", String::new()),
    ] {
        files::atomic_write(&root.join(path), text.as_bytes()).unwrap();
        std::fs::set_permissions(root.join(path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    context.target.cxx_compilers =
        vec![model::target::Tool { path: "/usr/bin/g++".to_owned(), version: Some("12".to_owned()) }];
    context.answer("nvcc", 0, "compute_35\ncompute_86\ncompute_90\n");
    context.answer("g++", 0, "g++ (Debian 12.2.0-14) 12.2.0\n");
    let wanted =
        WantedCuda { from: CudaOrigin::System, version: Some("11.8".to_owned()), ..WantedCuda::default() };
    let architectures: Vec<String> = architectures.iter().map(|one| (*one).to_owned()).collect();
    let compiler = compiler.map(|name| root.join(name));
    let planned = cuda::Planned {
        wanted: &wanted,
        root: &root,
        host_compiler: compiler.as_deref(),
        architectures: &architectures,
    };
    planned.look(&["mine".to_owned()], &context)
}

#[test]
fn preflight_names_what_the_toolkit_does_not_take() {
    let found = looked(12, Some("g++"), &["86", "90a"]).unwrap();
    assert!(found.starts_with("cuda 11.8 ") && found.ends_with("g++ 12.2.0"), "{found}");

    let newer = looked(11, Some("g++"), &[]).unwrap_err();
    assert!(newer.what.contains("g++ is 12.2.0, and CUDA 11.8"), "{newer:?}");
    assert!(newer.what.contains("takes gcc up to 11; needed by mine"), "{newer:?}");
    assert!(newer.cure.contains("\"apt:g++-11\""), "{newer:?}");
    let none = looked(11, None, &[]).unwrap_err();
    assert!(none.what.contains("takes gcc up to 11; installed is /usr/bin/g++"), "{none:?}");

    let unknown = looked(12, Some("g++"), &["86", "120"]).unwrap_err();
    assert!(unknown.what.contains("does not compile for sm_120: it knows 35, 86, 90"), "{unknown:?}");
    assert!(unknown.cure.contains("a newer toolkit"), "{unknown:?}");
    assert!(looked(12, Some("g++"), &["30"]).unwrap_err().cure.contains("an older toolkit"));
}
