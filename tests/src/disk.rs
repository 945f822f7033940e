//! Disks of one's own, for programs that run as root: an ext4 in a file whose power can be cut, and a small one in
//! memory that can be filled.
//!
//! A cut is the file system's own shutdown without a flush of its log, as xfstests does it: what was not synced is gone,
//! metadata included. <https://man7.org/linux/man-pages/man2/ioctl_ext4.2.html>

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::eventually;

/// How long a disk may take to be let go.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mounted disk; taken away with its folder.
pub struct Disk {
    root: TempDir,
    /// The file that the disk is in; none for one in memory.
    image: Option<PathBuf>,
}

impl Disk {
    /// An ext4 in a file.
    ///
    /// # Errors
    /// Why this machine gives none: mostly because the program does not run as root.
    pub fn in_a_file(mib: u64) -> Result<Self, String> {
        let root = tempfile::Builder::new().prefix("disk-").tempdir().map_err(|error| error.to_string())?;
        let image = root.path().join("image");
        let file = File::create(&image).map_err(|error| error.to_string())?;
        file.set_len(mib << 20).map_err(|error| error.to_string())?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        let disk = Self { root, image: Some(image) };
        std::fs::create_dir(disk.path()).map_err(|error| error.to_string())?;
        disk.mount()?;
        Ok(disk)
    }

    /// A disk in memory.
    ///
    /// # Errors
    /// Why this machine gives none.
    pub fn in_memory(mib: u64) -> Result<Self, String> {
        let root = tempfile::Builder::new().prefix("disk-").tempdir().map_err(|error| error.to_string())?;
        let disk = Self { root, image: None };
        std::fs::create_dir(disk.path()).map_err(|error| error.to_string())?;
        let size = format!("size={mib}m,mode=0700");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk.path()))?;
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.root.path().join("disk")
    }

    /// A folder that is not on it, and lives as long.
    #[must_use]
    pub fn beside(&self) -> &Path {
        self.root.path()
    }

    fn mount(&self) -> Result<(), String> {
        let Some(image) = &self.image else { return Ok(()) };
        run(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(image).arg(self.path()))
    }

    /// Cuts the power: from here on nothing reaches the disk, and what was not synced is gone.
    ///
    /// # Errors
    /// What the system says.
    pub fn cut(&self) -> Result<(), String> {
        let folder = File::open(self.path()).map_err(|error| error.to_string())?;
        shut_down(&folder).map_err(|error| format!("no shutdown of the file system: {error}"))
    }

    /// Takes the disk away and brings it back, as after a power cut. No process may use it any more. Gives whether it
    /// came back alive: a loop device that was used again at once can come back dead, which says nothing of the disk.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// If it is not let go within the time.
    pub fn power_on(&self) -> Result<(), String> {
        eventually("the disk is let go", PATIENCE, || run(Command::new("umount").arg(self.path())));
        eventually("the disk comes back alive", PATIENCE, || {
            self.mount()?;
            let probe = self.path().join("probe");
            let is_alive = File::create(&probe).and_then(|file| file.sync_all());
            let is_alive = is_alive.and_then(|()| std::fs::remove_file(&probe));
            is_alive.map_err(|error| {
                let _ = run(Command::new("umount").arg("-l").arg(self.path()));
                error.to_string()
            })
        });
        Ok(())
    }

    /// Free bytes for ordinary people.
    ///
    /// # Panics
    /// If the system does not say.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        let space = rustix::fs::statvfs(self.path()).expect("the system says how much room there is");
        space.f_bavail * space.f_frsize
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("-l").arg(self.path()));
    }
}

/// `FS_IOC_SHUTDOWN` with "no log flush".
#[expect(unsafe_code, reason = "the ioctl reads one u32 that outlives the call; nobody offers it safely")]
fn shut_down(folder: &File) -> std::io::Result<()> {
    const NO_LOG_FLUSH: u32 = 2;
    const SHUTDOWN: rustix::ioctl::Opcode = rustix::ioctl::opcode::read::<u32>(b'X', 125);
    let order = unsafe { rustix::ioctl::Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH) };
    unsafe { rustix::ioctl::ioctl(folder, order) }?;
    Ok(())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
