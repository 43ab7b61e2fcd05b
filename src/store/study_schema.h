// Optuna's 13 tables, as its versions 4.9 and 5 make them (schema version 12, revision v3.2.0.a).
#pragma once

#include "store/sqlite.h"

namespace regulus::store {

// Makes the tables that are missing and the rows that say which version they are.
void create_study_tables(Transaction& transaction);

// Fails the transaction when the file is another program's database or of another schema version. Returns whether all
// tables are there.
bool check_study_tables(Transaction& transaction, std::filesystem::path const& path);

}  // namespace regulus::store
