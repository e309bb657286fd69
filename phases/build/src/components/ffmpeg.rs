//! FFmpeg: a configure script that is not autoconf's, and that drops what it cannot have with a warning at the end.

use std::collections::BTreeMap;

use camino::Utf8Path;
use indexmap::IndexMap;
use model::case::{Check, Component, ComputeCapability, Driver, OptionValue};
use model::cuda::{CUDA, OLDEST_OF_WHEELS};
use model::plan::{Expectation, Shows};
use model::target::Target;

use super::{Recipe, library, off, on, prints, said};
use crate::cuda::Toolkit;
use crate::drivers::Subject;
use crate::options::{truth, words};

pub struct Ffmpeg;

/// Kinds of part that configure switches one by one, as `CONFIG_<NAME>_<KIND>` in `config_components.h`
/// (FFmpeg's `configure`, `COMPONENT_LIST`; the header is there from 5.1 on).
const PARTS: &[&str] = &[
    "bsf", "decoder", "demuxer", "encoder", "filter", "hwaccel", "indev", "muxer", "outdev", "parser",
    "protocol",
];

/// Switches that show as `CONFIG_<NAME>` in `config.h`; others (`--enable-lto`, `--enable-pthreads`) show elsewhere or
/// not at all (`configure`, `CONFIG_LIST`).
const SHOWN: &[&str] = &[
    "alsa",
    "bzlib",
    "cuda-llvm",
    "cuda-nvcc",
    "cuvid",
    "ffnvcodec",
    "gnutls",
    "gpl",
    "iconv",
    "lzma",
    "mbedtls",
    "nonfree",
    "nvdec",
    "nvenc",
    "opencl",
    "opengl",
    "openssl",
    "sdl2",
    "shared",
    "static",
    "vaapi",
    "vdpau",
    "version3",
    "vulkan",
    "zlib",
];

/// Switches that compile CUDA code or link the toolkit's libraries (`configure`: `cuda_nvcc_deps`, `libnpp_deps`).
const CUDA_SWITCHES: &[&str] = &["enable-cuda-nvcc", "enable-cuda-sdk", "enable-libnpp"];

/// What parts need of others, from `configure` (`<part>_deps`, `_select`): library and Debian package.
const MISSING: &[(&str, &str)] = &[
    (
        "cuda_nvcc",
        "`enable-nonfree = true`, and a toolkit that knows the GPU of `nvccflags`: see ffbuild/config.log",
    ),
    ("cuvid", "nv-codec-headers (libffmpeg-nvenc-dev, or the component nv-codec-headers)"),
    ("ffnvcodec", "nv-codec-headers (libffmpeg-nvenc-dev, or the component nv-codec-headers)"),
    ("nvdec", "nv-codec-headers (libffmpeg-nvenc-dev, or the component nv-codec-headers)"),
    ("nvenc", "nv-codec-headers (libffmpeg-nvenc-dev, or the component nv-codec-headers)"),
    ("png", "zlib (zlib1g-dev; `system = [\"zlib\"]` and `enable-zlib = true`)"),
    ("apng", "zlib (zlib1g-dev; `system = [\"zlib\"]` and `enable-zlib = true`)"),
    ("libx264", "x264 (libx264-dev, or the component x264) and `enable-gpl = true`"),
    ("libx265", "x265 (libx265-dev, or the component x265) and `enable-gpl = true`"),
    ("libvpx", "libvpx (libvpx-dev, or the component libvpx)"),
    ("libopus", "opus (libopus-dev, or the component opus)"),
    ("libfdk_aac", "fdk-aac (libfdk-aac-dev, or the component fdk-aac) and `enable-nonfree = true`"),
    ("drawtext", "freetype (libfreetype-dev) and `enable-libfreetype = true`"),
];

/// The recipes of libraries, with the switches that ask for them.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("fdk-aac", &["enable-libfdk-aac"]),
    ("libvpx", &["enable-libvpx"]),
    ("nv-codec-headers", &["enable-cuvid", "enable-ffnvcodec", "enable-nvdec", "enable-nvenc"]),
    ("opus", &["enable-libopus"]),
    ("x264", &["enable-libx264"]),
    ("x265", &["enable-libx265"]),
];

