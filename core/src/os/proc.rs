//! What /proc and /sys tell. Each answer may be missing: an app on Android may read little of it.

use std::ffi::CStr;
use std::fs;
use std::path::Path;

use crate::record::{Conditions, Device};
use crate::unit::Bytes;

/// `Linux 6.18.44`. Asked of the kernel itself: an app may not open /proc/sys/kernel/osrelease.
pub fn kernel() -> String {
    // SAFETY: all-zero is a valid utsname, and the kernel writes strings that end within its fields.
    let release = unsafe {
        let mut names: libc::utsname = std::mem::zeroed();
        libc::uname(&mut names);
        CStr::from_ptr(names.release.as_ptr()).to_string_lossy().into_owned()
    };
    format!("Linux {release}")
}

/// What the machine is.
pub fn device(cpus: u32) -> Device {
    let cpuinfo = text("/proc/cpuinfo").unwrap_or_default();
    let model = ["/sys/class/dmi/id/product_name", "/proc/device-tree/model"];
    let names = ["model name", "Hardware", "Processor"];
    let flags = field(&cpuinfo, "flags");
    Device {
        model: model.iter().find_map(text).map(|name| name.trim_end_matches('\0').to_owned()),
        cpu: names.iter().find_map(|name| field(&cpuinfo, name)).map(str::to_owned),
        cpus,
        memory_bytes: text("/proc/meminfo").and_then(|meminfo| kilobytes(&meminfo, "MemTotal")),
        virtual_machine: flags.map(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
    }
}

/// What may have changed.
pub fn conditions() -> Conditions {
    let load = text("/proc/loadavg").and_then(|line| milli(line.split(' ').next()?));
    Conditions {
        elapsed_ns: 0,
        memory_available_bytes: text("/proc/meminfo").and_then(|info| kilobytes(&info, "MemAvailable")),
        load_1m_milli: load,
        cpu_min_khz: readings("/sys/devices/system/cpu", "cpufreq/scaling_cur_freq")
            .min()
            .map(i64::unsigned_abs),
        temperature_max_milli_c: readings("/sys/class/thermal", "temp").filter(is_plausible).max(),
        facts: None,
    }
}

/// Some zones of phones tell a voltage, a level or a limit.
fn is_plausible(milli_c: &i64) -> bool {
    (-40_000..=150_000).contains(milli_c)
}

/// The readahead of the block device `device`.
pub fn readahead(device: u64) -> Option<Bytes> {
    kib(&format!("/sys/class/bdi/{}/read_ahead_kb", numbers(device)))
}

/// The largest request that the block device `device` is sent; a partition is sent what its disk is.
pub fn largest_request(device: u64) -> Option<Bytes> {
    let device = format!("/sys/dev/block/{}", numbers(device));
    let queue = |folder: &str| kib(&format!("{device}/{folder}/max_sectors_kb"));
    queue("queue").or_else(|| queue("../queue"))
}

/// A device as /sys names it.
fn numbers(device: u64) -> String {
    let device = device as libc::dev_t;
    format!("{}:{}", libc::major(device), libc::minor(device))
}

fn kib(path: &str) -> Option<Bytes> {
    Some(Bytes::kib(text(path)?.parse().ok()?))
}

/// Memory of this process that is no file's.
pub fn anonymous_memory() -> Option<Bytes> {
    kilobytes(&text("/proc/self/status")?, "RssAnon").map(Bytes)
}

/// The most memory of this process, files' in it.
pub fn peak_memory() -> Option<Bytes> {
    kilobytes(&text("/proc/self/status")?, "VmHWM").map(Bytes)
}

/// `read_bytes` of /proc/self/io. Allocates nothing.
pub fn read_bytes(io: &[u8]) -> Option<u64> {
    let mut lines = io.split(|&byte| byte == b'\n');
    let digits = lines.find_map(|line| line.strip_prefix(b"read_bytes: "))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// `file` of each folder in `folder`, where it is a number.
fn readings(folder: &'static str, file: &'static str) -> impl Iterator<Item = i64> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(move |entry| text(entry.path().join(file))?.parse().ok())
}

/// The value of the first `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then_some(value.trim())
    })
}

/// The value of `name: 1234 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.strip_suffix(" kB")?.parse().ok().map(|kib: u64| kib << 10)
}

/// `0.42` → 420.
fn milli(decimal: &str) -> Option<u64> {
    decimal.parse().ok().map(|value: f64| (value * 1000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(read_bytes(b"rchar: 5\nread_bytes: 4096\nwrite_bytes: 0\n"), Some(4096));
        assert_eq!(read_bytes(b"rchar: 5\n"), None);
        assert_eq!(
            kilobytes("MemTotal:       24683656 kB\nMemFree: 1 kB", "MemTotal"),
            Some(24_683_656 << 10)
        );
        assert_eq!(field("model name\t: Some CPU\n", "model name"), Some("Some CPU"));
        assert_eq!(milli("0.42"), Some(420));
        assert_eq!(milli("-"), None);
    }
}
