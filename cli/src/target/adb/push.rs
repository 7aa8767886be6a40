//! Files on the device, known by their content: what is there already is not pushed again.

use anyhow::bail;
use packbench_core::unit::Bytes;

use super::bridge::Bridge;
use super::shell::MODELS;
use crate::shell::quoted;
use crate::target::local::Local;

/// Has `local` in `folder` of the device, whole and under its own name, and returns where. The hash that the device found
/// in it is remembered beside it, with length and time: while these stay, it is neither read nor pushed again. There is to
/// be room for `copies` of it.
pub fn bring(bridge: &Bridge, local: &Local<'_>, folder: &str, copies: u64) -> anyhow::Result<String> {
    let remote = format!("{folder}/{}", local.name);
    if !is_known(bridge, local, folder)? {
        has_room(bridge, local, folder, Bytes(local.len.0 * copies))?;
        eprintln!("pushing {} ({}) to {}", local.name, local.len, bridge.serial());
        let part = format!("{remote}.part");
        bridge.push(&format!("pushing {}", local.name), local.path, &part)?;
        take(bridge, local, folder)?;
    }
    Ok(remote)
}

/// Whether the device has it. A file that isn't remembered, or was written to since, is hashed there.
fn is_known(bridge: &Bridge, local: &Local<'_>, folder: &str) -> anyhow::Result<bool> {
    let look =
        r#"[ "$(cat "$n.known" 2>/dev/null)" = "$(facts)" ] || { is "$n" && note; } && echo known; true"#;
    let doing = format!("looking for {}", local.name);
    Ok(bridge.shell(&doing, &format!("{}\n{look}", preamble(local, folder)))?.trim() == "known")
}

/// Gives what was pushed its name, once the device reads from it what was sent.
fn take(bridge: &Bridge, local: &Local<'_>, folder: &str) -> anyhow::Result<()> {
    let take = r#"if is "$n.part"; then mv -f "$n.part" "$n" && note; else echo differs; fi"#;
    let doing = format!("checking {}", local.name);
    match bridge.shell(&doing, &format!("{}\n{take}", preamble(local, folder)))?.trim() {
        "differs" => bail!(
            "{} arrived damaged: its SHA-256 on the device isn't {}. Start again; if it happens again, try another cable",
            local.name,
            local.hash
        ),
        _ => Ok(()),
    }
}

/// `$n` is the file and `$h` its hash; `is FILE` asks whether a file has the hash, `note` remembers that `$n` has.
fn preamble(local: &Local<'_>, folder: &str) -> String {
    let (folder, name) = (quoted(folder), quoted(&format!("./{}", local.name)));
    format!(
        r#"mkdir -p {folder} && cd {folder} || exit 1
        n={name}; h={}
        facts() {{ echo "$h $(stat -c '%s %Y' "$n" 2>/dev/null)"; }}
        is() {{ [ -f "$1" ] && [ "$(sha256sum "$1" | cut -c1-64)" = "$h" ]; }}
        note() {{ facts > "$n.known"; }}"#,
        local.hash
    )
}

/// Room is asked for first: a phone without any misbehaves in other ways, too.
fn has_room(bridge: &Bridge, local: &Local<'_>, folder: &str, needed: Bytes) -> anyhow::Result<()> {
    // Other models are what takes room, and what else lies there isn't to be lost.
    let left = if folder.starts_with(MODELS) { MODELS } else { folder };
    let (folder, left) = (quoted(folder), quoted(left));
    let script = format!("rm -f {folder}/*.part {MODELS}/*/*.part; df -kP {folder} | tail -n 1");
    let answer = bridge.shell("asking for room", &script)?;
    let free = answer.split_whitespace().nth(3).and_then(|kib| kib.parse().ok()).map(Bytes::kib);
    match free {
        Some(free) if free < needed => bail!(
            "found {free} free on {}, expected {needed} for {}: make room, or remove what earlier sessions left: \
             adb -s {0} shell rm -r {left}",
            bridge.serial(),
            local.name
        ),
        _ => Ok(()),
    }
}
