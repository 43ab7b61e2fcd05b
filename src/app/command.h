// What the subcommands share: how one is declared, common flags, settings as flags, output and exit codes.
//
// A subcommand is one file that defines add_<name> and one line in commands.def. add_<name> declares its flags and
// returns what runs after parsing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/flags.h"
#include "core/config.h"
#include "core/json.h"
#include "core/result.h"
#include "lab/config.h"

namespace regulus::app {

// Flags that every command has.
struct Common {
  bool json = false;
  std::string scenario = "classic";
  mutable bool answered = false;  // print_result has said everything; a failure after it adds no second object
  mutable int exit_code = 0;      // of a command that did what it was asked; a verdict may be another one than 0
};

using Run = std::function<Status(Common const&)>;

// What a command can dispatch in, which is what --scenario may say.
enum class Worlds : std::uint8_t { classic, one, families };

struct Command {
  std::string_view name;
  std::string_view summary;
  Run (*add)(Flags&);
  Worlds worlds;
};
std::span<Command const> commands();
// As it is typed: compare-policies, where the file is compare_policies.cpp.
std::string typed_name(Command const& command);

// Settings of a config as flags. Values stay texts until apply(), so that a file and the environment can come first.
class SettingFlags {
 public:
  // Declares one flag for each setting whose path starts with one of `prefixes` (all when empty) and is not in
  // `without`.
  void declare(Flags& flags, std::span<Setting const> settings, std::vector<std::string> const& prefixes = {},
               std::vector<std::string> const& without = {});
  // Sets what was given on the command line. Errors name flag and value.
  Status apply(std::span<Setting const> settings) const;
  bool any_given() const;

 private:
  struct Entry {
    std::string path;
    Flag* option;
    bool is_switch;
  };
  // The flags keep pointers to the texts.
  std::map<std::string, std::vector<std::string>> values_;
  std::vector<Entry> flags_;
};

// This configuration < environment < flags.
Result<lab::Config> resolve(lab::Config config, SettingFlags const& flags);
// Default < file (when given) < environment < flags. What the file says of the environment must not be overridden.
// `scenario` is the command's; where it is classic, the file's own holds.
Result<lab::Config> resolve_file(std::string const& file, SettingFlags const& flags,
                                 std::string const& scenario = "classic");

// Declares --seed: every command has it, and what it means differs.
Flag* add_seed(Flags& flags, std::uint64_t& seed, std::string const& meaning);

// Declares --threads for a command whose result does not depend on it. `of_what` begins the help.
Flag* add_threads(Flags& flags, int& threads, std::string const& of_what = "Threads");

// Declares --progress-file: what `regulus worker` reads of the commands that it runs (core/progress.h).
Flag* add_progress_file(Flags& flags, std::string& path);

// Prints a line to stdout at once. Errors: io, when nobody took it.
Status print_line(std::string const& line);
// Prints the JSON line or the text. Errors: as print_line.
Status print_result(Common const& common, Json const& json, std::string const& text);

// The same words as `regulus …` was called with, quoted for a shell.
std::string command_line();
void remember_command_line(std::span<char const* const> words);

std::string timestamp_now();  // ISO 8601, UTC, or the fixed moment of SOURCE_DATE_EPOCH
std::string stamp_now();      // YYYYmmdd_HHMMSS of the same

int exit_code(ErrorKind kind);

}  // namespace regulus::app
