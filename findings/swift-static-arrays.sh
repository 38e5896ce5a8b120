#!/usr/bin/env bash
# Swift 6.3.1 (swift.org, Linux): an Embedded program of two modules returns one array literal in place of another.
#
# Seen, with a function of two array literals in one module that is called from another; both compiled as the package
# manager does it (`-whole-module-optimization -num-threads N`, any N but 0), and the caller's object first for the
# linker, which is the package manager's order when the caller's module comes first in the alphabet:
#   list(many: false).count, list(many: true).count    2 1, not 1 2
# It is 1 2 with `-num-threads 0`, with `-Xfrontend -enable-single-module-llvm-emission`, and without the pass that
# makes static objects of literals (`-Xllvm -sil-disable-pass=object-outliner`). -O or -Osize, link-time optimisation
# and the linker do not matter.
#
# Why: each module that gets the function's body makes static objects of its literals and numbers them on its own
# (`Tv_`, `Tv0_`: `mangleOutlinedVariable` takes the next name that is free in this module), and the modules meet them
# in a different order. The objects are private in SIL; but with an LLVM module for each file, private symbols become
# `linkonce_odr` and hidden, so that the files can share them (`getIRLinkage`, `needLinkerToMergeDuplicateSymbols`).
# The linker merges the two modules' objects by name. LLVM's manual allows `linkonce_odr` only for globals that are the
# same wherever they are defined (https://llvm.org/docs/LangRef.html#linkage-types). Embedded Swift meets it easily, as
# the body of any function may go to any module.
# What follows for a recorder: a list that is not what its source says. `Package.swift` switches that pass off (decision
# no-static-literals).
#
# Needs nm, and swiftc 6.3.1 with its Embedded libraries; or `SWIFTC=PATH`, for another one.
set -euo pipefail

version=6.3.1
swiftc=${SWIFTC:-swiftc}
found=$("$swiftc" --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1) || found=
if [ -z "$found" ] || { [ -z "${SWIFTC:-}" ] && [ "$found" != "$version" ]; }; then
    echo "needs swiftc $version, found ${found:-none}"
    exit 2
fi
echo "Swift $found"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >Lists.swift <<'SWIFT'
@inline(never) public func list(many: Bool) -> [Int] {
    guard many else { return [1] }
    return [1, 2]
}
SWIFT
cat >Caller.swift <<'SWIFT'
import Lists

@main struct Caller {
    static func main() {
        print(list(many: false).count)
        print(list(many: true).count)
    }
}
SWIFT
# The threads make an LLVM module of each file, when there are several.
echo >Empty.swift

# look OPTION...: what the program prints that is compiled with these options, in one line.
look() {
    local embedded=(-enable-experimental-feature Embedded) module
    rm -rf build && mkdir -p build/Lists build/Caller
    for module in Lists Caller; do
        (cd "build/$module" && "$swiftc" "${embedded[@]}" -parse-as-library -whole-module-optimization -Osize "$@" \
            -module-name "$module" -I .. -emit-module -emit-module-path "../$module.swiftmodule" \
            -c "../../$module.swift" ../../Empty.swift) >&2 || return 2
    done
    "$swiftc" "${embedded[@]}" build/Caller/*.o build/Lists/*.o -o build/program >&2 || return 2
    build/program | paste -s -d ' '
}
symbols() { nm -S "build/$1/$1.o" | awk -v module="$1" '/Tv[0-9]*_/ { print module ": " $4 " " $3 ", bytes 0x" $2 }'; }

changed=0
expect() {
    if [ "$2" = "$3" ]; then echo "as described  $1: $2"; else echo "CHANGED       $1: $2, not $3"; changed=1; fi
}
one_module=(-Xfrontend -enable-single-module-llvm-emission)
no_statics=(-Xllvm -sil-disable-pass=object-outliner)
seen=$(look -num-threads 0) || exit 2
expect 'no threads' "$seen" '1 2'
seen=$(look -num-threads 2 "${one_module[@]}") || exit 2
expect 'two threads, one LLVM module' "$seen" '1 2'
seen=$(look -num-threads 2 "${no_statics[@]}") || exit 2
expect 'two threads, no static literals' "$seen" '1 2'
seen=$(look -num-threads 2) || exit 2
expect 'two threads' "$seen" '2 1'
echo 'its static literals (V: weak, merged by name):'
symbols Lists
symbols Caller
exit "$changed"
