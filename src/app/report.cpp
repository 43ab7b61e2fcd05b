#include "lab/report.h"

#include <fmt/format.h>

#include "app/command.h"
#include "core/files.h"

namespace regulus::app {
namespace {

struct State {
  std::string study, storage = "sqlite:///data/rl/studies.db", run, comparison, output, language = "en";
  std::uint64_t seed = 0;
};

Status run(State& state, Common const& common) {
  if (state.study.empty() && state.run.empty() && state.comparison.empty()) {
    return invalid("nothing to report on; give --study NAME, --run DIR or --comparison FILE");
  }
  Result<lab::Language> const language = [&]() -> Result<lab::Language> {
    if (state.language == "en") return lab::Language::english;
    if (state.language == "fr") return lab::Language::french;
    return invalid(fmt::format("--language = {} is not known (known: en, fr)", state.language));
  }();
  if (!language) return language.error();
  lab::Report report{.language = *language};
  // The answer first: who wins, then how the study went, then the run.
  if (!state.comparison.empty()) {
    if (Status added = lab::add_comparison(report, state.comparison); !added) return added;
  }
  if (!state.study.empty()) {
    if (Status added = lab::add_study(report, state.storage, state.study); !added) return added;
    report.title = "Study " + state.study;
  }
  if (!state.run.empty()) {
    if (Status added = lab::add_runs(report, state.run); !added) return added;
  }
  report.command = command_line();
  report.generated = fmt::format("{}, regulus {}", timestamp_now(), REGULUS_VERSION);
  std::string const name = !state.study.empty() ? state.study : !state.run.empty() ? "run" : "comparison";
  std::filesystem::path const output = state.output.empty() ? "data/rl/reports/" + name + ".html" : state.output;
  std::string const page = lab::render(report);
  if (Status written = write_file(output, page); !written) return written;
  return print_result(common, Json::object({{"report", output.string()}, {"bytes", page.size()}}),
                      "report in " + output.string());
}

}  // namespace

Run add_report(Flags& flags);
Run add_report(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("--study", state->study, "Study to show");
  flags.add("--storage", state->storage, "Database of studies")->shows_default();
  flags.add("--run", state->run, "Metrics file of a training, or a folder of them: equal configurations form a band");
  flags.add("--comparison", state->comparison, "What compare wrote");
  flags.add("--output", state->output, "HTML file; default data/rl/reports/<study>.html");
  flags.add("--language", state->language, "Language of headings: en, fr")->shows_default();
  add_seed(flags, state->seed, "Accepted by every command; a report draws nothing");
  flags.footer(
      "One file that loads nothing from elsewhere.\n\nExamples:\n"
      "  regulus report --study dqn_optimization_v1\n"
      "  regulus report --run data/rl/logs\n"
      "  regulus report --study dqn_optimization_v1 --comparison data/rl/comparison_results.json --language fr");
  return [state](Common const& common) { return run(*state, common); };
}

}  // namespace regulus::app
