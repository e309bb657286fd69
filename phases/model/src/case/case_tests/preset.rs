//! Presets of older tools.

use crate::Digest;

use super::*;

const PRESET: &str = r#"{
  "metadata": {
    "name": "ubuntu22.04-cuda11.8-torch2.1",
    "description": "CUDA 11.8 and PyTorch 2.1",
    "created": "2025-11-20",
    "target_gpu": "RTX 3080",
    "autor": "someone"
  },
  "base_image": "nvidia/cuda:11.8.0-devel-ubuntu22.04",
  "python": { "version": "3.10", "version_without_dot": "310" },
  "pytorch": {
    "torch_version": "2.1.0+cu118",
    "torchvision_version": "0.16.0",
    "torchaudio_version": "2.1.0",
    "index_url": "https://torch.example/whl/cu118"
  },
  "tensorrt": {
    "version": "8.6.1.post1",
    "enabled": true,
    "required_in_runtime": true,
    "supported_versions": ["8.6.1.post1"],
    "install_method": "pip",
    "notes": null
  },
  "cuda": { "version": "11.8", "arch": 86, "cudnn_version": "8" },
  "build_options": {
    "ffmpeg_version": "6.0",
    "opencv_version": "4.8.0",
    "xaiva_media_source": { "path": "/src/xaiva", "branch": "main" },
    "enable_cuda": true
  },
  "system_packages": ["git", "nasm"],
  "environment": {
    "NVIDIA_VISIBLE_DEVICES": "all",
    "LD_LIBRARY_PATH": "/usr/local/cuda/lib64:$LD_LIBRARY_PATH",
    "OMP_NUM_THREADS": 4
  },
  "pytroch": {}
}
"#;

fn load_preset(text: &str, artifacts: Option<PresetArtifacts>) -> Result<Loaded, Diagnostics> {
    let file = CaseFile { artifacts, ..json_file("presets/old.json", text) };
    load_with(file, &[], &overrides(&[]))
}

