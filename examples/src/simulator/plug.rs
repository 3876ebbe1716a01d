//! One plugged-in cable: a pseudo-terminal and the symbolic link that leads to it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, ioctl_tiocnxcl, tcgetattr, tcsetattr};

/// The instrument's end of the line. Dropping it unplugs the cable.
#[derive(Debug)]
pub(super) struct Plug {
    master: OwnedFd,
    // Held open so that the line stays up while no driver has it open.
    slave: OwnedFd,
    device: PathBuf,
    link: PathBuf,
}

impl Plug {
    pub(super) fn insert(link: &Path) -> io::Result<Self> {
        let master = openpt(open_flags())?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let device = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = open(&device, flags, Mode::empty())?;
        make_raw(&slave)?;
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        place_link(&device, link)?;
        Ok(Self {
            master,
            slave,
            device,
            link: link.to_owned(),
        })
    }

    pub(super) fn line(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// Bytes that the driver has sent; empty if there are none yet.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut chunk = [0; 256];
        match rustix::io::read(&self.master, &mut chunk) {
            Ok(count) => Ok(chunk.iter().take(count).copied().collect()),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends without waiting: bytes that the driver does not read are lost, as on a real line.
    pub(super) fn write(&self, bytes: &[u8]) {
        let _ = rustix::io::write(&self.master, bytes);
    }

    /// Ends the exclusive use of the port by the last driver.
    ///
    /// A real port does so when its last user is gone, even one that was killed. Here the slave held open is a user that
    /// stays. Two drivers at a time still exclude each other by their lock on the device.
    pub(super) fn release_exclusive(&self) {
        let _ = ioctl_tiocnxcl(&self.slave);
    }
}

impl Drop for Plug {
    fn drop(&mut self) {
        // Another simulator may have replaced the link in the meantime.
        if fs::read_link(&self.link).is_ok_and(|target| target == self.device) {
            let _ = fs::remove_file(&self.link);
        }
    }
}

fn open_flags() -> OpenptFlags {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    // Child processes of a test must not inherit the port. Other systems lack the flag.
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    let flags = flags | OpenptFlags::CLOEXEC;
    flags
}

/// No echo and no translation, also before a driver has set the port up.
fn make_raw(slave: &OwnedFd) -> io::Result<()> {
    let mut settings = tcgetattr(slave)?;
    settings.make_raw();
    tcsetattr(slave, OptionalActions::Now, &settings)?;
    Ok(())
}

/// Replaces a link that a killed simulator left behind, and nothing else.
fn place_link(device: &Path, link: &Path) -> io::Result<()> {
    if fs::symlink_metadata(link).is_ok_and(|found| found.is_symlink()) {
        fs::remove_file(link)?;
    }
    symlink(device, link).map_err(|error| {
        let text = format!("cannot place the port at {}: {error}", link.display());
        io::Error::new(error.kind(), text)
    })
}
