// --database, the same for every command that opens the server's database.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "core/result.h"

namespace regulus::app {

struct DatabaseFlag {
  std::string text = "sqlite:///data/regulus.db";

  void declare(CLI::App& app);
  // Errors: invalid, a database that is not SQLite.
  Result<std::filesystem::path> path() const;
};

}  // namespace regulus::app
