//! The data directory: who may see it, who holds it, on what it lies, how much room is left.
//!
//! It holds keys and plaintext's ciphertext for years, so it is refused unless it belongs to this user and to nobody
//! else (ST-80, CF-1), is locked by one process for its whole life (ST-81), and lies on a file system on which a sync
//! means something (ST-26). 32 MiB are set aside at the start and given up when the disk is full, because the engine
//! cannot even open without room (ST-83, ST-84). Small files are replaced by write, sync, rename, sync (ST-65).

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use coterie_protocol::{IoKind, IoOperation, StoreError};
use rustix::fs::{AtFlags, FallocateFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::refusal::{OpenError, Problem};

/// Free space that an ordinary commit leaves (ST-83).
pub(crate) const MARGIN_BYTES: u64 = 64 << 20;
/// What is set aside (ST-83).
pub(super) const RESERVE_BYTES: u64 = 32 << 20;
/// From here on the disk counts as roomy again and the reserve is made anew (ST-84).
const ROOMY_BYTES: u64 = 128 << 20;
const PRIVATE: Mode = Mode::from_raw_mode(0o600);
/// The lock's line is never longer; what is, is not ours.
const LOCK_LINE_BYTES_MAX: u64 = 512;

/// Who opens the directory: the line that a second process reads.
#[derive(Clone, Debug)]
pub struct Holder {
    /// When the process started, milliseconds since 1970.
    pub started_ms: u64,
    /// Where its API answers.
    pub socket: PathBuf,
}

/// A warning that does not stop the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caution {
    /// On this kind of file system a power cut may lose what was acknowledged.
    WeakFileSystem(&'static str),
    /// The machine has no id: a copied directory is noticed by its folder alone.
    NoMachineId,
}

/// An open and locked data directory.
pub struct DataDirectory {
    path: PathBuf,
    folder: OwnedFd,
    inode: u64,
    born: Option<Duration>,
    /// Holds the lock for as long as it lives (ST-81).
    _lock: File,
    cautions: Vec<Caution>,
}

impl DataDirectory {
    /// Makes the directory if it isn't there, checks it and takes the lock.
    ///
    /// # Errors
    /// [`OpenError::Unusable`] with what to type, [`OpenError::InUse`] with who holds it.
    pub fn open(path: &Path, holder: &Holder) -> Result<Self, OpenError> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        let folder = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
        let folder = match folder {
            Ok(folder) => folder,
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(unusable(path, Problem::NotAFolder)),
            Err(Errno::ACCESS | Errno::PERM) => return Err(unusable(path, Problem::NoAccess)),
            Err(error) => return Err(OpenError::io(path, &made.err().unwrap_or_else(|| error.into()))),
        };
        let (inode, born) = check_owner(path, &folder)?;
        let lock = take_lock(path, &folder, holder)?;
        let cautions = check_file_system(path, &folder)?;
        Ok(Self { path: path.into(), folder, inode, born, _lock: lock, cautions })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Inode number and time of birth of the directory: they change when it is copied, not when it is moved (ST-101).
    #[must_use]
    pub(super) const fn origin(&self) -> (u64, Option<Duration>) {
        (self.inode, self.born)
    }

    /// What should be said once.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }

    pub(super) fn add_caution(&mut self, caution: Caution) {
        self.cautions.push(caution);
    }

    /// Free bytes for this user.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn free_bytes(&self) -> std::io::Result<u64> {
        free_bytes(&self.folder)
    }

    /// A whole small file, or `None` if it isn't there.
    ///
    /// # Errors
    /// `Unusable` for a symbolic link, `Io`. A file over `max` is read to `max + 1` bytes.
    pub(super) fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, OpenError> {
        let file = match self.open_file(name, OFlags::RDONLY) {
            Err(OpenError::Io { kind: IoKind::Missing, .. }) => return Ok(None),
            other => other?,
        };
        let mut bytes = Vec::new();
        file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| self.io(name, &error))?;
        Ok(Some(bytes))
    }

    /// Rule ST-65: `check` reads the new file back before it takes the old one's place.
    ///
    /// # Errors
    /// `Io`, or what `check` finds; the old file is then still there.
    pub(super) fn replace(
        &self,
        name: &str,
        bytes: &[u8],
        check: &dyn Fn(&[u8]) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let temporary = format!("{name}.tmp");
        self.remove(&temporary)?;
        let mut file = self.open_file(&temporary, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| self.io(&temporary, &error))?;
        drop(file);
        let limit = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        check(&self.read(&temporary, limit)?.unwrap_or_default())?;
        rustix::fs::renameat(&self.folder, temporary.as_str(), &self.folder, name)
            .map_err(|error| self.io(name, &error.into()))?;
        self.sync()
    }

    /// Removes a file if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), OpenError> {
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.io(name, &error.into())),
        }
    }

    /// Whether there is something of this name; a symbolic link is refused (ST-80).
    pub(super) fn has(&self, name: &str) -> Result<bool, OpenError> {
        match rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Symlink => {
                Err(unusable(&self.path.join(name), Problem::SymbolicLink))
            }
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.io(name, &error.into())),
        }
    }

    /// Renames inside the directory and makes that durable.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), OpenError> {
        rustix::fs::renameat(&self.folder, from, &self.folder, to).map_err(|error| self.io(from, &error.into()))?;
        self.sync()
    }

    /// Makes the names in the directory durable.
    pub(super) fn sync(&self) -> Result<(), OpenError> {
        rustix::fs::fsync(&self.folder).map_err(|error| self.io(".", &error.into()))
    }

    fn open_file(&self, name: &str, flags: OFlags) -> Result<File, OpenError> {
        match rustix::fs::openat(&self.folder, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, PRIVATE) {
            Ok(file) => Ok(file.into()),
            Err(Errno::LOOP) => Err(unusable(&self.path.join(name), Problem::SymbolicLink)),
            Err(error) => Err(self.io(name, &error.into())),
        }
    }

    fn io(&self, name: &str, error: &std::io::Error) -> OpenError {
        OpenError::io(&self.path.join(name), error)
    }

    /// Sets 32 MiB of real blocks aside, if the disk is roomy.
    ///
    /// # Errors
    /// `Io`; a full disk is none: there is no reserve then.
    pub fn make_reserve(&self) -> Result<(), OpenError> {
        if self.has("reserve")? || self.free_bytes().map_err(|error| self.io(".", &error))? < ROOMY_BYTES {
            return Ok(());
        }
        let mut file = self.open_file("reserve", OFlags::WRONLY | OFlags::CREATE)?;
        let filled = match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => fill(&mut file),
            other => other.map_err(Into::into),
        };
        match filled.and_then(|()| file.sync_all()) {
            Ok(()) => self.sync(),
            Err(_) => self.give_up_reserve(),
        }
    }

    /// Rule ST-84: gives the blocks back to a full disk, so that the store can open.
    ///
    /// # Errors
    /// `Io`.
    pub fn give_up_reserve(&self) -> Result<(), OpenError> {
        self.remove("reserve")?;
        self.sync()
    }
}

