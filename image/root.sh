# The root of a slot: Debian's packages, the recorder, and image/files over it. Read by image/build.

SUITE=bookworm
# Files of packages that a box has no use for; licences stay.
LEFT_OUT='/usr/share/doc/* /usr/share/man/* /usr/share/locale/* /usr/share/info/* /usr/share/grub/* /usr/lib/grub/*
    /usr/share/bash-completion/* /usr/share/lintian/* /usr/share/bug/* /usr/share/sounds/*
    /usr/share/alsa/speaker-test/*'
# Units of Debian's that write to flash, wait, or offer what a box does not have.
MASKED='getty.target systemd-machine-id-commit.service systemd-update-utmp.service systemd-pstore.service
    systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer
    e2scrub_reap.service grub-common.service grub-initrd-fallback.service alsa-restore.service alsa-state.service
    systemd-firstboot.service systemd-sysusers.service ldconfig.service systemd-update-done.service
    systemd-hwdb-update.service systemd-journal-catalog-update.service systemd-tmpfiles-clean.timer'
ENABLED='chalkbox.service chalkbox-boot.service chalkbox-ssh-key.service chalkbox-good.service chalkbox-deadline.timer
    chalkbox-report.service chalkbox-clock.timer systemd-networkd.service systemd-resolved.service
    systemd-timesyncd.service ssh.service'

make_recorder() {
    recorder=${CHALKBOX_BINARY:-}
    if [ -z "$recorder" ]; then
        if [ "$ARCH" = "$(dpkg --print-architecture)" ]; then
            recorder=$(board/build)
        else
            recorder=$(board/build --arch "$ARCH")
        fi
    fi
    recorder=$(readlink -f "$recorder")
}

make_base() {
    local packages options=() pattern digest
    packages=$(awk '$1 == "box" { print $2 }' board/packages; printf '%s\n' $PACKAGES)
    set -f
    for pattern in $LEFT_OUT; do options+=("--dpkgopt=path-exclude=$pattern"); done
    set +f
    options+=('--dpkgopt=path-include=/usr/share/doc/*/copyright')
    digest=$(printf '%s\n' "$SUITE" "$ARCH" "$packages" "${options[@]}" | sha256sum | cut -c 1-12)
    base=$cache/base-$ARCH-$digest.tar
    if [ -n "$fresh" ] || [ ! -e "$base" ]; then
        # A time of its own, so that the next commit can use it as well; the slot's file system has the commit's. No
        # initial RAM disk: Debian's would hold most modules, which takes a quarter of an hour on an emulated processor.
        INITRD=No SOURCE_DATE_EPOCH=1767225600 mmdebstrap --variant=essential --architectures="$ARCH" --quiet \
            --components=main,non-free-firmware --include="$(printf '%s' "$packages" | tr '\n' ',')" "${options[@]}" \
            "$SUITE" "$work/base.tar" >&2
        mv "$work/base.tar" "$base"
    fi
    mkdir "$root"
    tar -xf "$base" -C "$root"
}

fill_in() { # FILE: @NAME@ becomes the variable's value
    sed -i -e "s|@PARTUUID_BOOT@|$PARTUUID_BOOT|; s|@PARTUUID_ESP@|$PARTUUID_ESP|" "$1"
}

put() { # MODE FOLDER FILE…: those of the files that there are
    local mode=$1 folder=$2 file
    shift 2
    for file in "$@"; do
        if [ -f "$file" ]; then install -D -m "$mode" "$file" -t "$root/$folder"; fi
    done
}