impl Recipe for Ffmpeg {
    fn name(&self) -> &'static str {
        "ffmpeg"
    }

    fn driver(&self) -> Driver {
        Driver::Autotools
    }

    fn builds_on(&self, options: &IndexMap<String, OptionValue>) -> Vec<&'static str> {
        let asked = LIBRARIES.iter().filter(|(_, keys)| keys.iter().any(|key| on(options, key)));
        asked.map(|(recipe, _)| *recipe).collect()
    }

    fn system(&self, component: &Component, target: &Target) -> Vec<&'static str> {
        let mut needs = Vec::new();
        if target.arch == "x86_64" && !on(&component.options, "disable-x86asm") {
            needs.push("nasm");
        }
        let libraries = component.options.keys().any(|key| {
            (key.starts_with("enable-lib") || key == "enable-openssl") && !off(&component.options, key)
        });
        if libraries || !component.needs.is_empty() {
            needs.push("pkg-config");
        }
        if CUDA_SWITCHES.iter().any(|key| on(&component.options, key)) {
            needs.push(CUDA);
        }
        needs
    }

    fn options(&self) -> IndexMap<String, OptionValue> {
        IndexMap::from([
            ("disable-doc".to_owned(), OptionValue::Switch(true)),
            ("disable-static".to_owned(), OptionValue::Switch(true)),
            ("enable-shared".to_owned(), OptionValue::Switch(true)),
        ])
    }

    fn arguments(&self, environment: &BTreeMap<String, String>) -> Vec<String> {
        // CFLAGS and LDFLAGS are taken from the environment; CPPFLAGS, which would name needed prefixes, are not.
        let mut arguments = Vec::new();
        for (variable, option) in [("CC", "cc"), ("CXX", "cxx")] {
            if let Some(compiler) = environment.get(variable) {
                arguments.push(format!("--{option}={compiler}"));
            }
        }
        if let Some(flags) = environment.get("CPPFLAGS") {
            arguments.push(format!("--extra-cflags={flags}"));
        }
        arguments
    }

    fn cuda(&self, options: &IndexMap<String, OptionValue>, toolkit: &Toolkit) -> Vec<(String, OptionValue)> {
        // The filters are compiled to PTX, for one GPU; the driver translates it for newer ones.
        let oldest = toolkit.architectures.iter().min().map(ComputeCapability::number);
        // Its own default is older than what the toolkit of wheels knows.
        let oldest = oldest.or_else(|| toolkit.of_wheels.then(|| OLDEST_OF_WHEELS.to_owned()));
        let Some(number) = oldest.filter(|_| on(options, "enable-cuda-nvcc")) else { return Vec::new() };
        let flags = format!("-gencode arch=compute_{number},code=sm_{number} -O2");
        vec![("nvccflags".to_owned(), OptionValue::Text(flags))]
    }

    fn expectations(
        &self,
        options: &IndexMap<String, OptionValue>,
        subject: &Subject<'_>,
    ) -> Option<Vec<Expectation>> {
        Some(expectations(options, &subject.build))
    }

    fn checks(&self, subject: &Subject<'_>) -> Vec<Check> {
        let options = &subject.options;
        let text = |key: &str| options.get(key).map(OptionValue::texts).unwrap_or_default().concat();
        let asked = |key: &str| said(subject, key);
        let mut checks = Vec::new();
        let shared = on(options, "enable-shared") && !asked("disable-shared");
        // `configure` drops the program where one of these is not built (`ffmpeg_deps`).
        let built = |library: &str| {
            asked(&format!("enable-{library}"))
                || !(asked("disable-all") || asked(&format!("disable-{library}")))
        };
        if shared && built("avcodec") {
            let name = format!("libavcodec{}.so", text("build-suffix"));
            checks.push(library(name, &["avcodec_send_packet", "avcodec_receive_frame"]));
        }
        let program = !["disable-all", "disable-programs", "disable-ffmpeg"].iter().any(|key| asked(key));
        if asked("enable-ffmpeg") || program && ["avcodec", "avfilter", "avformat"].into_iter().all(built) {
            let directory = match text("bindir") {
                none if none.is_empty() => "{prefix}/bin".to_owned(),
                directory => directory,
            };
            // Names every library with its version, and warns where one is not that which it was built with.
            let program = format!("{directory}/ffmpeg{}", text("progs-suffix"));
            checks.push(prints([program, "-version".to_owned()], "ffmpeg version "));
        }
        checks
    }

    fn notes(&self, options: &IndexMap<String, OptionValue>) -> Vec<String> {
        let on = |key: &str| on(options, key);
        let mut notes = Vec::new();
        if CUDA_SWITCHES.iter().any(|key| on(key)) && !on("enable-nonfree") {
            notes.push(
                "ffmpeg: its CUDA filters are nonfree, and configure refuses them without `enable-nonfree = true`"
                    .to_owned(),
            );
        }
        if on("enable-nonfree") {
            notes.push("ffmpeg: --enable-nonfree makes binaries that must not be redistributed".to_owned());
        }
        if on("enable-gpl") {
            notes.push("ffmpeg: --enable-gpl puts the binaries under the GPL".to_owned());
        }
        if on("enable-version3") {
            notes.push("ffmpeg: --enable-version3 raises the licence to (L)GPL version 3".to_owned());
        }
        notes
    }

    fn white_space_in_prefix(&self) -> Option<&'static str> {
        Some("FFmpeg then writes pkg-config files without a prefix")
    }

    fn links_source(&self) -> bool {
        true
    }

    fn weight(&self) -> u32 {
        120
    }

    fn disk_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        900
    }

    fn job_memory_mib(&self, _options: &IndexMap<String, OptionValue>) -> u64 {
        250
    }
}

