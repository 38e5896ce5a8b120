# The slot's file system, the disk image, the update bundle. Read by image/build.

make_slot() {
    local kernel=$root/usr/lib/chalkbox/boot behind=board/$BOARD/behind-root
    slot=$work/rootfs.img
    # Where the boot loader does not read the file system, the kernel lies behind it.
    if [ -x "$behind" ]; then mv "$kernel" "$work/kernel"; fi
    root_megabytes=$(du -sm --apparent-size "$root" | cut -f 1)
    # GRUB reads gzip, not zstd. SOURCE_DATE_EPOCH is the time of what is younger, and the file system's own.
    mksquashfs "$root" "$slot" -comp gzip -b 256K -noappend -no-progress -quiet >&2
    if [ -x "$behind" ]; then "$behind" "$work/kernel" "$slot"; fi
    [ "$(stat -c %s "$slot")" -le $((SLOT_MB << 20)) ] || fail "the root does not fit into a slot of $SLOT_MB MB"
    echo "root: $root_megabytes MB, as squashfs $(($(stat -c %s "$slot") >> 20)) MB" >&2
}

make_fat() { # NAME MEGABYTES LABEL SERIAL: $work/NAME.vfat of the folder $work/NAME
    local file=$work/$1.vfat
    find "$work/$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    truncate -s "$2M" "$file"
    mkfs.vfat --invariant -n "$3" -i "$4" "$file" >/dev/null
    # In an order of its own, not the directory's.
    (
        cd "$work/$1"
        find . -mindepth 1 -type d | sort | while read -r directory; do
            mmd -i "$file" "::${directory#./}" </dev/null
        done
        find . -type f | sort | while read -r path; do
            mcopy -m -i "$file" "$path" "::${path#./}" </dev/null
        done
    )
}

make_disk() {
    mkdir "$work/boot" "$work/esp"
    cp image/boot/* "$work/boot/"
    cp "$root/usr/share/chalkbox/chalkbox.conf" "$work/boot/"
    # What is special about the board: its loader's files, on either partition.
    "board/$BOARD/loader" "$root" "$work/boot" "$work/esp"
    make_fat boot "$BOOT_MB" CHALKBOX c4a1b001
    # The mark by which the box knows that it may format this partition, see image/initramfs/chalkbox-data.
    printf 'CHALKBOX-DATA-NEW\n' >"$work/data.img"
    truncate -s 4M "$work/data.img"
    if [ "$PARTITION_TABLE" = gpt ]; then make_fat esp "$ESP_MB" LOADER c4a1b002; fi
    "${PARTITION_TABLE}_layout" >"$work/genimage.cfg"
    mkdir "$work/empty" "$work/genimage"
    genimage --config "$work/genimage.cfg" --rootpath "$work/empty" --tmppath "$work/genimage/tmp" \
        --inputpath "$work" --outputpath "$work/genimage" --loglevel 1 >&2
    image=$work/genimage/disk.img
    fallocate --dig-holes "$image"
}

# The boot partition is no EFI system partition: Windows would hide that.
gpt_layout() {
    cat <<END
image disk.img {
  hdimage {
    partition-table-type = gpt
    disk-uuid = c4a1b0c5-0000-4000-8000-000000000000
    align = 1M
  }
  partition boot {
    image = boot.vfat
    partition-type-uuid = ebd0a0a2-b9e5-4433-87c0-68b6b72699c7
    partition-uuid = $PARTUUID_BOOT
  }
  partition esp {
    image = esp.vfat
    partition-type-uuid = c12a7328-f81f-11d2-ba4b-00a0c93ec93b
    partition-uuid = $PARTUUID_ESP
  }
  partition root-a {
    image = rootfs.img
    size = ${SLOT_MB}M
    partition-type-uuid = 0fc63daf-8483-4772-8e79-3d69d8477de4
    partition-uuid = $PARTUUID_ROOT_A
  }
  partition root-b {
    size = ${SLOT_MB}M
    partition-type-uuid = 0fc63daf-8483-4772-8e79-3d69d8477de4
    partition-uuid = $PARTUUID_ROOT_B
  }
  partition data {
    image = data.img
    partition-type-uuid = 0fc63daf-8483-4772-8e79-3d69d8477de4
    partition-uuid = $PARTUUID_DATA
  }
}
END
}

mbr_layout() {
    cat <<END
image disk.img {
  hdimage {
    partition-table-type = mbr
    disk-signature = 0xc4a1b0c5
    align = 1M
  }
  partition boot {
    image = boot.vfat
    partition-type = 0xc
    bootable = true
  }
  partition root-a {
    image = rootfs.img
    size = ${SLOT_MB}M
    partition-type = 0x83
  }
  partition root-b {
    size = ${SLOT_MB}M
    partition-type = 0x83
  }
  partition data {
    image = data.img
    partition-type = 0x83
  }
}
END
}

make_bundle() {
    local keys certificate key
    certificate=${CHALKBOX_SIGNING_CERTIFICATE:-} key=${CHALKBOX_SIGNING_KEY:-}
    if [ -z "$key" ]; then
        keys=$(image/keys)
        certificate=$keys/signing.pem key=$keys/signing.key
    fi
    mkdir "$work/bundle"
    cp --reflink=auto "$slot" "$work/bundle/rootfs.img"
    cat >"$work/bundle/manifest.raucm" <<END
[update]
compatible=chalkbox-$BOARD
version=$VERSION

[bundle]
format=verity

[image.rootfs]
filename=rootfs.img
END
    rm -f "$out/chalkbox-$BOARD.raucb"
    rauc --cert="$certificate" --key="$key" --keyring="$(keyring)" bundle "$work/bundle" \
        "$out/chalkbox-$BOARD.raucb" >&2
}

finish() {
    local name=chalkbox-$BOARD
    bmaptool --quiet create -o "$out/$name.img.bmap" "$image"
    zstd -q -f -6 -T0 "$image" -o "$out/$name.img.zst"
    image/spdx "$root/var/lib/dpkg/status" "$name" "$VERSION" "$SOURCE_DATE_EPOCH" >"$out/$name.spdx.json"
    (cd "$out" && sha256sum "$name".img.zst "$name".img.bmap "$name".raucb "$name".spdx.json >SHA256SUMS)
}