make_root() {
    install -m 755 "$recorder" "$root/usr/bin/chalkbox"
    # What every box has, the image or not.
    put 644 usr/lib/systemd/system board/systemd/*.service board/systemd/*.timer board/systemd/*.path
    put 644 usr/lib/udev/rules.d udev/*.rules
    put 644 usr/lib/sysusers.d board/sysusers.d/*.conf
    put 644 usr/lib/tmpfiles.d board/tmpfiles.d/*.conf
    put 755 usr/libexec/chalkbox board/commands/*
    put 644 usr/share/chalkbox board/transcript.html
    # Completions; there is no man(1) in the image.
    timeout 900 swift run --quiet chalkbox-docs --date "$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)" "$work/docs" >&2
    cp -R "$work/docs/usr/share/." "$root/usr/share/"
    rm -r "$root/usr/share/man/man1/chalkbox.1" "$root/usr/share/man/man5/chalkbox.conf.5"
    put 755 etc/update-motd.d board/motd/*
    install -D -m 644 board/systemd/watchdog.conf "$root/etc/systemd/system.conf.d/50-chalkbox-watchdog.conf"
    install -D -m 644 board/sysctl.conf "$root/usr/lib/sysctl.d/60-chalkbox.conf"
    cp -R image/files/. "$root/"
    if [ -d "board/$BOARD/files" ]; then cp -R "board/$BOARD/files/." "$root/"; fi
    [ -n "$PARTUUID_ESP" ] || rm "$root"/usr/lib/systemd/system/efi.*
    for file in etc/fstab usr/lib/systemd/system/efi.mount; do
        if [ -e "$root/$file" ]; then fill_in "$root/$file"; fi
    done
    chmod 440 "$root/etc/sudoers.d/chalkbox"
    mkdir -p "$root/data" "$root/efi" "$root/etc/chalkbox" "$root/etc/rauc" "$root/usr/share/chalkbox" \
        "$root/var/lib/chalkbox"
    board_configuration >"$root/usr/share/chalkbox/chalkbox.conf"
    board_defaults >"$root/usr/share/chalkbox/defaults.conf"
    rauc_configuration >"$root/etc/rauc/system.conf"
    install -m 644 "$(keyring)" "$root/etc/rauc/keyring.pem"
    {
        printf 'BOARD=%s\nVERSION=%s\n' "$BOARD" "$VERSION"
        for name in PARTUUID_BOOT PARTUUID_ESP PARTUUID_ROOT_A PARTUUID_ROOT_B PARTUUID_DATA; do
            printf '%s=%s\n' "$name" "${!name}"
        done
    } >"$root/usr/lib/chalkbox/board.conf"
    printf 'IMAGE_ID=chalkbox-%s\nIMAGE_VERSION=%s\n' "$BOARD" "$VERSION" >>"$root/usr/lib/os-release"
    systemd-sysusers --root="$root"
    # shellcheck disable=SC2086
    systemctl --quiet --root="$root" mask $MASKED
    # shellcheck disable=SC2086
    systemctl --quiet --root="$root" enable $ENABLED
    [ -z "$PARTUUID_ESP" ] || systemctl --quiet --root="$root" enable efi.automount
    systemctl --quiet --root="$root" disable wpa_supplicant.service
    systemctl --quiet --root="$root" set-default multi-user.target
    drop_what_is_not_needed
}

# The board's devices alone: what holds where chalkbox.conf on the card says nothing of them, or something wrong. The
# recorder's own defaults may be lines that this board uses for something else.
board_defaults() {
    printf '[audio]\ndevice = %s\n\n' "$AUDIO_DEVICE"
    printf '[panel]\ndriver = %s\nstart_line = %s\nstop_line = %s\n' "$PANEL_DRIVER" "$START_LINE" "$STOP_LINE"
    printf 'green_line = %s\namber_line = %s\nred_line = %s\n' "$GREEN_LINE" "$AMBER_LINE" "$RED_LINE"
}

# board/chalkbox.conf with these; lines end as Windows wants them.
board_configuration() {
    board_defaults | awk -F ' = ' '
        /^\[/ { section = $1 }
        FILENAME == "-" { if (NF > 1) devices[section $1] = $2; next }
        NF > 1 && section $1 in devices {
            match($0, /^[^ ]* = [^ ]* */)
            $0 = $1 " = " devices[section $1] "  " substr($0, RLENGTH + 1)
        }
        { printf "%s\r\n", $0 }' - board/chalkbox.conf
}

