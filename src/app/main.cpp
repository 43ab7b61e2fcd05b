// regulus: one binary, one subcommand for each job.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

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
Error unexpected(std::string const& word, CLI::App const& app) {
  std::vector<std::string> known;
  bool const flag = word.starts_with("-");
  if (flag) {
    for (CLI::Option const* option : app.get_options()) known.push_back(option->get_name());
  } else if (app.get_parent() == nullptr) {
    for (Command const& command : commands()) known.push_back(typed_name(command));
  }
  std::string const name = word.substr(0, word.find('='));
  return invalid(fmt::format("{} {} is not known{}",
                             flag                          ? "flag"
                             : app.get_parent() == nullptr ? "command"
                                                           : "argument",
                             name, suggestion(name, known)));
}

int run(int argc, char const* const* argv) {
  remember_command_line({argv, static_cast<std::size_t>(argc)});
  // Asked of the words themselves, so that what the parser refuses is answered in JSON too.
  bool const json = std::any_of(argv + 1, argv + argc, [](std::string_view word) { return word == "--json"; });
  CLI::App app{main_help, "regulus"};
  app.set_version_flag("--version", "regulus " REGULUS_VERSION);
  app.require_subcommand(0, 1);
  app.allow_extras();
  struct Entry {
    CLI::App* app;
    std::shared_ptr<Common> common;
    Run run;
    Worlds worlds;
  };
  std::vector<Entry> entries;
  for (Command const& command : commands()) {
    CLI::App* sub = app.add_subcommand(typed_name(command), std::string(command.summary));
    sub->allow_extras();
    auto common = std::make_shared<Common>();
    sub->add_flag("--json", common->json, "Print one JSON object as the last line of stdout");
    if (command.worlds == Worlds::families) common->scenario = "all";
    sub->add_option("--scenario", common->scenario, scenario_help(command.worlds))->capture_default_str();
    entries.push_back({sub, common, command.add(*sub), command.worlds});
  }
  try {
    app.parse(argc, argv);
  } catch (CLI::CallForHelp const& help) {
    return app.exit(help);
  } catch (CLI::CallForVersion const& version) {
    return app.exit(version);
  } catch (CLI::ParseError const& error) {
    return fail(invalid(error.what()), json);
  }
  for (Entry const& entry : entries) {
    if (!entry.app->parsed()) continue;
    if (auto const extra = entry.app->remaining(); !extra.empty())
      return fail(unexpected(extra.front(), *entry.app), json);
    if (auto const extra = app.remaining(); !extra.empty()) return fail(unexpected(extra.front(), *entry.app), json);
    if (entry.worlds == Worlds::classic && entry.common->scenario != "classic") {
      return fail(invalid(fmt::format("--scenario = {} is not known (known: classic)", entry.common->scenario)), json);
    }
    catch_interrupts();
    Status const status = entry.run(*entry.common);
    return status ? entry.common->exit_code : fail(status.error(), json && !entry.common->answered);
  }
  if (auto const extra = app.remaining(); !extra.empty()) return fail(unexpected(extra.front(), app), json);
  fmt::print("{}", app.help());
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
