//! What Darwin tells by name, as /proc and /sys do on Linux. Each answer may be missing: an app on a phone is told less.

use std::ffi::CStr;

use crate::record::Device;

/// `Darwin 24.1.0`
pub fn kernel() -> String {
    let release = text(c"kern.osrelease").unwrap_or_else(|| "of unknown release".to_owned());
    format!("Darwin {release}")
}

/// What the machine is.
pub fn device() -> Device {
    Device {
        // On a Mac `hw.machine` is the architecture; on a phone `hw.model` is its board.
        model: text(if cfg!(target_os = "macos") { c"hw.model" } else { c"hw.machine" }),
        cpu: text(c"machdep.cpu.brand_string"),
        cpus: number(c"hw.logicalcpu").and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(1),
        memory_bytes: number(c"hw.memsize"),
        virtual_machine: number(c"kern.hv_vmm_present").map(|present| present != 0),
    }
}

/// What `sysctl` answers to a name whose value is a text.
fn text(name: &CStr) -> Option<String> {
    let mut answer = [0u8; 256];
    let len = ask(name, &mut answer)?;
    let told = answer[..len].split(|&byte| byte == 0).next()?;
    (!told.is_empty()).then(|| String::from_utf8_lossy(told).into_owned())
}

/// What it answers to one whose value is a number, of 4 or of 8 bytes.
fn number(name: &CStr) -> Option<u64> {
    let mut answer = [0u8; 8];
    // Apple's processors are little-endian: what isn't written stays 0.
    ask(name, &mut answer).map(|_| u64::from_le_bytes(answer))
}

fn ask(name: &CStr, answer: &mut [u8]) -> Option<usize> {
    let mut len = answer.len();
    // SAFETY: the name ends with 0, and the kernel writes at most `len` bytes of `answer` and says how many.
    let told = unsafe {
        libc::sysctlbyname(name.as_ptr(), answer.as_mut_ptr().cast(), &raw mut len, std::ptr::null_mut(), 0)
    };
    (told == 0).then_some(len)
}
