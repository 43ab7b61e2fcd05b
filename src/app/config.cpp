#include <fmt/format.h>

#include "app/command.h"
#include "domain/objective.h"

namespace regulus::app {

Run add_config(Flags& flags);
Run add_config(Flags& flags) {
  struct State {
    std::string action;
    std::string file;
    std::string config;
    std::uint64_t seed = 0;
    SettingFlags flags;
  };
  auto state = std::make_shared<State>();
  flags
      .add("action", state->action,
           "print: the resolved configuration · check FILE · docs: the reference page · objective: what a day's "
           "costs are "
           "priced at, for --weights")
      ->one_of({"print", "check", "docs", "objective"})
      ->required();
  flags.add("file", state->file, "File to check");
  flags.add("--config", state->config, "Configuration file to start from");
  add_seed(flags, state->seed, "Accepted by every command; a configuration has no seed");
  lab::Config defaults;
  state->flags.declare(flags, settings(defaults));
  flags.footer(
      "Examples:\n"
      "  regulus config print --network slots\n"
      "  regulus config check data/rl/optimal_config.json\n"
      "  regulus config docs > docs/reference.md\n"
      "  regulus config objective > weights.json");

  return [state](Common const& common) -> Status {
    bool const check = state->action == "check";
    if (!check && !state->file.empty()) {
      return invalid(fmt::format("config {} takes no file, but {} was given{}", state->action, state->file,
                                 state->action == "print" ? "; did you mean --config?" : ""));
    }
    if (state->action == "docs") {
      lab::Config config;
      ObjectiveWeights weights;
      std::string const page =
          reference_page(settings(config)) + "\n## The objective\n\n" +
          "What a day of the dispatch world costs, in cents. These are no flags: they stand in a day's file under "
          "`weights`, or in a file of their own for `--weights` (`regulus config objective` prints one). Every policy "
          "minimises this and every report prints it.\n\n" +
          value_table(settings(weights));
      return print_result(common, Json::object({{"reference", page}}), page);
    }
    if (state->action == "objective") {
      ObjectiveWeights weights;
      Json const prices = to_json(settings(weights));
      return print_result(common, prices, prices.dump(2));
    }
    if (check && state->file.empty()) return invalid("config check needs a file");
    Result<lab::Config> const config = resolve_file(check ? state->file : state->config, state->flags);
    if (!config) return config.error();
    Json const resolved = lab::to_json(*config);
    if (check) {
      return print_result(
          common, Json::object({{"file", state->file}, {"valid", true}, {"config", resolved}}),
          fmt::format("{} is valid: {}, {} network", state->file, lab::describe(config->environment),
                      rl::enum_names(rl::NetworkKind{})[static_cast<std::size_t>(config->network.kind)]));
    }
    return print_result(common, resolved, resolved.dump(2));
  };
}

}  // namespace regulus::app
