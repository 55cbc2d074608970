//! Loop devices (loop(4)): a file as a block device.

use linux_raw_sys::loop_device::{
    LO_FLAGS_AUTOCLEAR, LO_FLAGS_DIRECT_IO, LO_FLAGS_READ_ONLY, LOOP_CONFIGURE, LOOP_CTL_GET_FREE,
    LOOP_SET_CAPACITY, loop_config,
};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    time::Duration,
};

/// How often a device that somebody else took first is tried again with another one.
const ATTEMPTS: u32 = 64;

/// A loop device with a file behind it. The kernel lets go of the file with the last user of the device
/// (`LO_FLAGS_AUTOCLEAR`), so this is kept until the device is mounted.
#[derive(Debug)]
pub struct Loop {
    number: u32,
    #[expect(
        dead_code,
        reason = "held open, so that autoclear does not detach the file yet"
    )]
    device: OwnedFd,
}

impl Loop {
    /// Number of the device.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// `/dev/loopN`.
    pub fn path(&self) -> PathBuf {
        device_path(self.number)
    }
}

fn device_path(number: u32) -> PathBuf {
    PathBuf::from(format!("/dev/loop{number}"))
}

/// Puts `file` behind a free loop device: read-only or writable as asked, with direct I/O where the file's
/// filesystem can do it, so that its pages are not cached twice.
///
/// # Errors
/// `ENOENT`: the loop module is not loaded; `EACCES`/`EPERM`: not root; `EBUSY` after many attempts.
pub fn attach(file: &File, read_only: bool) -> io::Result<Loop> {
    let control = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/loop-control")?;
    let mut attempt = 0;
    loop {
        // SAFETY: LOOP_CTL_GET_FREE takes no argument and answers a device number or -1.
        let number = unsafe { libc::ioctl(control.as_raw_fd(), u64::from(LOOP_CTL_GET_FREE)) };
        let number = u32::try_from(number).map_err(|_| io::Error::last_os_error())?;
        let device = OpenOptions::new()
            .read(true)
            .write(!read_only)
            .open(device_path(number))?;
        match configure(&device, file, read_only) {
            Ok(()) => {
                return Ok(Loop {
                    number,
                    device: device.into(),
                });
            }
            // The number was free a moment ago and is not reserved by asking for it.
            Err(error) if attempt < ATTEMPTS && is_taken(&error) => {
                attempt += 1;
                std::thread::sleep(Duration::from_millis(u64::from(attempt)));
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBUSY | libc::EAGAIN))
}

fn configure(device: &File, file: &File, read_only: bool) -> io::Result<()> {
    let mut flags = LO_FLAGS_AUTOCLEAR as u32 | LO_FLAGS_DIRECT_IO as u32;
    if read_only {
        flags |= LO_FLAGS_READ_ONLY as u32;
    }
    match configure_with(device, file, flags) {
        // Not every filesystem can do direct I/O (tmpfs before 6.6).
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            configure_with(device, file, flags & !(LO_FLAGS_DIRECT_IO as u32))
        }
        answer => answer,
    }
}

fn configure_with(device: &File, file: &File, flags: u32) -> io::Result<()> {
    // SAFETY: loop_config is plain integers, for which zero is valid and means the default.
    let mut config: loop_config = unsafe { std::mem::zeroed() };
    config.fd = file.as_raw_fd().cast_unsigned();
    config.info.lo_flags = flags;
    // SAFETY: LOOP_CONFIGURE (Linux 5.8) reads a loop_config, which lives until the call returns.
    let answer = unsafe { libc::ioctl(device.as_raw_fd(), u64::from(LOOP_CONFIGURE), &raw const config) };
    crate::check(answer).map_err(io::Error::from)
}

/// Lets a loop device see that the file behind it has grown.
///
/// # Errors
/// `ENXIO`: no file is behind it.
pub fn refresh_size(device: &Path) -> io::Result<()> {
    let device = OpenOptions::new().read(true).write(true).open(device)?;
    // SAFETY: LOOP_SET_CAPACITY takes no argument.
    let answer = unsafe { libc::ioctl(device.as_raw_fd(), u64::from(LOOP_SET_CAPACITY)) };
    crate::check(answer).map_err(io::Error::from)
}

/// Loop devices with a file behind them: number and the file's path. A deleted file's path ends in ` (deleted)`.
///
/// # Errors
/// When `/sys/block` cannot be read.
pub fn attached() -> io::Result<Vec<(u32, PathBuf)>> {
    let mut devices = Vec::new();
    for entry in fs::read_dir("/sys/block")? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix("loop")?.parse().ok());
        let Some(number) = number else { continue };
        let backing = Path::new("/sys/block").join(&name).join("loop/backing_file");
        if let Ok(file) = fs::read_to_string(backing) {
            devices.push((number, PathBuf::from(file.trim_end_matches('\n'))));
        }
    }
    Ok(devices)
}
