#include "app/command.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace regulus::app {

#define COMMAND(name, summary) Run add_##name(CLI::App& app);
#include "app/commands.def"
#undef COMMAND

std::span<Command const> commands() {
  static constexpr Command all[] = {
#define COMMAND(name, summary) {#name, summary, add_##name},
#include "app/commands.def"
#undef COMMAND
  };
  return all;
}

void SettingFlags::declare(CLI::App& app, std::span<Setting const> settings, std::vector<std::string> const& prefixes,
                           std::vector<std::string> const& without) {
  auto const starts = [](std::string const& path) {
    return [&path](std::string const& prefix) { return path.starts_with(prefix); };
  };
  for (Setting const& s : settings) {
    if (!prefixes.empty() && std::ranges::none_of(prefixes, starts(s.path))) continue;
    if (std::ranges::find(without, s.path) != without.end()) continue;
    auto* option = app.add_option(flag_name(s), values_[s.path],
                                  fmt::format("{} [{}; default {}]", s.help, allowed_values(s), s.get().dump()));
    // A switch may stand alone: --dueling is --dueling true.
    option->expected(s.type == SettingType::flag ? 0 : 1, 1)->type_name("")->group(s.path.substr(0, s.path.find('.')));
    flags_.push_back({s.path, option});
  }
}

Status SettingFlags::apply(std::span<Setting const> settings) const {
  for (Flag const& flag : flags_) {
    if (flag.option->count() == 0) continue;
    auto const& texts = values_.at(flag.path);
    std::string const text = texts.empty() || texts.front().empty() ? "true" : texts.front();
    if (Status set = apply_text(settings, flag.path, text); !set) return set.error().in(flag.option->get_name());
  }
  return ok();
}

bool SettingFlags::any_given() const {
  return std::ranges::any_of(flags_, [](Flag const& flag) { return flag.option->count() > 0; });
}

Result<lab::Config> resolve(std::string const& file, SettingFlags const& flags) {
  lab::Config config;
  if (!file.empty()) {
    if (Status applied = lab::apply_file(config, file); !applied) return applied.error();
  }
  auto const leaves = settings(config);
  if (Status applied = apply_environment(leaves, [](char const* name) { return std::getenv(name); }); !applied)
    return applied.error();
  // A file that belongs to another environment than the flags ask for is refused below, not overridden.
  sim::ClassicConfig const from_file = config.environment;
  if (Status applied = flags.apply(leaves); !applied) return applied.error();
  if (!file.empty()) {
    if (Status same = lab::same_environment(from_file, file, config.environment, "the command line"); !same)
      return same.error();
  }
  if (Status consistent = lab::check_consistent(config); !consistent) return consistent.error();
  return config;
}

void print_result(Common const& common, Json const& json, std::string const& text) {
  fmt::print("{}\n", common.json ? json.dump() : text);
  std::fflush(stdout);
}

namespace {
std::string& stored_command_line() {
  static std::string line;  // set once in main, before any thread
  return line;
}

std::time_t moment() {
  // The convention of reproducible builds: a fixed moment makes whole files comparable.
  if (char const* fixed = std::getenv("SOURCE_DATE_EPOCH")) return static_cast<std::time_t>(std::atoll(fixed));
  return std::time(nullptr);
}

std::string formatted(char const* format) {
  std::time_t const now = moment();
  std::tm utc{};
  gmtime_r(&now, &utc);
  char buffer[64];
  return {buffer, std::strftime(buffer, sizeof buffer, format, &utc)};
}
}  // namespace

std::string command_line() { return stored_command_line(); }

void remember_command_line(std::span<char const* const> words) {
  std::string& line = stored_command_line();
  line = "regulus";
  for (std::size_t i = 1; i < words.size(); ++i) {
    std::string_view const word = words[i];
    bool const plain =
        !word.empty() &&
        word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,%+@") ==
            std::string_view::npos;
    line += ' ';
    if (plain) {
      line += word;
      continue;
    }
    line += '\'';
    for (char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
}

std::string timestamp_now() { return formatted("%Y-%m-%dT%H:%M:%SZ"); }
std::string stamp_now() { return formatted("%Y%m%d_%H%M%S"); }

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
    case ErrorKind::not_found:
      return 2;
    case ErrorKind::corrupt:
    case ErrorKind::io:
      return 1;
    case ErrorKind::interrupted:
      return 130;
  }
  return 1;
}

}  // namespace regulus::app