/// A file system without `fallocate` may compress: the filling must not be all the same (splitmix64).
fn fill(file: &mut File) -> std::io::Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = [0_u8; 64 << 10];
    for _ in 0..RESERVE_BYTES / (64 << 10) {
        for chunk in block.chunks_exact_mut(8) {
            state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31).wrapping_add(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&block)?;
    }
    Ok(())
}

fn unusable(path: &Path, problem: Problem) -> OpenError {
    OpenError::Unusable { path: path.into(), problem }
}

/// Rule ST-80: owned by the effective user, open to nobody else; gives the inode number and, where the file
/// system keeps it, the time of birth since 1970.
fn check_owner(path: &Path, folder: &OwnedFd) -> Result<(u64, Option<Duration>), OpenError> {
    let file = File::from(folder.try_clone().map_err(|error| OpenError::io(path, &error))?);
    let metadata = file.metadata().map_err(|error| OpenError::io(path, &error))?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(unusable(path, Problem::ForeignOwner));
    }
    let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    match metadata.mode() & 0o777 {
        0o700 => Ok((metadata.ino(), born)),
        mode if mode & 0o077 != 0 => Err(unusable(path, Problem::OpenToOthers)),
        _ => Err(unusable(path, Problem::NoAccess)),
    }
}

/// Rule ST-81: one process; the second is told who holds the lock and touches nothing.
fn take_lock(path: &Path, folder: &OwnedFd, holder: &Holder) -> Result<File, OpenError> {
    let place = path.join("lock");
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file: File = match rustix::fs::openat(folder, "lock", flags, PRIVATE) {
        Ok(file) => file.into(),
        Err(Errno::LOOP) => return Err(unusable(&place, Problem::SymbolicLink)),
        Err(Errno::ACCESS | Errno::PERM) => return Err(unusable(path, Problem::NoAccess)),
        Err(Errno::ROFS) => return Err(unusable(path, Problem::ReadOnly)),
        Err(error) => return Err(OpenError::io(&place, &error.into())),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut line = String::new();
            let _ = (&file).take(LOCK_LINE_BYTES_MAX).read_to_string(&mut line);
            let pid = line.split(' ').next().and_then(|pid| pid.parse().ok());
            return Err(OpenError::InUse { path: path.into(), pid });
        }
        Err(error) => return Err(OpenError::io(&place, &error.into())),
    }
    let line = format!(
        "{} {} {} {}\n",
        std::process::id(),
        holder.started_ms,
        env!("CARGO_PKG_VERSION"),
        holder.socket.display()
    );
    file.set_len(0).and_then(|()| file.write_all(line.as_bytes())).map_err(|error| OpenError::io(&place, &error))?;
    Ok(file)
}

