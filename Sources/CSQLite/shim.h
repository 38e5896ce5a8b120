// The C surface that Swift sees of this library: its own header, and what Swift cannot import.
#pragma once
#include <sqlite3.h>

/// `sqlite3_bind_text` with SQLITE_TRANSIENT, a cast that Swift does not import: SQLite copies the text.
static inline int chalk_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, int bytes) {
    return sqlite3_bind_text(statement, index, text, bytes, SQLITE_TRANSIENT);
}
