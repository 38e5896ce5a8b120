#!/usr/bin/env bash
# systemd 252.39-1~deb12u2 (Debian 12): journalctl does not look at whether its output was written.
#
# Seen, with a journal file of 5,000 lines that systemd-journal-remote made of the export format:
#   to a pipe                    5000 lines, exit 0
#   to a file, 64 KiB are left   1360 lines, the next one cut off, nothing on standard error, exit 0
#   to /dev/full                 nothing, exit 0; `--output=json` likewise
# cat(1) and sed(1) end with 1 and say "No space left on device" there.
# What follows for a recorder: who saves a log on a stick with `journalctl >FILE` believes that it is whole. Its output
# has to go through a program that checks what it writes.
#
# Needs apt, root (for a small tmpfs) and the network's Debian mirror; changes nothing outside its folder.
set -euo pipefail

version=252.39-1~deb12u2
folder=$(mktemp -d)
trap 'umount "$folder/small" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq "systemd=$version" "libsystemd-shared=$version" "systemd-journal-remote=$version" \
    libmicrohttpd12=0.9.75-6 >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" files; done
library_path=$folder/files/lib/x86_64-linux-gnu/systemd:$folder/files/usr/lib/x86_64-linux-gnu/systemd
library_path=$library_path:$folder/files/usr/lib/x86_64-linux-gnu
with_libraries() { LD_LIBRARY_PATH=$library_path "$@"; }

for line in $(seq 5000); do
    printf '__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%032x\nMESSAGE=line %d of a long log\n\n' \
        $((1700000000000000 + line * 1000)) "$line" 7 "$line"
done >log.export
with_libraries files/lib/systemd/systemd-journal-remote --output=log.journal - <log.export 2>/dev/null
read_log() { with_libraries files/bin/journalctl --file="$folder/log.journal" --no-pager "$@"; }

expect() { [ "$2" = "$3" ] || { echo "$1: $2, not $3"; exit 1; }; echo "$1: $2"; }

with_libraries files/bin/journalctl --version | head -n 1
expect 'lines to a pipe' "$(read_log | wc -l)" 5000
expect 'exit, to a full device' "$(read_log >/dev/full && echo 0)" 0
expect 'exit, as JSON' "$(read_log --output=json >/dev/full && echo 0)" 0
mkdir small
mount -t tmpfs -o size=64k none small
expect 'exit, to a full disk' "$(read_log >small/log 2>errors && echo 0)" 0
expect 'bytes of messages about it' "$(wc -c <errors)" 0
expect 'bytes that are there' "$(wc -c <small/log)" 65536
expect 'whole lines that are there' "$(wc -l <small/log)" 1360
expect 'exit of cat, to a full device' "$(cat log.export 2>/dev/null >/dev/full || echo $?)" 1