fn warnings(loaded: &Loaded) -> String {
    loaded.warnings.iter().map(|warning| format!("{warning}\n")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_preset_loads_as_it_is_and_says_what_it_does_not_read() {
    let loaded = load_preset(PRESET, None).unwrap();
    insta::assert_snapshot!("preset-warnings", warnings(&loaded));
    insta::assert_snapshot!("preset-case", serde_json::to_string_pretty(&loaded.case).unwrap());
}

#[test]
fn what_lies_beside_a_preset_is_used_or_named() {
    let directory = camino::Utf8PathBuf::from("/p/artifacts/old");
    let source = |name: &str, archive: bool| SourceFile {
        name: name.to_owned(),
        path: directory.join("sources").join(name),
        sha256: archive.then(|| Digest::of(name)),
    };
    let artifacts = PresetArtifacts {
        requirements: vec!["requirements-base.txt".to_owned(), "requirements.txt".to_owned()],
        extra: Some("requirements-extra.txt".to_owned()),
        wheels: true,
        sources: vec![
            source("ffmpeg-6.0.tar.xz", true),
            source("opencv-4.8.0", false),
            source("opencv_contrib-4.8.0.tar.gz", true),
            source("opencv_contrib-4.7.0.tar.gz", true),
        ],
        debs: vec!["libvendor_1.0_amd64.deb".to_owned()],
        directory: directory.clone(),
    };
    let loaded = load_preset(PRESET, Some(artifacts)).unwrap();
    let python = loaded.case.python.as_ref().unwrap();
    assert_eq!(
        python.requirements,
        [directory.join("requirements-base.txt"), directory.join("requirements.txt")]
    );
    assert_eq!(python.find_links, [directory.join("wheels")]);
    assert_eq!(python.optional[0].requirements, [directory.join("requirements-extra.txt")]);
    let source = |name: &str| loaded.case.sources[name].as_slice()[0].clone();
    assert_eq!(
        source("ffmpeg"),
        SourceSpec::Archive {
            urls: vec!["file:///p/artifacts/old/sources/ffmpeg-6.0.tar.xz".to_owned()],
            sha256: Digest::of("ffmpeg-6.0.tar.xz"),
            subdirectory: None,
            lfs: Default::default()
        }
    );
    assert_eq!(source("opencv"), SourceSpec::path(directory.join("sources/opencv-4.8.0")));
    assert!(matches!(source("opencv_contrib"), SourceSpec::Archive { .. }), "{:?}", source("opencv_contrib"));
    let modules = OptionValue::Text("{source:opencv_contrib}/modules".to_owned());
    assert_eq!(loaded.case.components["opencv"].options["OPENCV_EXTRA_MODULES_PATH"], modules);
    let shown = warnings(&loaded);
    assert!(shown.contains("nothing is built from opencv_contrib-4.7.0.tar.gz in"), "{shown}");
    let packages = loaded.case.system_packages.for_manager("apt");
    assert_eq!(packages.last().unwrap(), "/p/artifacts/old/debs/libvendor_1.0_amd64.deb");
    assert!(packages.len() > 1, "those that the preset names stay: {packages:?}");
    assert!(!shown.contains("has no source"), "{shown}");
}

#[test]
fn a_case_may_stand_on_a_preset_with_what_lies_beside_it() {
    let directory = camino::Utf8PathBuf::from("/p/artifacts/old");
    let artifacts =
        PresetArtifacts { wheels: true, directory: directory.clone(), ..PresetArtifacts::default() };
    let preset = CaseFile { artifacts: Some(artifacts), ..json_file("old.json", PRESET) };
    let text = "schema = 1\nextends = 'old.json'\n[components.ffmpeg]\noptional = true\n[components.opencv]\noptional = true\n[components.xaiva-media]\noptional = true\n";
    let loaded = load_with(toml_file("case.toml", text), &[preset], &overrides(&[])).unwrap();
    assert_eq!(loaded.case.metadata.name, "here");
    assert_eq!(loaded.case.python.as_ref().unwrap().find_links, [directory.join("wheels")]);
    assert!(loaded.case.components["ffmpeg"].optional);
    assert!(warnings(&loaded).contains("old.json:7:5"), "{}", warnings(&loaded));
}

#[test]
fn a_mistake_in_a_preset_is_shown_in_the_preset() {
    let wrong =
        PRESET.replace("\"arch\": 86", "\"arch\": 8").replace("\"version\": \"11.8\"", "\"version\": 11.8");
    insta::assert_snapshot!("preset-mistakes", load_preset(&wrong, None).unwrap_err().to_string());
    let other =
        PRESET.replace("\"supported_versions\": [\"8.6.1.post1\"]", "\"supported_versions\": [\"8.5.3\"]");
    insta::assert_snapshot!("preset-unsupported", load_preset(&other, None).unwrap_err().to_string());
}

#[test]
fn titles_and_contradictions_are_warnings() {
    let text = r#"{"metadata": {"name": "Production GPU"}, "python": {"version": "3.10", "version_without_dot": 311},
  "base_image": null, "pytorch": {}, "tensorrt": {}, "cuda": {}, "build_options": {}}"#;
    let loaded = load_preset(text, None).unwrap();
    assert_eq!(loaded.case.metadata.name, "here");
    assert_eq!(loaded.case.metadata.description, "Production GPU");
    assert_eq!(loaded.case.python.as_ref().unwrap().program(), "python3.10");
    assert_eq!(loaded.case.tensorrt, None, "an empty section asks for nothing");
    insta::assert_snapshot!("preset-title", warnings(&loaded));
}

#[test]
fn supported_versions_are_patterns() {
    for (supported, version) in
        [("10.x", "10.13.2"), ("8.6.1", "8.6.1.post1"), ("10.*.0", "10.3.0"), ("8.X", "8.6.1")]
    {
        let text = PRESET
            .replace(
                "\"supported_versions\": [\"8.6.1.post1\"]",
                &format!("\"supported_versions\": [\"{supported}\"]"),
            )
            .replace("\"version\": \"8.6.1.post1\"", &format!("\"version\": \"{version}\""));
        assert!(load_preset(&text, None).is_ok(), "{supported} covers {version}");
    }
    for supported in ["10.x", "8.6.10", "8.6.1.post1.1", "8.5.x"] {
        let text = PRESET.replace(
            "\"supported_versions\": [\"8.6.1.post1\"]",
            &format!("\"supported_versions\": [\"{supported}\"]"),
        );
        assert!(
            load_preset(&text, None).unwrap_err().to_string().contains("not one of `supported_versions`"),
            "{supported}"
        );
    }
}

#[test]
fn opencv_is_not_built_where_the_preset_says_so() {
    let text = PRESET.replace("\"enable_cuda\": true", "\"build_opencv_from_source\": false");
    let loaded = load_preset(&text, None).unwrap();
    let names: Vec<&str> = loaded.case.components.keys().map(crate::ComponentName::as_str).collect();
    assert_eq!(names, ["ffmpeg", "xaiva-media"]);
    assert!(!loaded.case.sources.contains_key("opencv"));
    let told = warnings(&loaded);
    assert!(told.contains("OpenCV is not built, because `build_opencv_from_source` is false"), "{told}");
    let built = load_preset(&text.replace("from_source\": false", "from_source\": true"), None).unwrap();
    assert!(built.case.components.contains_key("opencv"));
    assert!(!warnings(&built).contains("build_opencv_from_source"), "{}", warnings(&built));
}

#[test]
fn a_preset_without_a_section_that_every_preset_has_is_refused() {
    let error =
        load_preset("{\n  \"metadata\": {},\n  \"base_image\": \"debian:12\"\n}\n", None).unwrap_err();
    insta::assert_snapshot!("preset-without-sections", error.to_string());
    let whole = r#"{"metadata": {}, "base_image": "", "python": {}, "pytorch": {}, "tensorrt": {}, "cuda": {}, "build_options": {}}"#;
    let loaded = load_preset(whole, None).unwrap();
    assert_eq!(loaded.case.base_image, None);
    assert!(loaded.case.python.is_none_or(|python| python.packages.is_empty()), "nothing is asked for");
}

#[test]
fn a_case_that_forgot_its_schema_is_no_preset() {
    for text in [r#"{"metadata": {}, "components": {}}"#, r#"{"packages": []}"#] {
        let error = load_preset(text, None).unwrap_err().to_string();
        assert!(error.contains("key `schema` is missing, and this is not a preset"), "{error}");
    }
    // With `schema` every key counts.
    let strict = PRESET.replacen('{', "{ \"schema\": 1,", 1);
    assert!(load_preset(&strict, None).unwrap_err().to_string().contains("unknown key `autor`"));
}

#[test]
fn indexes_have_one_owner_and_no_passwords() {
    insta::assert_snapshot!(
        "indexes",
        toml_errors(
            "schema = 1\n[python]\nversion = '3'\n[[python.indexes]]\nname = 'a'\nurl = 'https://me:pw@a.example/simple'\npackages = ['x', 'Y_z']\n\
             [[python.indexes]]\nname = 'b'\nurl = 'b.example'\npackages = ['y-z']\n\
             [[python.optional]]\nname = 'a b'\n[[python.optional]]\nname = 'e'\n[[python.optional]]\nname = 'e'\n\
             [[python.indexes]]\nname = 'c'\nurl = 'file:///srv'\npackages = ['Torch']\n\
             [pytorch]\ntorch_version = '2.1.0'\nindex_url = 'https://torch.example/'\n"
        )
    );
}

#[test]
fn codecs_beside_a_preset_are_built_and_ffmpeg_with_them() {
    let directory = camino::Utf8PathBuf::from("/p/artifacts/old");
    let file = |name: &str, archive: bool| SourceFile {
        name: name.to_owned(),
        path: directory.join("sources").join(name),
        sha256: archive.then(|| Digest::of(name)),
    };
    let sources = vec![
        file("fdk-aac-2.0.2", false),
        file("ffmpeg-6.0.tar.xz", true),
        file("nv-codec-headers-n11.1.5.2.tar.gz", true),
        file("opencv-4.8.0.zip", true),
        file("opencv_contrib-4.8.0.zip", true),
        file("x265.tar.bz2", true),
    ];
    let artifacts = PresetArtifacts { directory: directory.clone(), sources, ..PresetArtifacts::default() };
    let loaded = load_preset(PRESET, Some(artifacts)).unwrap();
    let ffmpeg = &loaded.case.components["ffmpeg"];
    assert_eq!(ffmpeg.needs, ["fdk-aac", "nv-codec-headers", "x265"].map(Into::into));
    for option in ["enable-libfdk-aac", "enable-nvenc", "enable-libx265", "enable-gpl", "enable-nonfree"] {
        assert_eq!(ffmpeg.options.get(option), Some(&OptionValue::Switch(true)), "{option}");
    }
    assert!(!ffmpeg.options.contains_key("enable-libx264"), "{:?}", ffmpeg.options);
    assert!(loaded.case.components.contains_key("x265"));
    assert_eq!(loaded.case.components["opencv"].options.get("WITH_CUDA"), Some(&OptionValue::Switch(true)));
    let told = warnings(&loaded);
    assert!(told.contains("FFmpeg is built with fdk-aac, nv-codec-headers, x265 from"), "{told}");
    assert!(!told.contains("nothing is built from"), "{told}");
}