/// Every part and library that is asked for, as the configured tree shows it.
fn expectations(options: &IndexMap<String, OptionValue>, build: &Utf8Path) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for (key, value) in options {
        let Some(what) = key.strip_prefix("enable-") else { continue };
        if truth(value) == Some(false) {
            continue;
        }
        if PARTS.contains(&what) {
            for name in words(value).iter().filter(|name| !name.contains('*')) {
                expectations.push(Expectation {
                    asked: format!("--{key}={name}"),
                    file: build.join("config_components.h"),
                    shows: Shows::Line(define(&format!("{name}_{what}"))),
                    missing: missing(name),
                });
            }
        } else if truth(value) == Some(true) && (what.starts_with("lib") || SHOWN.contains(&what)) {
            expectations.push(Expectation {
                asked: format!("--{key}"),
                file: build.join("config.h"),
                shows: Shows::Line(define(what)),
                missing: missing(&what.replace('-', "_")),
            });
        }
    }
    expectations
}

fn define(name: &str) -> String {
    format!("#define CONFIG_{} 1", name.to_ascii_uppercase().replace('-', "_"))
}

fn missing(part: &str) -> Option<String> {
    MISSING.iter().find(|(name, _)| *name == part).map(|(_, library)| (*library).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_that_is_asked_for_is_expected() {
        let options = IndexMap::from([
            ("enable-decoder".to_owned(), OptionValue::Text("png,h264".to_owned())),
            ("enable-gpl".to_owned(), OptionValue::Switch(true)),
            ("disable-everything".to_owned(), OptionValue::Switch(true)),
        ]);
        let found = expectations(&options, Utf8Path::new("/b"));
        let lines: Vec<&Shows> = found.iter().map(|expectation| &expectation.shows).collect();
        assert_eq!(
            lines,
            [
                &Shows::Line("#define CONFIG_PNG_DECODER 1".to_owned()),
                &Shows::Line("#define CONFIG_H264_DECODER 1".to_owned()),
                &Shows::Line("#define CONFIG_GPL 1".to_owned()),
            ]
        );
        assert!(found[0].missing.as_ref().unwrap().contains("zlib1g-dev"));
        assert_eq!(Ffmpeg.notes(&options).len(), 1);
    }
}
