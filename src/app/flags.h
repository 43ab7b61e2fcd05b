// The flags and arguments of a command, as the user types them.
//
//   flags.add("--days", state->days, "Days to play")->between(1, 100'000)->shows_default();
//   flags.add("file", state->file, "Day file")->required();  // no dashes: an argument, by its place
//
// CLI11 reads them. It is a header with everything inside, and whatever includes it compiles for ten seconds longer, so
// flags.cpp is the only file that does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 calls it so
class App;
class Option;
}  // namespace CLI

namespace regulus::app {

// One flag or argument. What describes it returns it, so that descriptions can be strung together.
class Flag {
 public:
  explicit Flag(CLI::Option& option) : option_(&option) {}

  Flag* required();
  // The help names the value that the variable has now.
  Flag* shows_default();
  Flag* between(int low, int high);
  Flag* between(std::int64_t low, std::int64_t high);
  Flag* between(std::uint64_t low, std::uint64_t high);
  Flag* between(double low, double high);
  Flag* one_of(std::vector<std::string> words);
  Flag* existing_file();
  // `complaint` of a word is empty when the word will do.
  Flag* valid(std::function<std::string(std::string const&)> complaint);
  // Several values in one word, with this between them.
  Flag* separated_by(char separator);
  Flag* words(int least, int most);
  // A list ends with its word: the next one is for others.
  Flag* leaves_the_rest();
  // Where it is not given, this variable of the environment says it.
  Flag* or_environment(std::string const& variable);
  Flag* shown_as(std::string const& type);
  Flag* in_group(std::string const& heading);

  bool given() const;
  std::string name() const;

 private:
  CLI::Option* option_;
};

// Variables must live until the command has run. Flags live as long as this does.
class Flags {
 public:
  Flags(std::string const& description, std::string const& program, std::string const& version);
  ~Flags();
  Flags(Flags const&) = delete;
  Flags& operator=(Flags const&) = delete;

  Flag* add(std::string const& name, std::string& value, std::string const& help);
  Flag* add(std::string const& name, std::filesystem::path& value, std::string const& help);
  Flag* add(std::string const& name, std::vector<std::string>& value, std::string const& help);
  Flag* add(std::string const& name, std::vector<std::int64_t>& value, std::string const& help);
  Flag* add(std::string const& name, std::optional<std::int64_t>& value, std::string const& help);
  Flag* add(std::string const& name, int& value, std::string const& help);
  Flag* add(std::string const& name, std::int64_t& value, std::string const& help);
  Flag* add(std::string const& name, std::uint64_t& value, std::string const& help);
  Flag* add(std::string const& name, double& value, std::string const& help);
  // True when it is given.
  Flag* add_switch(std::string const& name, bool& value, std::string const& help);
  // Below the list of flags: what there is to know, and examples.
  void footer(std::string const& text);

  // At most one may be given. Those of a command have the command's flags, too; those of the program have their own
  // alone.
  Flags* add_subcommand(std::string const& name, std::string const& help);
  Flags const* parent() const { return parent_; }

  std::vector<Flag const*> all() const;
  bool given(std::string const& name) const;

  // An exit code: help or version has been printed and there is nothing left to do. Errors: invalid.
  Result<std::optional<int>> parse(int argc, char const* const* argv);
  bool parsed() const;
  // Words that nobody expected.
  std::vector<std::string> remaining() const;
  std::string help() const;

 private:
  Flags(CLI::App& app, Flags const* parent);
  Flag* keep(CLI::Option* option);

  std::unique_ptr<CLI::App> own_;  // of the program; those of subcommands belong to it
  CLI::App* app_;
  Flags const* parent_ = nullptr;
  std::vector<std::unique_ptr<Flag>> flags_;
  std::vector<std::unique_ptr<Flags>> subcommands_;
};

}  // namespace regulus::app
