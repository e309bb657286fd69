//! The codecs whose sources lie beside a preset, and FFmpeg with them.

use indexmap::IndexMap;

use super::super::tree::{Node, Value};
use super::Reader;

/// Components, with the options of FFmpeg that ask for them.
const CODECS: [(&str, &[&str]); 6] = [
    ("fdk-aac", &["enable-libfdk-aac"]),
    ("libvpx", &["enable-libvpx"]),
    ("nv-codec-headers", &["enable-ffnvcodec", "enable-nvenc"]),
    ("opus", &["enable-libopus"]),
    ("x264", &["enable-libx264"]),
    ("x265", &["enable-libx265"]),
];

/// Stacks of this kind are for the machines of those who build them.
const LICENCES: [&str; 2] = ["enable-gpl", "enable-nonfree"];

impl Reader<'_> {
    /// FFmpeg through the codecs whose sources are there.
    pub(super) fn ffmpeg(&mut self, value: &Node) {
        let (mut needs, mut options) = (Vec::new(), Vec::new());
        for (name, of_ffmpeg) in CODECS {
            let Some(found) = self.artifacts.and_then(|artifacts| artifacts.of_any_version(name)) else {
                continue;
            };
            let source = self.source_at(found);
            self.declare("sources", name, value, source);
            self.declare("components", name, value, IndexMap::new());
            needs.push(name);
            options.extend(of_ffmpeg.iter().map(|option| (*option, Value::Bool(true))));
        }
        if !needs.is_empty() {
            options.extend(LICENCES.map(|option| (option, Value::Bool(true))));
            let message = format!(
                "FFmpeg is built with {} from {}/sources, with --enable-gpl and --enable-nonfree",
                needs.join(", "),
                self.place
            );
            let help = "such an FFmpeg must not be redistributed; to leave one out, take its source away";
            self.warn(&value.span, message, Some(help.to_owned()));
        }
        self.versioned("ffmpeg", value, &needs, options);
    }
}
