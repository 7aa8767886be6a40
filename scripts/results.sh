# shellcheck shell=bash
# Results that are kept in bench-results/, with what made them. Sourced after lib.sh.

# result_base STAGE: where a stage's results go, without extension. Results are only ever added, so a stage that ran
# on this day on this device already goes to the next folder.
result_base() {
    local folder number=1
    folder=bench-results/$(date --utc +%F)-$(device)
    local free=$folder
    while [[ -e $free/$1.txt ]]; do
        number=$((number + 1))
        free=$folder.$number
    done
    mkdir -p "$free"
    echo "$free/$1"
}

# A short name of this kind of machine, none of this machine: `amd-epyc-2cpu`.
device() {
    local name
    name=$(cat /sys/class/dmi/id/product_name 2>/dev/null || processor)
    printf '%s' "$name $(nproc)cpu" | tr '[:upper:]' '[:lower:]' | tr --complement --squeeze-repeats 'a-z0-9' '-'
}

processor() {
    sed --quiet 's/^model name[[:space:]]*: //p; s/^Hardware[[:space:]]*: //p' /proc/cpuinfo | head -n 1
}

# provenance COMMAND...: the first lines of a result.
provenance() {
    echo "\$ $*"
    echo "commit $(git describe --always --dirty), $(date --utc +%FT%TZ)"
    echo "$(processor), $(nproc) processors, Linux $(uname --kernel-release), load $(cut -d' ' -f1 /proc/loadavg)"
    echo
}
