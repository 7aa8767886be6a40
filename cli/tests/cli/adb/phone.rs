//! A device that is none: Debian's adbd in a root directory of its own, with storage of its own and stand-ins for those of
//! Android's commands that are used. Needs root, and what `scripts/adbd` makes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::scratch::Scratch;

/// All stand-ins write down what they were asked in `/data/asked`.
const STANDINS: [(&str, &str); 8] = [
    ("getprop", include_str!("standins/getprop")),
    ("setprop", include_str!("standins/setprop")),
    ("settings", include_str!("standins/settings")),
    ("input", include_str!("standins/input")),
    ("wm", include_str!("standins/wm")),
    ("cmd", include_str!("standins/cmd")),
    ("pm", include_str!("standins/pm")),
    ("am", include_str!("standins/am")),
];

pub struct Phone {
    data: PathBuf,
    port: u16,
    small: bool,
    adbd: Child,
}

impl Phone {
    /// A phone of `scratch`, plugged in. Ports are ours alone: tests run in a network of their own.
    pub fn new(scratch: &Scratch, port: u16) -> Self {
        Phone::with_storage(scratch, port, false)
    }

    /// One whose storage holds a mebibyte.
    pub fn small(scratch: &Scratch, port: u16) -> Self {
        Phone::with_storage(scratch, port, true)
    }

    fn with_storage(scratch: &Scratch, port: u16, small: bool) -> Self {
        let data = scratch.path(&format!("phone-{port}"));
        for folder in ["local/tmp", "sdcard/Android/media/dev.packbench.app", "bin"] {
            std::fs::create_dir_all(data.join(folder)).unwrap();
        }
        for (name, script) in STANDINS {
            std::fs::write(data.join("bin").join(name), script).unwrap();
        }
        let adbd = start(&data, port, small);
        let phone = Phone { data, port, small, adbd };
        phone.connect();
        phone
    }

    pub fn serial(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn on(&self) -> String {
        format!("adb:{}", self.serial())
    }

    /// A file of the phone's storage, as this machine sees it.
    pub fn data(&self, path: &str) -> PathBuf {
        self.data.join(path)
    }

    /// What the stand-ins were asked, a line each.
    pub fn asked(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.data("asked")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Takes the device away in the middle of whatever happens.
    pub fn unplug(&mut self) {
        self.adbd.kill().unwrap();
        self.adbd.wait().unwrap();
    }

    pub fn plug_in(&mut self) {
        self.adbd = start(&self.data, self.port, self.small);
        adb(&["disconnect", &self.serial()]);
        self.connect();
    }

    fn connect(&self) {
        let serial = self.serial();
        let connected = || adb(&["connect", &serial]).contains("connected") && self.is_ready();
        wait_for("the device", connected);
    }

    fn is_ready(&self) -> bool {
        adb(&["-s", &self.serial(), "shell", "echo ready"]).contains("ready")
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.adbd.kill();
        let _ = self.adbd.wait();
        adb(&["disconnect", &self.serial()]);
    }
}

/// The process is adbd itself in the end: each program makes way for the next.
fn start(data: &Path, port: u16, small: bool) -> Child {
    let script = r#"set -e
        mount --make-rprivate /
        mount --bind "$DATA" "$ROOT/data"
        [ -z "$SMALL" ] || mount -t tmpfs -o size=1m tmpfs "$ROOT/data/local"
        mkdir -p "$ROOT/data/local/tmp"
        mount --bind "$ROOT/data/sdcard" "$ROOT/sdcard"
        mount -t proc proc "$ROOT/proc"
        mount --rbind /dev "$ROOT/dev"
        exec chroot "$ROOT" /usr/sbin/adbd"#;
    let root = std::env::var("PACKBENCH_TEST_ADBD").expect("scripts/adbd run sets it");
    chmod_programs(&data.join("bin"));
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.env("DATA", data).env("ROOT", root).env("SMALL", if small { "1" } else { "" });
    command.env("ADBD_PORT", port.to_string()).env("PATH", "/data/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.spawn().unwrap()
}

fn chmod_programs(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// What adb prints.
pub fn adb(arguments: &[&str]) -> String {
    let output = Command::new("adb").args(arguments).stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until something is so. The limit only ends a test that would never end.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(300), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The agent that the workspace built.
pub fn agent() -> PathBuf {
    crate::scratch::program().with_file_name("packbench-agent")
}
