// What Embedded Swift asks when it compares texts that are not ASCII, in order to find "é" equal to "e" and a combining
// accent. The library's answers are 30 KB of tables. Nothing in the product compares text in two normal forms: what it
// compares with each other comes from one source. So texts are equal here when their bytes are.
#ifdef CHALKBOX_EMBEDDED
#include <stdint.h>

// Declared as in SwiftShims/UnicodeData.h.
const uint8_t *const _swift_stdlib_nfd_decompositions = (const uint8_t *)"";

// In normal form already, and combining with nothing.
uint16_t _swift_stdlib_getNormData(uint32_t scalar) { return (void)scalar, 0; }

uint32_t _swift_stdlib_getDecompositionEntry(uint32_t scalar) { return (void)scalar, 0; }

uint32_t _swift_stdlib_getComposition(uint32_t first, uint32_t second) {
    return (void)first, (void)second, UINT32_MAX;
}
#endif
