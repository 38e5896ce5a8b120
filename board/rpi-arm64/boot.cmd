# U-Boot's script. Which root is booted: the first in ORDER that is installed (OK) and has not failed twice (TRY). The
# system sets TRY to 0 when its recorder is ready, rauc install sets ORDER: both by files/usr/lib/chalkbox/slot-state.
# Decision slot-states-are-text says why this is no U-Boot environment.
setenv ORDER "A B"
setenv A_OK 1
setenv A_TRY 0
setenv B_OK 0
setenv B_TRY 0
# Where there is room below U-Boot, on a board with 512 MB, too.
setenv block 0x00300000
setenv kernel 0x00400000
setenv ramdisk 0x04000000

if load ${devtype} ${devnum}:1 ${block} slots.txt; then
    env import -t ${block} ${filesize} ORDER A_OK A_TRY B_OK B_TRY
fi

setenv slot
for candidate in ${ORDER}; do
    if test "x${slot}" != "x"; then
        true
    elif test ${candidate} = A; then
        if test "x${A_OK}" = "x1" && test "x${A_TRY}" != "x2"; then setenv slot A; fi
    else
        if test "x${B_OK}" = "x1" && test "x${B_TRY}" != "x2"; then setenv slot B; fi
    fi
done

# Both failed: the first one stays up, whatever comes, so that somebody can look at it.
setenv last
if test "x${slot}" = "x"; then
    setenv last chalkbox.last_resort
    setenv slot A
    if test "x${ORDER}" = "xB A" && test "x${B_OK}" = "x1"; then setenv slot B; fi
fi

if test ${slot} = A; then
    setenv number 2
    setenv uuid @PARTUUID_ROOT_A@
    if test "x${A_TRY}" = "x0"; then setenv A_TRY 1; else setenv A_TRY 2; fi
else
    setenv number 3
    setenv uuid @PARTUUID_ROOT_B@
    if test "x${B_TRY}" = "x0"; then setenv B_TRY 1; else setenv B_TRY 2; fi
fi
env export -t ${block} ORDER A_OK A_TRY B_OK B_TRY
fatwrite ${devtype} ${devnum}:1 ${block} slots.txt ${filesize}

# The kernel lies behind the root's file system, at the next whole MiB (see behind-root); byte 40 tells where that ends.
part start ${devtype} ${devnum} ${number} place
${devtype} read ${block} ${place} 1
setexpr word ${block} + 28
setexpr.l behind *${word}
setexpr behind ${behind} + fffff
setexpr behind ${behind} / 100000
setexpr behind ${behind} * 800
setexpr place ${place} + ${behind}

# One block says how many blocks the kernel and the initial RAM disk have, and how many bytes the latter.
${devtype} read ${block} ${place} 1
setexpr.l mark *${block}
if test "x${mark}" = "x424b4843"; then
    setexpr word ${block} + 4
    setexpr.l kernel_blocks *${word}
    setexpr word ${block} + 8
    setexpr.l ramdisk_blocks *${word}
    setexpr word ${block} + c
    setexpr.l ramdisk_bytes *${word}
    setexpr place ${place} + 1
    ${devtype} read ${kernel} ${place} ${kernel_blocks}
    setexpr place ${place} + ${kernel_blocks}
    ${devtype} read ${ramdisk} ${place} ${ramdisk_blocks}
    setenv bootargs "root=PARTUUID=${uuid} rootfstype=squashfs ro rauc.slot=${slot} ${last} @CMDLINE@"
    booti ${kernel} ${ramdisk}:${ramdisk_bytes} ${fdt_addr}
fi
echo Slot ${slot} holds no kernel that starts: that was one try, the next one comes with the next start.
sleep 5
reset
