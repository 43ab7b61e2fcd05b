#include "app/database_flag.h"

#include <fmt/format.h>

namespace regulus::app {

void DatabaseFlag::declare(Flags& flags) {
  flags.add("--database", text, "The server's database: sqlite:///relative, sqlite:////absolute or a path")
      ->or_environment("REGULUS_DATABASE")
      ->shows_default();
}

Result<std::filesystem::path> DatabaseFlag::path() const {
  constexpr std::string_view scheme = "sqlite:///";
  if (text.starts_with(scheme)) {
    std::string const path = text.substr(scheme.size());
    if (path.empty())
      return invalid(fmt::format("--database = {} names no file; write sqlite:///data/regulus.db", text));
    return std::filesystem::path(path);
  }
  if (text.find("://") != std::string::npos) {
    return invalid(fmt::format("--database = {}: only sqlite:/// is supported; write sqlite:///data/regulus.db", text));
  }
  if (text.empty()) return invalid("--database is empty; write sqlite:///data/regulus.db");
  return std::filesystem::path(text);
}

}  // namespace regulus::app
