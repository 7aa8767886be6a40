# shellcheck shell=bash
# What the scripts here share: words for people, packages that are needed, stages and their closing line. Sourced by
# scripts that have set `set -euo pipefail`.

# A stage that ends with this was skipped. The number is the one that test harnesses know for it.
readonly SKIPPED=77

STAGES_WANTED=() # all, when empty
STAGES_KNOWN=()
STAGES_PASSED=()
STAGES_FAILED=()
STAGES_SKIPPED=()

# say TEXT...: a line for whoever watches, apart from the results on standard output.
say() {
    printf '%s\n' "$*" >&2
}

# die TEXT...: says it and gives up. 2 is the exit code of a mistake, 1 that of a bad result.
die() {
    say "$*"
    exit 2
}

# as_root COMMAND...: as it is for root, by sudo for others.
as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "this needs root and there is no sudo: $*"
        return 1
    fi
}

# need_apt PACKAGE...: installs those that are missing and says so. Fails, with their names, when it can't.
need_apt() {
    local missing=() package
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    say "installing ${missing[*]} (apt)"
    if ! install_apt "${missing[@]}"; then
        say "missing: ${missing[*]}. Install them with: apt-get install ${missing[*]}"
        return 1
    fi
}

is_installed() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Lists of packages age: a name that apt no longer finds is asked for again with fresh ones.
install_apt() {
    command -v apt-get >/dev/null || return 1
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends "$@")
    as_root "${install[@]}" >/dev/null 2>&1 && return
    as_root apt-get update --quiet=2 >/dev/null && as_root "${install[@]}" >/dev/null
}

# need_rust VERSION: a cargo that is at least that new.
need_rust() {
    command -v cargo >/dev/null || die "cargo is missing: install Rust $1 or newer by rustup (https://rustup.rs)"
    local found
    found=$(rustc --version | cut -d' ' -f2)
    at_least "$1" "$found" || die "found Rust $found, expected $1 or newer: run rustup update"
}

# at_least WANTED FOUND: whether version FOUND is WANTED or newer.
at_least() {
    printf '%s\n%s\n' "$1" "$2" | sort --version-sort --check=silent
}

# stage NAME FUNCTION: runs FUNCTION in a process of its own, so that `set -e` holds inside and a stage that fails ends
# nothing but itself.
stage() {
    local name=$1 status
    STAGES_KNOWN+=("$name")
    [[ ${#STAGES_WANTED[@]} -eq 0 ]] || is_among "$name" "${STAGES_WANTED[@]}" || return 0
    say "── $name"
    set +e
    (
        set -e
        "$2"
    )
    status=$?
    set -e
    case $status in
        0) STAGES_PASSED+=("$name") ;;
        "$SKIPPED") STAGES_SKIPPED+=("$name") ;;
        *) STAGES_FAILED+=("$name") ;;
    esac
}

# is_among WORD WORDS...
is_among() {
    local word
    for word in "${@:2}"; do
        [[ $word != "$1" ]] || return 0
    done
    return 1
}

# skip REASON...: ends the stage that calls it.
skip() {
    say "skipped: $*"
    exit "$SKIPPED"
}

