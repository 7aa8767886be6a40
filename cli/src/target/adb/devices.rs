//! Which of the devices that adb sees is meant.

use crate::target::choice::{self, Kind, Seen, Unreachable};

const ADB: Kind = Kind {
    name: "adb",
    noun: "device",
    remedy: "plug a phone in and turn USB debugging on, or adb connect HOST:PORT",
};

/// The serial number of the device that is `wanted`, or of the only one, in what `adb devices` printed.
pub fn choose(listed: &str, wanted: Option<&str>) -> Result<String, Unreachable> {
    choice::choose(&listed.lines().filter_map(device).collect::<Vec<_>>(), wanted, ADB)
}

/// `SERIAL state`, with tabs or spaces between. Adb's other lines are sentences.
fn device(line: &str) -> Option<Seen> {
    let (serial, state) = line.split_once(['\t', ' '])?;
    let state = state.trim();
    let sentence = line.starts_with("List of") || line.starts_with('*') || line.starts_with("adb");
    (!sentence && !serial.is_empty() && !state.is_empty()).then(|| Seen {
        id: serial.to_owned(),
        other_names: Vec::new(),
        state: state.to_owned(),
        remedy: remedy(state),
    })
}

fn remedy(state: &str) -> Option<&'static str> {
    match state.split([' ', '(']).next().unwrap_or_default() {
        "device" => None,
        "unauthorized" | "authorizing" => Some("unlock it and allow USB debugging for this computer"),
        "offline" | "connecting" => Some("wait a moment, plug it in again, or run adb reconnect offline"),
        "no" => Some("this user may not open it: install udev rules (android-sdk-platform-tools-common)"),
        _ => Some("start Android on it: adb reboot"),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn said(devices: &str, wanted: Option<&str>) -> String {
        let listed = format!("* daemon started successfully\nList of devices attached\n{devices}\n");
        match choose(&listed, wanted) {
            Ok(serial) => format!("takes {serial}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_device_that_is_meant_is_taken() {
        assert_eq!(said("A1\tdevice", None), "takes A1");
        assert_eq!(
            said("A1\tdevice\n127.0.0.1:5555\tdevice", Some("127.0.0.1:5555")),
            "takes 127.0.0.1:5555"
        );
        assert_eq!(said("A1\toffline\nB2\tdevice", None), "takes B2");
    }

    #[test]
    fn otherwise_it_says_what_was_found_and_what_to_do() {
        assert_snapshot!(said("", None), @"found no device, expected one: plug a phone in and turn USB debugging on, or adb connect HOST:PORT");
        assert_snapshot!(said("A1\tdevice\nB2\tdevice", Some("C3")), @"found no device C3, expected one of: A1, B2");
        assert_snapshot!(said("A1\tdevice\nB2\tdevice\nC3\toffline", None), @r"
        found 3 devices, expected one. Name it:
          --on adb:A1   (device)
          --on adb:B2   (device)
          --on adb:C3   (offline)
        ");
        assert_snapshot!(said("A1\tunauthorized", None), @"found A1 unauthorized, expected it ready: unlock it and allow USB debugging for this computer");
        assert_snapshot!(said("A1\toffline", Some("A1")), @"found A1 offline, expected it ready: wait a moment, plug it in again, or run adb reconnect offline");
        assert_snapshot!(said("A1\tno permissions (user in plugdev group; are your udev rules wrong?)", None), @"found A1 no permissions (user in plugdev group; are your udev rules wrong?), expected it ready: this user may not open it: install udev rules (android-sdk-platform-tools-common)");
        assert_snapshot!(said("A1\trecovery", None), @"found A1 recovery, expected it ready: start Android on it: adb reboot");
    }
}
