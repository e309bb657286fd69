//! What only old names need: `case import`, and the options of the scripts that came before. Text in, text and findings
//! out; nothing is run. No other library uses this one, so that it can be deleted one day.

pub mod import;
pub mod options;
pub mod presets;