rauc_configuration() {
    cat <<END
[system]
compatible=chalkbox-$BOARD
bootloader=$RAUC_BOOTLOADER
${RAUC_SYSTEM:-}
mountprefix=/run/rauc
statusfile=/data/rauc/status
bundle-formats=verity
${RAUC_HANDLERS:+
[handlers]
$RAUC_HANDLERS
}
[keyring]
path=/etc/rauc/keyring.pem
# The box's clock may be wrong, and must not keep it from an update.
use-bundle-signing-time=true

[slot.rootfs.0]
device=/dev/disk/by-partuuid/$PARTUUID_ROOT_A
type=raw
bootname=A

[slot.rootfs.1]
device=/dev/disk/by-partuuid/$PARTUUID_ROOT_B
type=raw
bootname=B
END
}

keyring() { printf '%s\n' "${CHALKBOX_KEYRING:-$(image/keys)/authority.pem}"; }

drop_what_is_not_needed() {
    local pattern modules
    modules=$(echo "$root"/usr/lib/modules/*)
    for pattern in $DROPPED_MODULES; do
        # shellcheck disable=SC2086
        rm -rf "$modules"/kernel/$pattern
    done
    for pattern in ${DROPPED_FIRMWARE:-}; do
        # shellcheck disable=SC2086
        rm -rf "$root"/usr/lib/firmware/$pattern
    done
    drop_old_iwlwifi
    # Its sources: what is read is hwdb.bin.
    rm -rf "$root"/usr/lib/udev/hwdb.d
    rm -rf "$root"/etc/ssh/ssh_host_* "$root"/etc/hostname "$root"/etc/fake-hwclock.data
    rm -rf "$root"/var/lib/dpkg/info "$root"/var/lib/dpkg/*-old
    rm -rf "$root"/var/cache/* "$root"/var/log/* "$root"/var/lib/systemd/* "$root"/var/lib/apt "$root"/etc/*-
    rm -rf "$root"/var/backups "$root"/tmp/* "$root"/run/* "$root"/etc/.pwd.lock "$root"/usr/share/grub
    : >"$root/etc/machine-id"
    # pam_env(8) looks for it at each log-in.
    : >"$root/etc/default/locale"
    ln -sfn ../../../etc/machine-id "$root/var/lib/dbus/machine-id"
    ln -sfn ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
    # The day of the last change, which is that of the build.
    sed -i -E "s/^([^:]*:[^:]*:)[0-9]*:/\1$((SOURCE_DATE_EPOCH / 86400)):/" "$root/etc/shadow"
}

# Intel's firmware comes in several versions for each chip; the driver asks for the newest first.
drop_old_iwlwifi() {
    local file family last=
    find "$root/usr/lib/firmware" -maxdepth 1 -name 'iwlwifi-*.ucode' | sort -rV | while read -r file; do
        family=${file%-*}
        if [ "$family" = "$last" ]; then rm "$file"; fi
        last=$family
    done
}

make_initrd() {
    local release settings=$root/etc/initramfs-tools module
    release=$(basename "$root"/usr/lib/modules/*)
    depmod -b "$root" "$release"
    printf 'MODULES=list\nCOMPRESS=zstd\nFSTYPE=squashfs\n' >"$settings/conf.d/chalkbox"
    printf '%s\n' $INITRD_MODULES >"$settings/modules"
    install -m 755 image/initramfs/hook "$settings/hooks/chalkbox"
    install -m 755 image/initramfs/chalkbox-data "$settings/scripts/local-bottom/chalkbox-data"
    install -d "$root/usr/lib/chalkbox/boot"
    chroot "$root" mkinitramfs -o /usr/lib/chalkbox/boot/initrd.img "$release" >&2
    mv "$root/boot/vmlinuz-$release" "$root/usr/lib/chalkbox/boot/vmlinuz"
    rm -rf "$root"/boot/* "$root"/vmlinuz* "$root"/initrd.img* "$root"/var/tmp/*
}
