// `regulus backup FILE`: a consistent copy of the server's database, made while the server runs.
#include "store/backup.h"

#include <fmt/format.h>

#include "app/command.h"
#include "app/database_flag.h"
#include "store/hash.h"

namespace regulus::app {

Run add_backup(Flags& flags) {
  struct State {
    DatabaseFlag database;
    std::string file;
  };
  auto state = std::make_shared<State>();
  flags.add("file", state->file, "File to write; must not exist")->required();
  state->database.declare(flags);
  flags.footer("Examples:\n  regulus backup backups/today.db\n  regulus restore backups/today.db");
  return [state](Common const& common) -> Status {
    Result<std::filesystem::path> const path = state->database.path();
    if (!path) return path.error();
    if (!std::filesystem::exists(*path)) {
      return Error{ErrorKind::not_found, fmt::format("--database = {}: there is no such file", path->string())};
    }
    {
      Result<std::unique_ptr<store::Database>> database = store::Database::open(*path);
      if (!database) return database.error();
      if (Status const made = store::back_up(**database, state->file); !made) return made.error();
    }
    // A backup that was never read is a hope.
    Result<store::BackupFacts> const facts = store::verify_backup(state->file);
    if (!facts) return facts.error();
    std::string const head = store::hex_of(facts->audit.hash);
    return print_result(common,
                        Json::object({{"file", state->file},
                                      {"schema_version", facts->schema_version},
                                      {"audit_rows", facts->audit.sequence},
                                      {"audit_head", head}}),
                        fmt::format("{}: verified; {} audit rows, head {}", state->file, facts->audit.sequence, head));
  };
}

}  // namespace regulus::app
