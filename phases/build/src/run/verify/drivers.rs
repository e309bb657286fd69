//! Libraries that come with a device's driver and not with any toolkit: an image is built without them, and whoever
//! runs it brings them along.

use camino::{Utf8Path, Utf8PathBuf};

/// One vendor's driver.
pub(super) struct Driver {
    pub vendor: &'static str,
    /// What names of its libraries begin with; one that ends in `.so` is a whole name.
    libraries: &'static [&'static str],
    /// Files, or beginnings of names of files, that are there with the driver.
    signs: &'static [&'static str],
}

/// NVIDIA's as its README lists the driver's components; the others as far as their container runtimes mount them
/// from the host. Only NVIDIA's names have been seen in use by this project.
const DRIVERS: &[Driver] = &[
    Driver {
        vendor: "NVIDIA",
        libraries: &["libcuda.so", "libcudadebugger.so", "libnvcuvid.so", "libnvidia-", "libnvoptix.so"],
        signs: &["/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg"],
    },
    Driver {
        vendor: "Ascend",
        libraries: &["libascend_hal.so", "libdcmi.so", "libdrvdsmi_host.so"],
        signs: &["/dev/davinci"],
    },
    Driver { vendor: "Cambricon", libraries: &["libcndev.so", "libcndrv.so"], signs: &["/dev/cambricon"] },
    Driver { vendor: "Kunlunxin", libraries: &["libxpuml.so"], signs: &["/dev/xpuctrl"] },
    Driver { vendor: "MetaX", libraries: &["libmxsml.so"], signs: &["/dev/mxcd"] },
    Driver { vendor: "Moore Threads", libraries: &["libmtml.so", "libmusa.so"], signs: &["/dev/mtgpu"] },
];

/// The driver that a library belongs to.
pub(super) fn driver_of(library: &str) -> Option<&'static Driver> {
    let name = library.rsplit('/').next().unwrap_or(library);
    DRIVERS.iter().find(|driver| {
        driver.libraries.iter().any(|known| {
            let rest = name.strip_prefix(known);
            rest.is_some_and(|rest| !known.ends_with(".so") || rest.is_empty() || rest.starts_with('.'))
        })
    })
}

impl Driver {
    /// What shows that the driver is on this machine.
    pub(super) fn sign(&self, root: &Utf8Path) -> Option<Utf8PathBuf> {
        self.signs.iter().find_map(|sign| {
            let path = root.join(sign.trim_start_matches('/'));
            if path.exists() {
                return Some(path);
            }
            let begin = path.file_name()?;
            let entries = path.parent()?.read_dir_utf8().ok()?;
            let found = entries.flatten().find(|entry| entry.file_name().starts_with(begin))?;
            Some(found.path().to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_a_driver_are_told_from_those_of_a_toolkit() {
        for library in
            ["libcuda.so.1", "libcuda.so", "libnvidia-ml.so.1", "libnvcuvid.so.1", "libnvidia-encode.so.1"]
        {
            assert_eq!(driver_of(library).map(|driver| driver.vendor), Some("NVIDIA"), "{library}");
        }
        assert_eq!(driver_of("libascend_hal.so").map(|driver| driver.vendor), Some("Ascend"));
        for library in
            ["libcudart.so.12", "libcudnn.so.9", "libcublas.so.12", "libavcodec.so.59", "libcudas.so.1"]
        {
            assert!(driver_of(library).is_none(), "{library}");
        }
    }

    #[test]
    fn a_driver_is_there_when_one_of_its_files_is() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let ascend = driver_of("libascend_hal.so").unwrap();
        assert_eq!(ascend.sign(root), None);
        std::fs::create_dir(root.join("dev")).unwrap();
        std::fs::write(root.join("dev/davinci_manager"), "").unwrap();
        assert_eq!(ascend.sign(root), Some(root.join("dev/davinci_manager")));
        assert_eq!(driver_of("libcuda.so.1").unwrap().sign(root), None);
    }
}
