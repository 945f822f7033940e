//! The only place that reads the process's environment (CF-3).

use std::ffi::OsString;
use std::path::PathBuf;

/// What the environment says, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `COTERIE_DATA_DIR`.
    pub data_dir: Option<PathBuf>,
    /// `COTERIE_CONFIG`: one file in place of the common and the profile's one.
    pub config: Option<PathBuf>,
    /// `COTERIE_PROFILE`.
    pub profile: Option<String>,
    /// `COTERIE_GROUP`.
    pub group: Option<String>,
    /// `COTERIE_SOCKET`.
    pub socket: Option<PathBuf>,
    /// `COTERIE_LOG`.
    pub log: Option<String>,
    /// `COTERIE_NO_QR` is set.
    pub no_qr: bool,
    /// `COTERIE_ACCESSIBLE` is set.
    pub accessible: bool,
    /// `NO_COLOR` is set (<https://no-color.org>).
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set and not `0`.
    pub force_color: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// `COLUMNS`.
    pub columns: Option<u16>,
    /// `TZ`.
    pub time_zone: Option<String>,
    /// Configuration folder of the user, by XDG rules on Linux and macOS alike.
    pub config_home: Option<PathBuf>,
    /// Data folder of the user.
    pub data_home: Option<PathBuf>,
    /// State folder of the user.
    pub state_home: Option<PathBuf>,
    /// Folder for sockets; only while the user is logged in, and absent on some systems.
    pub runtime_dir: Option<PathBuf>,
    /// The system's temporary folder.
    pub temporary: PathBuf,
}

impl Environment {
    /// Reads it.
    #[must_use]
    pub fn read() -> Self {
        use etcetera::base_strategy::{BaseStrategy, Xdg};
        let base = Xdg::new().ok();
        let folder = |pick: fn(&Xdg) -> PathBuf| base.as_ref().map(pick);
        Self {
            data_dir: path("COTERIE_DATA_DIR"),
            config: path("COTERIE_CONFIG"),
            profile: text("COTERIE_PROFILE"),
            group: text("COTERIE_GROUP"),
            socket: path("COTERIE_SOCKET"),
            log: text("COTERIE_LOG"),
            no_qr: found("COTERIE_NO_QR").is_some(),
            accessible: found("COTERIE_ACCESSIBLE").is_some(),
            no_color: found("NO_COLOR").is_some(),
            force_color: text("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            term: text("TERM"),
            columns: text("COLUMNS").and_then(|value| value.parse().ok()),
            time_zone: text("TZ"),
            config_home: folder(Xdg::config_dir),
            data_home: folder(Xdg::data_dir),
            state_home: base.as_ref().and_then(Xdg::state_dir),
            runtime_dir: base.as_ref().and_then(Xdg::runtime_dir),
            temporary: std::env::temp_dir(),
        }
    }
}

/// A variable that is set and not empty.
fn found(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn text(name: &str) -> Option<String> {
    found(name)?.into_string().ok()
}

fn path(name: &str) -> Option<PathBuf> {
    found(name).map(PathBuf::from)
}
