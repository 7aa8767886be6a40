//! Which of the devices that adb sees is meant.

use std::fmt::Write;

/// A device as `adb devices` lists it.
#[derive(Debug, PartialEq, Eq)]
struct Device<'a> {
    serial: &'a str,
    state: &'a str,
}

/// Why no device can be reached.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// There is none.
    #[error(
        "found no device, expected one: plug a phone in and turn USB debugging on, or adb connect HOST:PORT"
    )]
    None,
    /// Another one is meant.
    #[error("found no device {wanted}, expected one of: {found}")]
    Other {
        /// What was named.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// It isn't said which.
    #[error("found {count} devices, expected one. Name it:{choices}")]
    Several {
        /// How many there are.
        count: usize,
        /// A line for each.
        choices: String,
    },
    /// It is there, and can't be used.
    #[error("found {serial} {state}, expected it ready: {remedy}")]
    NotReady {
        /// Which.
        serial: String,
        /// As adb calls it.
        state: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// The serial number of the device that is `wanted`, or of the only one, in what `adb devices` printed.
pub fn choose(listed: &str, wanted: Option<&str>) -> Result<String, Unreachable> {
    let devices: Vec<Device> = listed.lines().filter_map(device).collect();
    let chosen = match (wanted, &devices[..]) {
        (_, []) => return Err(Unreachable::None),
        (Some(wanted), devices) => named(devices, wanted)?,
        (None, [only]) => only,
        (None, devices) => {
            let mut ready = devices.iter().filter(|device| device.state == "device");
            match (ready.next(), ready.next()) {
                (Some(only), None) => only,
                _ => return Err(several(devices)),
            }
        }
    };
    match remedy(chosen.state) {
        None => Ok(chosen.serial.to_owned()),
        Some(remedy) => {
            let (serial, state) = (chosen.serial.to_owned(), chosen.state.to_owned());
            Err(Unreachable::NotReady { serial, state, remedy })
        }
    }
}

/// `SERIAL state`, with tabs or spaces between. Adb's other lines are sentences.
fn device(line: &str) -> Option<Device<'_>> {
    let (serial, state) = line.split_once(['\t', ' '])?;
    let state = state.trim();
    let sentence = line.starts_with("List of") || line.starts_with('*') || line.starts_with("adb");
    (!sentence && !serial.is_empty() && !state.is_empty()).then_some(Device { serial, state })
}

fn named<'a, 'b>(devices: &'a [Device<'b>], wanted: &str) -> Result<&'a Device<'b>, Unreachable> {
    devices.iter().find(|device| device.serial == wanted).ok_or_else(|| {
        let serials: Vec<&str> = devices.iter().map(|device| device.serial).collect();
        Unreachable::Other { wanted: wanted.to_owned(), found: serials.join(", ") }
    })
}

fn several(devices: &[Device<'_>]) -> Unreachable {
    let choices = devices.iter().fold(String::new(), |mut text, Device { serial, state }| {
        let _ = write!(text, "\n  --on adb:{serial}   ({state})");
        text
    });
    Unreachable::Several { count: devices.len(), choices }
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
