// `regulus restore FILE`: a backup in the place of the database, verified first; the present file is kept beside it.
#include <fmt/format.h>

#include "app/command.h"
#include "app/database_flag.h"
#include "store/backup.h"

namespace regulus::app {

Run add_restore(Flags& flags) {
  struct State {
    DatabaseFlag database;
    std::string file;
  };
  auto state = std::make_shared<State>();
  flags.add("file", state->file, "The backup")->required();
  state->database.declare(flags);
  flags.footer("Examples:\n  regulus restore backups/today.db\nThe server must not run meanwhile.");
  return [state](Common const& common) -> Status {
    Result<std::filesystem::path> const path = state->database.path();
    if (!path) return path.error();
    Result<store::Restored> const restored = store::restore(state->file, *path);
    if (!restored) return restored.error();
    std::string const kept = restored->kept ? restored->kept->string() : "";
    return print_result(common,
                        Json::object({{"database", path->string()},
                                      {"kept", kept.empty() ? Json() : Json(kept)},
                                      {"audit_rows", restored->facts.audit.sequence}}),
                        fmt::format("{} is restored, {} audit rows{}", path->string(), restored->facts.audit.sequence,
                                    kept.empty() ? "" : "; what was there is " + kept));
  };
}

}  // namespace regulus::app
