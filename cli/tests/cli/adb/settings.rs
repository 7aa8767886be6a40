//! What a session changes on a phone is put back, whatever becomes of the session.

use super::phone::{Phone, agent, wait_for};
use super::{job, started};
use crate::scratch::{Scratch, signal, stderr};

const ON: &str = "cmd power set-fixed-performance-mode-enabled true";
const OFF: &str = "cmd power set-fixed-performance-mode-enabled false";

fn modes(phone: &Phone) -> Vec<String> {
    phone.asked().into_iter().filter(|line| line.starts_with("cmd power")).collect()
}

fn notes(phone: &Phone) -> Vec<String> {
    let files = std::fs::read_dir(phone.data("local/tmp/packbench")).unwrap().flatten();
    let names = files.map(|file| file.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("restore")).collect()
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn fixed_performance_ends_with_the_session() {
    let scratch = Scratch::new();
    scratch.model();
    let (phone, agent) = (Phone::new(&scratch, 15051), agent());
    let on = phone.on();
    let arguments = [&job(&on, agent.to_str().unwrap())[..], &["--fixed-performance"]].concat();
    let said = stderr(&mut scratch.packbench(&arguments));
    assert!(said.contains("fixed-performance mode: highest clocks"), "{said}");
    assert_eq!(modes(&phone), [ON, OFF]);
    assert_eq!(notes(&phone), [""; 0]);
    assert!(scratch.report("r.jsonl").header().context.fixed_performance, "and the report says so");

    std::fs::write(phone.data("no-power-hal"), "").unwrap();
    std::fs::remove_file(scratch.path("r.jsonl")).unwrap();
    let output = scratch.packbench(&arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains(
            "changing fixed-performance mode (not every phone has it: measure without it): Failed to set"
        ),
        "{said}"
    );
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn a_killed_session_is_put_back_by_the_phone_itself() {
    let scratch = Scratch::new();
    scratch.model();
    let (phone, agent) = (Phone::new(&scratch, 15061), agent());
    let on = phone.on();
    let arguments = [&job(&on, agent.to_str().unwrap())[..], &["--fixed-performance"]].concat();
    let mut process = started(&scratch, &arguments);
    wait_for("the mode", || modes(&phone) == [ON]);
    assert_eq!(notes(&phone).len(), 1);
    signal(&process, "KILL");
    process.wait().unwrap();
    wait_for("the phone to put it back", || modes(&phone) == [ON, OFF]);
    wait_for("the note to go", || notes(&phone).is_empty());
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn a_phone_that_stopped_is_put_back_by_the_next_session() {
    let scratch = Scratch::new();
    scratch.model();
    let (phone, agent) = (Phone::new(&scratch, 15071), agent());
    let folder = phone.data("local/tmp/packbench");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("restore-1"), format!("{OFF}\n")).unwrap();
    let said = stderr(&mut scratch.packbench(&job(&phone.on(), agent.to_str().unwrap())));
    assert!(said.contains("put back the settings that an earlier session left changed"), "{said}");
    assert_eq!(modes(&phone), [OFF]);
    assert_eq!(notes(&phone), [""; 0]);
}

#[test]
#[ignore = "takes adbd: scripts/test --stage adb"]
fn a_watch_obeys_the_note_of_its_own_session_alone() {
    let scratch = Scratch::new();
    scratch.model();
    let (phone, agent) = (Phone::new(&scratch, 15141), agent());
    let on = phone.on();
    let arguments = [&job(&on, agent.to_str().unwrap())[..], &["--fixed-performance"]].concat();
    let mut process = started(&scratch, &arguments);
    wait_for("the mode", || modes(&phone) == [ON]);
    let other = phone.data("local/tmp/packbench/restore-other");
    std::fs::write(&other, "echo obeyed >> /data/asked\n").unwrap();
    signal(&process, "KILL");
    process.wait().unwrap();
    wait_for("the phone to put it back", || notes(&phone) == ["restore-other"]);
    assert_eq!(modes(&phone), [ON, OFF]);
    assert!(!phone.asked().contains(&"obeyed".to_owned()));
}
