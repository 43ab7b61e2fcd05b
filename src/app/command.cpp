#include "app/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>

#include "lab/scenarios.h"

namespace regulus::app {

#define COMMAND(name, summary) Run add_##name(Flags& flags);
#include "app/commands.def"
#undef COMMAND

namespace {
constexpr Worlds worlds_of(std::string_view name) {
  for (std::string_view one : {"simulate", "compare_policies", "tune", "train", "evaluate", "compare"}) {
    if (name == one) return Worlds::one;
  }
  return name == "gate" ? Worlds::families : Worlds::classic;
}
}  // namespace

std::span<Command const> commands() {
  static constexpr Command all[] = {
#define COMMAND(name, summary) {#name, summary, add_##name, worlds_of(#name)},
#include "app/commands.def"
#undef COMMAND
  };
  return all;
}

std::string typed_name(Command const& command) {
  std::string name(command.name);
  std::ranges::replace(name, '_', '-');
  return name;
}

void SettingFlags::declare(Flags& flags, std::span<Setting const> settings, std::vector<std::string> const& prefixes,
                           std::vector<std::string> const& without) {
  auto const starts = [](std::string const& path) {
    return [&path](std::string const& prefix) { return path.starts_with(prefix); };
  };
  for (Setting const& s : settings) {
    if (!prefixes.empty() && std::ranges::none_of(prefixes, starts(s.path))) continue;
    if (std::ranges::find(without, s.path) != without.end()) continue;
    if (s.path == "scenario") continue;  // every command has a --scenario of its own
    auto* option = flags.add(flag_name(s), values_[s.path],
                             fmt::format("{} [{}; default {}]", s.help, allowed_values(s), s.get().dump()));
    // A switch may stand alone: --dueling is --dueling true. A list in brackets is one word, read by apply_text.
    bool const is_switch = s.type == SettingType::flag;
    option->words(is_switch ? 0 : 1, 1)->leaves_the_rest()->shown_as(is_switch ? "" : "VALUE");
    option->in_group(s.path.substr(0, s.path.find('.')));
    flags_.push_back({s.path, option, is_switch});
  }
}

Status SettingFlags::apply(std::span<Setting const> settings) const {
  for (Entry const& flag : flags_) {
    if (!flag.option->given()) continue;
    auto const& texts = values_.at(flag.path);
    std::string text = texts.empty() ? "" : texts.front();
    if (text.empty() && !flag.is_switch) return invalid(flag.option->name() + " has an empty value");
    if (text.empty()) text = "true";
    if (Status set = apply_text(settings, flag.path, text); !set) return set.error().in(flag.option->name());
  }
  return ok();
}

bool SettingFlags::any_given() const {
  return std::ranges::any_of(flags_, [](Entry const& flag) { return flag.option->given(); });
}

Result<lab::Config> resolve(lab::Config config, SettingFlags const& flags) {
  auto const leaves = settings(config);
  if (Status applied = apply_environment(leaves, [](char const* name) { return std::getenv(name); }); !applied)
    return applied.error();
  if (Status applied = flags.apply(leaves); !applied) return applied.error();
  if (Status consistent = lab::check_consistent(config); !consistent) return consistent.error();
  return config;
}

Result<lab::Config> resolve_file(std::string const& file, SettingFlags const& flags, std::string const& scenario) {
  lab::Config base = scenario == lab::classic_scenario ? lab::Config{} : lab::dispatch_defaults(scenario);
  if (file.empty()) return resolve(std::move(base), flags);
  if (Status applied = lab::apply_file(base, file); !applied) return applied.error();
  if (scenario != lab::classic_scenario && base.scenario != scenario) {
    return invalid(fmt::format("scenario = {} in {} but {} in this command", base.scenario, file, scenario));
  }
  Result<lab::Config> config = resolve(std::move(base), flags);
  if (!config) return config;
  // A file that names another environment than the flags ask for is refused, not overridden.
  lab::Config by_file = *config;
  if (Status applied = lab::apply_file(by_file, file); !applied) return applied.error();
  if (Status same = lab::same_environment(by_file.environment, file, config->environment, "this command"); !same)
    return same.error();
  return config;
}

Status print_line(std::string const& line) {
  std::string const whole = line + "\n";
  bool const written = std::fwrite(whole.data(), 1, whole.size(), stdout) == whole.size() && std::fflush(stdout) == 0;
  if (!written) return Error{ErrorKind::io, fmt::format("cannot write to standard output: {}", std::strerror(errno))};
  return ok();
}

Status print_result(Common const& common, Json const& json, std::string const& text) {
  if (Status printed = print_line(common.json ? json.dump() : text); !printed) return printed;
  common.answered = true;
  return ok();
}

Flag* add_seed(Flags& flags, std::uint64_t& seed, std::string const& meaning) {
  // JSON, where every seed is recorded, has no larger integers.
  return flags.add("--seed", seed, meaning)
      ->between(std::uint64_t{0}, std::uint64_t{std::numeric_limits<std::int64_t>::max()})
      ->shows_default();
}

Flag* add_threads(Flags& flags, int& threads, std::string const& of_what) {
  return flags.add("--threads", threads, of_what + "; the result does not depend on it")->between(1, 1024);
}

Flag* add_progress_file(Flags& flags, std::string& path) {
  return flags.add("--progress-file", path, "Write into this file how much is done, from 0 to 1");
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
    case ErrorKind::conflict:
    case ErrorKind::busy:
    case ErrorKind::full:
      return 1;
    case ErrorKind::interrupted:
      return 130;
  }
  return 1;
}

}  // namespace regulus::app
