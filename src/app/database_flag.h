// --database, the same for every command that opens the server's database.
#pragma once

#include <filesystem>
#include <string>

#include "app/flags.h"
#include "core/result.h"

namespace regulus::app {

struct DatabaseFlag {
  std::string text = "sqlite:///data/regulus.db";

  void declare(Flags& flags);
  // Errors: invalid, a database that is not SQLite.
  Result<std::filesystem::path> path() const;
};

}  // namespace regulus::app
