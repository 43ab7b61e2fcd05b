// A second file with everything in it, and the way back.
//
// A backup is made page by page from one view of the database while others read and write, is flushed, and appears
// under its name complete or not at all. Restoring works on a copy: it is checked page by page, brought to the present
// schema and its audit chain recomputed, and only then does it take the place of the present file, of which a second
// name stays. So nothing is lost by restoring the wrong file, or a damaged one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "core/result.h"
#include "store/audit_log.h"
#include "store/database.h"

namespace regulus::store {

// Copies the database to a file that must not exist yet. Creates missing folders. Errors: conflict when the file
// exists; io, full: then there is no file.
Status back_up(Database& database, std::filesystem::path const& target);

struct BackupFacts {
  std::int64_t schema_version = 0;  // as it was, before any migration
  AuditHead audit;
};
// Reads a backup from end to end, on a copy beside it, so that it stays as it is. Errors: not_found, io, full; corrupt
// for a damaged file or a broken audit chain; invalid for another program's or a newer version's.
Result<BackupFacts> verify_backup(std::filesystem::path const& backup);

struct Restored {
  BackupFacts facts;
  std::optional<std::filesystem::path> kept;  // the file that was there before; with its log beside it, if it had one
};
// Puts the backup in the place of `target`, which nobody may have open. Errors as verify_backup, and busy when somebody
// does; after any error `target` is as it was.
Result<Restored> restore(std::filesystem::path const& backup, std::filesystem::path const& target);

}  // namespace regulus::store