# summary: the closing line. Fails when a stage failed, or was asked for and isn't there.
summary() {
    local wanted
    for wanted in "${STAGES_WANTED[@]}"; do
        is_among "$wanted" "${STAGES_KNOWN[@]}" || die "found no stage $wanted, expected one of: ${STAGES_KNOWN[*]}"
    done
    [[ ${#STAGES_FAILED[@]} -eq 0 ]] || say "failed: ${STAGES_FAILED[*]}"
    [[ ${#STAGES_SKIPPED[@]} -eq 0 ]] || say "skipped: ${STAGES_SKIPPED[*]}"
    echo "${#STAGES_PASSED[@]} passed, ${#STAGES_FAILED[@]} failed, ${#STAGES_SKIPPED[@]} skipped"
    [[ ${#STAGES_FAILED[@]} -eq 0 ]]
}

# need_build: what building this workspace takes: a linker, and for llama.cpp cmake, a C++ compiler and libclang.
need_build() {
    need_rust 1.95
    need_apt gcc g++ cmake clang libclang-dev
}

# swift_bindings LIBRARY: the Swift that calls it into ios/Packbench/build, and beside it in target/ios/ffi the C header. In a
# folder of their own: with uniffi's commands the library's dependencies have other features.
swift_bindings() {
    cargo run --quiet --manifest-path bindings/Cargo.toml --bin uniffi-bindgen --no-default-features \
        --features bindgen --target-dir target/bindgen -- generate --language swift --no-format \
        --out-dir target/ios/ffi --library "$1"
    mkdir -p ios/Packbench/build/bindings
    cp target/ios/ffi/PackbenchBindings.swift ios/Packbench/build/bindings/
}

# rust_lld: the linker that comes with Rust.
rust_lld() {
    echo "$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld"
}

# sha256 FILE: macOS has another program for it than Linux.
sha256() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

# What the compiler is told where the linker can't put functions in place of llama.cpp's calls: docs/adr/0011.
# shellcheck disable=SC2034 # scripts that source this use it
readonly RENAMED_CALLS="-Dmmap=__wrap_mmap -Dmunmap=__wrap_munmap -Dposix_madvise=__wrap_posix_madvise"

# with_tests COMMAND...: a cargo test that fails when one of its programs has no test to run: cargo calls it a success, and a
# stage that picks tests by a name that they no longer have would prove nothing.
with_tests() {
    "$@" | awk '
        { print; fflush() }
        /^running 0 tests/ { none = 1 }
        /^running [1-9]/ { some = 1 }
        END { if (none || !some) { print "found no test to run, expected some" >"/dev/stderr"; exit 1 } }'
}

# bootstrap FOLDER OPTION...: debootstrap of the first Debian that has adbd, whole or not at all. Needs root.
bootstrap() {
    local folder=$1 part=$1.part
    need_apt debootstrap debian-archive-keyring
    rm -rf "$part" "$folder"
    mkdir -p "$part"
    say "fetching ${folder##*/target/} (debootstrap)"
    if ! debootstrap --variant=minbase "${@:2}" trixie "$part" >"$folder.log" 2>&1; then
        tail -n 3 "$folder.log" >&2
        die "debootstrap can't make $folder: see $folder.log"
    fi
    rm -f "$folder.log"
    mv "$part" "$folder"
}

# in_a_network_of_its_own COMMAND...: in namespaces where no port is taken, with adb's server; whatever is started there
# ends with the command. Needs root, adb and ip.
in_a_network_of_its_own() {
    # shellcheck disable=SC2016 # the words are those of the shell inside
    exec unshare --net --mount --pid --fork --kill-child --mount-proc bash -c \
        'ip link set lo up && adb start-server 2>/dev/null && exec "$@"' bash "$@"
}

# for_target TARGET COMMAND...: a cargo command that builds for TARGET, another Linux than this, and runs what it built by
# PACKBENCH_RUNNER, or else by qemu-user where this machine can't. Rust has a C library and a linker for musl. What is C in
# the dependencies of tests, in criterion's, takes no C library.
for_target() {
    local name=${1//-/_} linker=rust-lld flags="-Clink-self-contained=yes -Clinker-flavor=ld.lld" runner=
    case $1 in
        aarch64-*) runner=qemu-aarch64-static ;;
        armv7-*) linker=arm-linux-gnueabihf-gcc flags=-Ctarget-feature=+crt-static runner=qemu-arm-static ;;
    esac
    runner=${PACKBENCH_RUNNER:-$runner}
    env "CC_$name=clang" "CFLAGS_$name=-nostdlibinc -ffreestanding" "CARGO_TARGET_${name^^}_LINKER=$linker" \
        "CARGO_TARGET_${name^^}_RUSTFLAGS=$flags" ${runner:+"CARGO_TARGET_${name^^}_RUNNER=$runner"} "${@:2}"
}
