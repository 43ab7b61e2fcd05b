// The tables of the server's database, as a list of steps from an empty file to the present.
//
// A step is never changed once it was released; a new one goes to the end of the list. All steps that a file lacks are
// applied in one transaction, so a file is of one version or of the next, never between. What differs from standard SQL
// is the word STRICT (SQLite then keeps the declared types); pragmas hold whose file it is and which version.
//
// Times are microseconds since 1970, UTC. A `version` rises by one with every change of its row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "store/sqlite.h"

namespace regulus::store {

// "RGLS": what the file says it is.
inline constexpr std::int64_t application_id = 0x52474C53;

// The statements of one step each; step i leads from version i to version i + 1.
std::span<std::span<std::string_view const> const> migrations();

// Brings the file from whatever version to the newest. Fails the transaction with `invalid` when it is another
// program's file or of a newer version, and names both.
void migrate(Transaction& transaction, std::filesystem::path const& path);

// The version of an open file; 0 is an empty one.
std::int64_t schema_version(Transaction& transaction);

}  // namespace regulus::store
