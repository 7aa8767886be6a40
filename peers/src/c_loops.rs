//! The loops of `c/loops.c`, with the lengths that C can't check checked here.

use std::ffi::{CString, c_char, c_int};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use packbench_core::os::{Reads, Touches};
use packbench_core::unit::{Bytes, Nanos, PageSize};

/// What a loop found.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Taken {
    wall_ns: u64,
    /// Of the first byte of each page.
    pub sum: u64,
}

impl Taken {
    /// Elapsed time, by the loop's own clock.
    pub fn wall(self) -> Nanos {
        Nanos(self.wall_ns)
    }
}

unsafe extern "C" {
    fn peer_touch(start: *const u8, page: usize, order: *const u32, count: usize, taken: *mut Taken);
    fn peer_touch_file(
        path: *const c_char,
        page: usize,
        order: *const u32,
        count: usize,
        taken: *mut Taken,
    ) -> c_int;
    fn peer_read_file(
        path: *const c_char,
        page: usize,
        io_size: usize,
        order: *const u32,
        count: usize,
        taken: *mut Taken,
    ) -> c_int;
}

/// Touches pages of a mapping that is there already.
pub fn touch(mapping: &[u8], page: PageSize, touches: &Touches) -> Result<Taken> {
    check(touches, page, mapping.len() as u64)?;
    let (order, mut taken) = (touches.order(), Taken::default());
    // SAFETY: every page of `order` begins within `mapping` (checked above), and the loop keeps no pointer.
    unsafe {
        peer_touch(mapping.as_ptr(), page.bytes() as usize, order.as_ptr(), order.len(), &mut taken);
    }
    Ok(taken)
}

/// Opens and maps a file, touches its pages, unmaps it. Times the touches only.
pub fn touch_file(path: &Path, page: PageSize, touches: &Touches) -> Result<Taken> {
    check(touches, page, path.metadata()?.len())?;
    let (path, order, mut taken) = (c_path(path)?, touches.order(), Taken::default());
    // SAFETY: `path` ends with a NUL, `order` has that length, and its pages begin within the file (checked above).
    let error = unsafe {
        peer_touch_file(path.as_ptr(), page.bytes() as usize, order.as_ptr(), order.len(), &mut taken)
    };
    answer(error, taken)
}

/// The loops count pages from the start of a file.
fn check(touches: &Touches, page: PageSize, len: u64) -> Result<()> {
    let pages = touches.pages();
    ensure!(pages.first == 0 && pages.count <= page.count(Bytes(len)), "the touches stay within the file");
    Ok(())
}

/// Opens a file and reads it. Times the reads only.
pub fn read_file(path: &Path, page: PageSize, reads: &Reads) -> Result<Taken> {
    let (path, order, mut taken) = (c_path(path)?, reads.order(), Taken::default());
    let io_size = reads.io_size().0 as usize;
    // SAFETY: `path` ends with a NUL and `order` has that length; reads go to the loop's own buffer.
    let error = unsafe {
        let page = page.bytes() as usize;
        peer_read_file(path.as_ptr(), page, io_size, order.as_ptr(), order.len(), &mut taken)
    };
    answer(error, taken)
}

fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).context("a path without a NUL byte")
}

fn answer(error: c_int, taken: Taken) -> Result<Taken> {
    match error {
        0 => Ok(taken),
        code => Err(io::Error::from_raw_os_error(code)).context("the C loop"),
    }
}
