//! The agent alone: small enough to push to a device.

use std::process::ExitCode;

fn main() -> ExitCode {
    packbench_agent::main()
}
