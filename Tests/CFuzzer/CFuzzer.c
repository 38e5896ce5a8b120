#include "CFuzzer.h"
#include <stdio.h>

#ifdef CHALKBOX_FUZZ
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one)(const uint8_t *bytes, size_t count));
#endif

int fuzzer_run(int argc, char **argv, int (*one)(const uint8_t *bytes, size_t count)) {
#ifdef CHALKBOX_FUZZ
    return LLVMFuzzerRunDriver(&argc, &argv, one);
#else
    (void)argc, (void)argv, (void)one;
    fputs("chalkbox-fuzz: built without libFuzzer; use Tests/fuzz\n", stderr);
    return 2;
#endif
}
