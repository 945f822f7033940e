//! Who may talk to the node: the socket's folder, its mode, and the user at the other end (AP-2).

use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use tokio::net::{UnixListener, UnixStream};

/// Binds the socket: mode 0600, in a folder of mode 0700 that is this user's. What a dead node left there is replaced;
/// the caller holds the lock of the profile, so no living node is behind it.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    private_folder(folder)?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The folder is 0700 already, so nobody else can connect before the mode is set.
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Makes the folder, or checks that it is a real folder of this user; takes group and world bits off.
fn private_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = std::fs::symlink_metadata(folder)?;
    if !found.is_dir() || found.uid() != own_uid() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the socket's folder belongs to somebody else"));
    }
    if found.mode() & 0o077 != 0 {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Rule AP-2: only processes of the same user are answered.
pub fn is_own_user(stream: &UnixStream) -> bool {
    peer_uid(stream).is_some_and(|uid| uid == own_uid())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn peer_uid(stream: &UnixStream) -> Option<u32> {
    rustix::net::sockopt::socket_peercred(stream.as_fd()).ok().map(|peer| peer.uid.as_raw())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn peer_uid(stream: &UnixStream) -> Option<u32> {
    stream.peer_cred().ok().map(|peer| peer.uid())
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn ap_02_the_socket_is_private_in_a_private_folder_and_its_caller_is_known() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run/api.sock");
        let listener = bind(&path).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let (ours, theirs) = tokio::join!(UnixStream::connect(&path), listener.accept());
        assert!(is_own_user(&theirs.unwrap().0));
        drop(ours);
        drop(listener);
        bind(&path).expect("what a dead node left is replaced");
    }

    #[tokio::test]
    async fn ap_02_an_open_folder_is_closed_and_a_link_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("open");
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        bind(&folder.join("api.sock")).unwrap();
        assert_eq!(mode(&folder), 0o700);
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert!(bind(&link.join("api.sock")).is_err());
    }
}
