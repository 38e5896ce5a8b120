// The C surface that Swift sees of this library: its own header, and what Swift cannot import.
#pragma once
#include <pocketsphinx.h>
#include <sphinxbase/err.h>

/// The decoder's default configuration; free it with `cmd_ln_free_r`. (`cmd_ln_init` is variadic.)
static inline cmd_ln_t *pocketsphinx_default_configuration(void) {
    return cmd_ln_init(NULL, ps_args(), TRUE, NULL);
}

/// Sets a flag. (`cmd_ln_set_boolean_r` is a macro.)
static inline void pocketsphinx_set_flag(cmd_ln_t *configuration, char const *name, int on) {
    cmd_ln_set_int_r(configuration, name, on != 0);
}

/// A posterior as a probability from 0 to 1.
static inline double pocketsphinx_probability(ps_decoder_t *decoder, int32 logarithm) {
    return logmath_exp(ps_get_logmath(decoder), logarithm);
}
