// regulus: one binary, one subcommand for each job.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "app/command.h"
#include "core/interrupt.h"

namespace regulus::app {
namespace {

constexpr char const* main_help =
    "Regulus tunes, trains, compares, evaluates and serves dispatch agents for passenger transport.\n"
    "Each command explains itself: regulus COMMAND --help";

int fail(Error const& error, bool json) {
  constexpr std::string_view kinds[] = {"invalid",     "not_found", "corrupt", "io",
                                        "interrupted", "conflict",  "busy",    "full"};
  if (json) {
    fmt::print("{}\n", Json::object({{"error", Json::object({{"kind", kinds[static_cast<std::size_t>(error.kind)]},
                                                             {"message", error.message}})}})
                           .dump());
  }
  fmt::print(stderr, "regulus: {}\n", error.message);
  return exit_code(error.kind);
}

std::string scenario_help(Worlds worlds) {
  switch (worlds) {
    case Worlds::classic:
      return "The world to dispatch in";
    case Worlds::one:
      return "The world to dispatch in: classic, a family of days (regulus scenario list), a folder of a company's own "
             "days (./days), or the file of a day";
    case Worlds::families:
      return "Families of days (regulus scenario list), with commas between; all: those on which a search is "
             "affordable, which is every one but city, city-scarce, big-city and call-taxi";
  }
  return "";
}

// The first word nobody expected, with the nearest flag or command.
Error unexpected(std::string const& word, Flags const& flags) {
  std::vector<std::string> known;
  bool const flag = word.starts_with("-");
  bool const command = !flag && flags.parent() == nullptr;
  if (flag) {
    for (Flag const* one : flags.all()) known.push_back(one->name());
  } else if (command) {
    for (Command const& one : commands()) known.push_back(typed_name(one));
  }
  std::string const name = word.substr(0, word.find('='));
  return invalid(fmt::format("{} {} is not known{}",
                             flag      ? "flag"
                             : command ? "command"
                                       : "argument",
                             name, suggestion(name, known)));
}

int run(int argc, char const* const* argv) {
  remember_command_line({argv, static_cast<std::size_t>(argc)});
  // Asked of the words themselves, so that what the parser refuses is answered in JSON too.
  bool const json = std::any_of(argv + 1, argv + argc, [](std::string_view word) { return word == "--json"; });
  Flags program(main_help, "regulus", "regulus " REGULUS_VERSION);
  struct Entry {
    Flags const* flags;
    std::shared_ptr<Common> common;
    Run run;
    Worlds worlds;
  };
  std::vector<Entry> entries;
  for (Command const& command : commands()) {
    Flags* const flags = program.add_subcommand(typed_name(command), std::string(command.summary));
    auto common = std::make_shared<Common>();
    flags->add_switch("--json", common->json, "Print one JSON object as the last line of stdout");
    if (command.worlds == Worlds::families) common->scenario = "all";
    flags->add("--scenario", common->scenario, scenario_help(command.worlds))->shows_default();
    entries.push_back({flags, common, command.add(*flags), command.worlds});
  }
  Result<std::optional<int>> const parsed = program.parse(argc, argv);
  if (!parsed) return fail(parsed.error(), json);
  if (*parsed) return **parsed;
  for (Entry const& entry : entries) {
    if (!entry.flags->parsed()) continue;
    for (Flags const* flags : {entry.flags, &std::as_const(program)}) {
      if (auto const extra = flags->remaining(); !extra.empty()) return fail(unexpected(extra.front(), *flags), json);
    }
    if (entry.worlds == Worlds::classic && entry.common->scenario != "classic") {
      return fail(invalid(fmt::format("--scenario = {} is not known (known: classic)", entry.common->scenario)), json);
    }
    catch_interrupts();
    Status const status = entry.run(*entry.common);
    return status ? entry.common->exit_code : fail(status.error(), json && !entry.common->answered);
  }
  if (auto const extra = program.remaining(); !extra.empty()) return fail(unexpected(extra.front(), program), json);
  fmt::print("{}", program.help());
  return 2;
}

}  // namespace
}  // namespace regulus::app

int main(int argc, char** argv) {
  try {
    return regulus::app::run(argc, argv);
  } catch (std::bad_alloc const&) {
    std::fputs("regulus: out of memory\n", stderr);
  } catch (std::exception const& problem) {
    std::fprintf(stderr, "regulus: internal error: %s. Please report this.\n", problem.what());
  }
  return 1;
}
