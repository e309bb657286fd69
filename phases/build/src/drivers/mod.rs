//! How a kind of component is built: the commands of each of its steps. One file each.

mod autotools;
mod cargo;
mod cmake;
mod command;
mod meson;
mod python;
pub(crate) mod xmake;

use engine::planning::PlanError;
use model::case::{Component, Driver};

use crate::built::Built;
use crate::subject::Subject;

/// What a driver needs of the distribution, by catalog name.
pub fn system(driver: Driver, component: &Component) -> Vec<&'static str> {
    match driver {
        Driver::Autotools => autotools::system(component),
        Driver::Cargo => vec!["c-compiler"],
        Driver::Cmake => cmake::system(component),
        Driver::Command => Vec::new(),
        Driver::Meson => vec!["c-compiler", "libc-headers", "meson", "ninja", "pkg-config"],
        Driver::Python => Vec::new(),
        Driver::Xmake => xmake::system(),
    }
}

/// Plans the commands of a component.
///
/// # Errors
/// When the case does not say enough for this driver.
pub fn built(driver: Driver, subject: &Subject<'_>) -> Result<Built, PlanError> {
    match driver {
        Driver::Autotools => Ok(autotools::built(subject)),
        Driver::Cargo => cargo::built(subject),
        Driver::Cmake => cmake::built(subject),
        Driver::Command => command::built(subject),
        Driver::Meson => Ok(meson::built(subject)),
        Driver::Python => python::built(subject),
        Driver::Xmake => xmake::built(subject),
    }
}
