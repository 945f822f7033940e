//! Where the files of a profile are (section “Files” of the interface rules), and how the socket finds a short name.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Environment, Origin};
use crate::api::problem::{Code, Problem};

/// Socket paths longer than this do not fit everywhere: `sun_path` has 104 bytes on macOS, 108 on Linux (CF-1).
const SOCKET_PATH_BYTES_MAX: usize = 100;
/// Where a data folder, that is named by flag or environment, keeps what else would lie in shared folders.
const STATE_FOLDER: &str = "state";

/// The files of one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The common configuration file.
    pub config: PathBuf,
    /// The profile's own, on top; none if the file was named by `COTERIE_CONFIG`.
    pub profile_config: Option<PathBuf>,
    /// Store, vault and lock: the data folder.
    pub data: PathBuf,
    /// Logs and crash notes.
    pub state: PathBuf,
    /// The socket of the local API.
    pub socket: PathBuf,
}

impl Paths {
    /// Finds them. A data folder that is named by flag or environment keeps its state and its socket inside, so that
    /// two nodes with two data folders never meet on one socket.
    ///
    /// # Errors
    /// `usage` if there is no home folder to go by.
    pub(super) fn find(profile: &str, data_flag: Option<&Path>, environment: &Environment) -> Result<Self, Problem> {
        let named = data_flag.map(Path::to_path_buf).or_else(|| environment.data_dir.clone());
        let below = |home: &Option<PathBuf>| home.as_ref().map(|home| home.join("coterie")).ok_or_else(no_home);
        let (config, profile_config) = match &environment.config {
            Some(file) => (file.clone(), None),
            None => {
                let folder = below(&environment.config_home)?;
                (folder.join("config.toml"), Some(folder.join(format!("{profile}.toml"))))
            }
        };
        let (data, state, in_runtime) = match named {
            Some(data) => {
                let data = std::path::absolute(&data).unwrap_or(data);
                (data.clone(), data.join(STATE_FOLDER), None)
            }
            None => {
                let socket =
                    environment.runtime_dir.as_ref().map(|run| run.join("coterie").join(format!("{profile}.sock")));
                (below(&environment.data_home)?.join(profile), below(&environment.state_home)?.join(profile), socket)
            }
        };
        let socket = match &environment.socket {
            Some(socket) => socket.clone(),
            None => short_enough(in_runtime.unwrap_or_else(|| data.join("run/api.sock")), &data, environment),
        };
        Ok(Self { config, profile_config, data, state, socket })
    }

    /// The configuration files, weakest first.
    pub(super) fn config_files(&self) -> Vec<(Origin, PathBuf)> {
        let mut files = vec![(Origin::File, self.config.clone())];
        files.extend(self.profile_config.iter().map(|file| (Origin::ProfileFile, file.clone())));
        files
    }
}

/// Rule CF-1: a socket path that is too long moves to the temporary folder, under a name made from the data path.
fn short_enough(socket: PathBuf, data: &Path, environment: &Environment) -> PathBuf {
    if socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return socket;
    }
    let hash = Sha256::digest(data.as_os_str().as_bytes());
    let name: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let uid = rustix::process::geteuid().as_raw();
    environment.temporary.join(format!("coterie-{uid}")).join(format!("{name}.sock"))
}

fn no_home() -> Problem {
    Problem::new(Code::Usage, "there is no home folder to keep things in")
        .because("neither HOME nor the XDG variables are set")
        .advise(["coterie --data-dir DIR up"])
}
