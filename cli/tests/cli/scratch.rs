//! A folder on the disk that holds the build, models in it, and the program that works there.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use packbench_core::gguf::sample::TinyModel;
use packbench_core::record::{Report, Run, Status};
use packbench_core::unit::Bytes;

pub struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    pub fn new() -> Self {
        Scratch { folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// A small model, as files in the wild are made.
    pub fn model(&self) -> PathBuf {
        self.write("m.gguf", &TinyModel { payload: Bytes::mib(2), ..TinyModel::new(4) }.bytes())
    }

    /// The program, in this folder and with a cache of its own.
    pub fn packbench(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(args).current_dir(self.folder.path());
        command.env("XDG_CACHE_HOME", self.path("cache")).env("HOME", self.folder.path());
        command
    }

    /// The same, to be started and signalled.
    pub fn process(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(program());
        command.args(args).current_dir(self.folder.path());
        command.env("XDG_CACHE_HOME", self.path("cache")).env("HOME", self.folder.path());
        command
    }

    pub fn report(&self, name: &str) -> Report {
        Report::read(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// The names of all that lies here.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_packbench"))
}

pub fn signal(process: &std::process::Child, name: &str) {
    let done = std::process::Command::new("kill").args(["-s", name, &process.id().to_string()]).status();
    assert!(done.unwrap().success());
}

pub fn stdout(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

pub fn stderr(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stderr).unwrap()
}

pub fn finished(report: &Report) -> Vec<&Run> {
    report.runs.iter().filter(|run| run.status == Status::Ok).collect()
}
