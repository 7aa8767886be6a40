//! What devicectl and simctl complain of, and what to do about it.
//!
//! Neither's errors are specified. Their words are those that people have published: the sources are in ios/README.md.

use serde_json::Value;

use super::tool::Answer;

/// Words of a complaint, in lower case, and what to do. The first that are found decide: what is more special comes first.
const REMEDIES: [(&[&str], &str); 8] = [
    (
        &["could not be, unlocked", "devicelocked", "device is locked", "passcode protected"],
        "unlock the phone, and leave it unlocked",
    ),
    (
        &["developer mode"],
        "turn it on: Settings › Privacy & Security › Developer Mode, and start the phone again",
    ),
    (
        &["explicitly trusted", "certificate is no longer", "invalid code signature"],
        "trust the developer on the phone: Settings › General › VPN & Device Management",
    ),
    (
        &["must be paired", "not paired", "pairing"],
        "plug the phone in, unlock it, tap Trust, and enter its passcode",
    ),
    (&["not installed", "fbsapplicationlibrary"], "install the app: --app packbench.app (ios/README.md)"),
    (&["disk image"], "unlock the phone, and turn on Settings › Privacy & Security › Developer Mode"),
    (
        &["with the same name already exists"],
        "this devicectl writes over no file: delete the app, and its models with it, and install it again (--app)",
    ),
    (&["current state: shutdown", "not booted", "no devices are booted"], "boot it: xcrun simctl boot UDID"),
];

/// What to do about `complaint`, where that is known.
pub fn remedy(complaint: &str) -> Option<&'static str> {
    let complaint = complaint.to_lowercase();
    let found = |words: &&[&str]| words.iter().any(|word| complaint.contains(word));
    REMEDIES.iter().find(|(words, _)| found(words)).map(|(_, remedy)| *remedy)
}

/// `complaint`, with what to do about it.
pub fn with_remedy(complaint: &str) -> String {
    remedy(complaint).map_or_else(|| complaint.to_owned(), |remedy| format!("{complaint}: {remedy}"))
}

/// What a command complained of: the sentences of its JSON, or else the last line that it printed.
pub fn complaint(answer: &Answer, json: &Value) -> String {
    let mut sentences = Vec::new();
    collect(&json["error"], &mut sentences);
    if !sentences.is_empty() {
        return sentences.join(" ");
    }
    let mut lines = [&answer.stderr, &answer.stdout].into_iter().flat_map(|text| text.lines().rev());
    lines.find(|line| !line.trim().is_empty()).unwrap_or("it ended without a word").trim().to_owned()
}

/// The sentences of an NSError: `{"userInfo": {"NSLocalizedDescription": {"string": …}, "NSUnderlyingError": {"error": …}}}`.
fn collect(error: &Value, sentences: &mut Vec<String>) {
    let user_info = &error["userInfo"];
    for key in ["NSLocalizedDescription", "NSLocalizedFailureReason", "NSLocalizedRecoverySuggestion"] {
        let told = user_info[key]["string"].as_str().map(|text| text.trim().to_owned());
        sentences.extend(told.filter(|text| !text.is_empty() && !sentences.contains(text)));
    }
    if user_info["NSUnderlyingError"].is_object() {
        collect(&user_info["NSUnderlyingError"]["error"], sentences);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Complaints that people have met.
    #[test]
    fn what_is_known_has_a_remedy() {
        for (complaint, words) in [
            (
                "Unable to launch dev.packbench.app because the device was not, or could not be, unlocked.",
                "unlock",
            ),
            (
                "Failed to mount …: 0xe80000e2 (kAMDMobileImageMounterDeviceLocked: The device is locked.)",
                "unlock",
            ),
            ("The operation failed because Developer Mode is disabled.", "turn it on"),
            ("… inadequate entitlements or its profile has not been explicitly trusted by the user", "VPN"),
            ("The device must be paired before it can be connected", "tap Trust"),
            ("The requested application dev.packbench.app is not installed.", "--app"),
            ("The developer disk image could not be mounted on this device.", "Developer Mode"),
            (
                "“m” couldn’t be copied to “D” because an item with the same name already exists.",
                "delete the app",
            ),
            ("Unable to lookup in current state: Shutdown", "simctl boot"),
        ] {
            assert!(remedy(complaint).unwrap().contains(words), "{complaint}: {:?}", remedy(complaint));
        }
        assert_eq!(with_remedy("something new"), "something new");
    }

    #[test]
    fn an_error_is_told_with_what_lies_under_it() {
        let answer =
            Answer { success: false, stdout: String::new(), stderr: "ERROR: it failed\n\n".to_owned() };
        assert_eq!(complaint(&answer, &Value::Null), "ERROR: it failed");
        let json = serde_json::json!({"error": {"code": 10002, "userInfo": {
            "NSLocalizedDescription": {"string": "The application failed to launch."},
            "NSUnderlyingError": {"error": {"userInfo": {
                "NSLocalizedDescription": {"string": "The application failed to launch."},
                "NSLocalizedFailureReason": {"string": "Locked"}}}}}}});
        assert_eq!(complaint(&answer, &json), "The application failed to launch. Locked");
    }
}
