//! Directory trees as squashfs files.

use crate::{ImageError, tool};
use std::{path::Path, process::Command, sync::atomic::AtomicBool};

/// Packs a tree into `file`, which is replaced. The same tree gives the same bytes.
///
/// `level` is zstd's; `leave_out` are patterns below the tree.
pub(crate) fn pack(
    tree: &Path,
    file: &Path,
    level: u8,
    leave_out: &[&str],
    cancel: &AtomicBool,
) -> Result<(), ImageError> {
    let mut command = Command::new("mksquashfs");
    command.arg(tree).arg(file);
    command.args([
        "-noappend",
        "-no-progress",
        "-quiet",
        "-no-exports",
        "-no-xattrs",
        "-mkfs-time",
        "0",
    ]);
    command.args(["-comp", "zstd", "-Xcompression-level", &level.to_string()]);
    // Decides over the file's timestamps where the option does not.
    command.env_remove("SOURCE_DATE_EPOCH");
    if !leave_out.is_empty() {
        // Last: everything after it is a pattern.
        command.args(["-wildcards", "-e"]).args(leave_out);
    }
    tool::run(command, file, cancel, &mut |_| {})
}
