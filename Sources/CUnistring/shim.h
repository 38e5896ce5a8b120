// The C surface that Swift sees of this library: its own headers, and what Swift cannot import.
#pragma once
#include <stdlib.h>
#include <unicase.h>
#include <unictype.h>
#include <unigbrk.h>
#include <unilbrk.h>
#include <uninorm.h>
#include <uniwbrk.h>
#include <uniwidth.h>

/// Folded for comparing without case (u8_casefold): full case folding, then NFKC, in no language of its own. In memory
/// that free(3) gives back; NULL when there is none, or nothing to fold.
static inline uint8_t *chalk_casefold(const uint8_t *text, size_t bytes, size_t *folded) {
    return u8_casefold(text, bytes, NULL, UNINORM_NFKC, NULL, folded);
}

/// Whether a character's general category is one of P (punctuation).
static inline bool chalk_is_punctuation(ucs4_t character) {
    return uc_is_general_category_withtable(character, UC_CATEGORY_MASK_P);
}

/// Whether it is one of M (marks).
static inline bool chalk_is_mark(ucs4_t character) {
    return uc_is_general_category_withtable(character, UC_CATEGORY_MASK_M);
}

/// Whether it is Ps or Pi (opening punctuation).
static inline bool chalk_is_opening(ucs4_t character) {
    return uc_is_general_category_withtable(character, UC_CATEGORY_MASK_Ps | UC_CATEGORY_MASK_Pi);
}