/// Refuses disks that can't keep a promise, names those that keep it less well.
#[cfg(target_os = "linux")]
fn check_file_system(path: &Path, folder: &OwnedFd) -> Result<Vec<Caution>, OpenError> {
    let failed = |error: Errno| OpenError::io(path, &error.into());
    let space = rustix::fs::fstatvfs(folder).map_err(failed)?;
    if space.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Err(unusable(path, Problem::ReadOnly));
    }
    // The field's width differs between machines, its low 32 bits do not.
    let kind = rustix::fs::fstatfs(folder).map_err(failed)?.f_type.to_le_bytes();
    let kind = u32::from_le_bytes(kind.first_chunk().copied().unwrap_or_default());
    match trust_in(kind) {
        Trust::None => Err(unusable(path, Problem::NetworkDisk)),
        Trust::Weak(name) => Ok(vec![Caution::WeakFileSystem(name)]),
        Trust::Full => Ok(Vec::new()),
    }
}

/// What a sync is worth on a kind of file system.
#[derive(Debug, PartialEq, Eq)]
enum Trust {
    None,
    Weak(&'static str),
    Full,
}

/// Rule ST-26: where a sync means nothing the data are refused; where it means less, it is said. Numbers of statfs(2).
const fn trust_in(kind: u32) -> Trust {
    match kind {
        0x6969 | 0x517B | 0xFF53_4D42 | 0xFE53_4D42 | 0x0102_1997 => Trust::None,
        0x9123_683E => Trust::Weak("btrfs"),
        0x6573_5546 => Trust::Weak("FUSE"),
        0x794C_7630 => Trust::Weak("overlayfs"),
        0x0102_1994 => Trust::Weak("tmpfs"),
        _ => Trust::Full,
    }
}

#[cfg(not(target_os = "linux"))]
fn check_file_system(_path: &Path, _folder: &OwnedFd) -> Result<Vec<Caution>, OpenError> {
    Ok(Vec::new())
}

/// Free bytes for this user on the file system of an open file.
pub(super) fn free_bytes(file: impl AsFd) -> std::io::Result<u64> {
    let space = rustix::fs::fstatvfs(file)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// An error of the system in the words of the store.
pub(super) fn io_error(op: IoOperation, error: &std::io::Error) -> StoreError {
    StoreError::Io { op, kind: io_kind(error) }
}

pub(super) fn io_kind(error: &std::io::Error) -> IoKind {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC | Errno::DQUOT) => IoKind::NoSpace,
        Some(Errno::ROFS) => IoKind::ReadOnly,
        Some(Errno::ACCESS | Errno::PERM) => IoKind::Denied,
        Some(Errno::NOENT) => IoKind::Missing,
        Some(Errno::IO) => IoKind::Device,
        Some(Errno::MFILE | Errno::NFILE) => IoKind::Descriptors,
        Some(_) => IoKind::Other,
        // The engine hands on copies of its errors, which have lost their number.
        None => match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => IoKind::NoSpace,
            ErrorKind::ReadOnlyFilesystem => IoKind::ReadOnly,
            ErrorKind::PermissionDenied => IoKind::Denied,
            ErrorKind::NotFound => IoKind::Missing,
            _ => IoKind::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st_84_a_copy_of_an_error_still_says_that_there_is_no_room() {
        for (errno, kind) in
            [(Errno::NOSPC, IoKind::NoSpace), (Errno::DQUOT, IoKind::NoSpace), (Errno::ROFS, IoKind::ReadOnly)]
        {
            let error = std::io::Error::from(errno);
            let copy = std::io::Error::new(error.kind(), format!("{error:?}"));
            assert_eq!((io_kind(&error), io_kind(&copy)), (kind, kind));
        }
    }

    #[test]
    fn st_26_network_disks_are_refused_and_weak_file_systems_named() {
        assert_eq!([0x6969, 0xFF53_4D42, 0x0102_1997].map(trust_in), [Trust::None, Trust::None, Trust::None]);
        assert_eq!(trust_in(0x9123_683E), Trust::Weak("btrfs"));
        assert_eq!(trust_in(0xEF53), Trust::Full, "ext4");
    }
}
