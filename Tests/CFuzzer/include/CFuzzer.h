// libFuzzer, as a library of its own main program (llvm.org/docs/LibFuzzer.html, "Using libFuzzer as a library").
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Runs libFuzzer with the program's arguments; `one` is told each input. Its exit status; 2 in a build without the
/// trait `Fuzz`.
int fuzzer_run(int argc, char **argv, int (*one)(const uint8_t *bytes, size_t count));
