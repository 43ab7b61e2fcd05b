#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "app/command.h"
#include "app/days.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/seeds.h"
#include "lab/evaluate.h"
#include "lab/gate_file.h"
#include "lab/scenarios.h"
#include "sim/scenario.h"

namespace regulus::app {

namespace {

constexpr int heuristic_stays = 3;  // exit code
constexpr std::string_view silent_models_rule = "lns_futures";

struct State {
  std::vector<std::string> models;
  std::vector<std::string> rules{"insertion", "lns", "lns_futures", "rollout"};
  int days = 200;
  std::uint64_t seed = seed_range(Role::test).first;
  std::int64_t clairvoyant = 0;
  double max_decide_ms = 0;  // 0: not given
  int threads = core_count();
  std::string results;
  bool no_write = false;
  dispatch::PolicySettings settings;
};

Status no_doubles(std::string_view flag, std::vector<std::string> const& names) {
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (std::find(names.begin(), name, *name) != name) return invalid(fmt::format("{} names {} twice", flag, *name));
  }
  return ok();
}

// Everything that can be said before a day is played.
Result<lab::GateSettings> settings_of(State const& state) {
  lab::GateSettings settings{.version = REGULUS_VERSION,
                             .candidates = {},
                             .rules = state.rules,
                             .days = state.days,
                             .seed = state.seed,
                             .iterations = state.settings.iterations,
                             .futures = state.settings.futures,
                             .clairvoyant = state.clairvoyant};
  if (Status const once = no_doubles("MODEL", state.models); !once) return once.error();
  if (Status const once = no_doubles("--rules", state.rules); !once) return once.error();
  for (std::string const& word : state.models) {
    Result<lab::GateCandidate> candidate = lab::gate_candidate(word);
    if (!candidate) return candidate.error();
    if (auto const known = dispatch::make_policy(candidate->policy, state.settings); !known) return known.error();
    if (!settings.candidates.empty() && candidate->is_model() != settings.candidates.front().is_model())
      return invalid(fmt::format("{} and {}: one is a model and the other is none; a candidate is one design",
                                 state.models.front(), word));
    settings.candidates.push_back(candidate.take());
  }
  for (std::string const& rule : state.rules) {
    if (auto const known = dispatch::make_policy(rule, state.settings); !known) return known.error().in("--rules");
  }
  if (state.clairvoyant > 0 && std::ranges::find(state.rules, "insertion") == state.rules.end())
    return invalid("--clairvoyant: the gap is that of insertion; add it to --rules");
  return settings;
}

// Days that were played, by this run and by those that it goes on from.
class Kept {
 public:
  static Result<Kept> open(std::string file, lab::GateSettings const& settings) {
    Kept kept(std::move(file), settings);
    if (kept.file_.empty() || !std::filesystem::exists(kept.file_)) return kept;
    Result<std::string> const text = read_file(kept.file_);
    if (!text) return text.error();
    Result<lab::GateResults> results = lab::parse_gate_results(*text, settings);
    if (!results) return results.error().in(fmt::format("--results {}", kept.file_));
    kept.results_ = results.take();
    return kept;
  }

  lab::GateResults const& results() const { return results_; }
  Status add(lab::GateResults more) {
    std::ranges::move(more.played, std::back_inserter(results_.played));
    std::ranges::move(more.clairvoyant, std::back_inserter(results_.clairvoyant));
    return file_.empty() ? ok() : write_file(file_, gate_results_text(settings_, results_));
  }
  Error interrupted() const {
    std::size_t const count = results_.played.size();
    std::string const said =
        file_.empty() ? "interrupted; nothing was kept (--results FILE keeps what a policy played in a family)"
        : count == 0  ? "interrupted; no policy had played a family to its end"
                      : fmt::format("interrupted; what was played is kept in {}: {} famil{} of a policy", file_, count,
                                   count == 1 ? "y" : "ies");
    return {ErrorKind::interrupted, said};
  }

 private:
  Kept(std::string file, lab::GateSettings settings) : file_(std::move(file)), settings_(std::move(settings)) {}

  std::string file_;
  lab::GateSettings settings_;
  lab::GateResults results_;
};

// The days of a family, played by those who have not played it yet: in turns, so that a busy machine slows all of them.
Status play_missing(sim::Family const& family, std::vector<lab::GateCandidate> const& policies, State const& state,
                    Kept& kept) {
  std::vector<lab::GateCandidate> missing;
  std::ranges::copy_if(policies, std::back_inserter(missing),
                       [&](auto const& policy) { return kept.results().find(family.name, policy) == nullptr; });
  bool const search = state.clairvoyant > 0 && kept.results().find_clairvoyant(family.name) == nullptr;
  if (missing.empty() && !search) return ok();
  sim::PlayOptions options;
  for (lab::GateCandidate const& policy : missing) options.policies.push_back(policy.policy);
  auto const turns = static_cast<std::int64_t>(std::max<std::size_t>(1, missing.size()));
  Progress progress(family.name, state.days * turns, "days");
  options.day = [&](std::size_t i) { return family.generate(state.seed + i); };
  options.days = static_cast<std::size_t>(state.days);
  options.settings = state.settings;
  options.policy_seed = state.seed;
  options.clairvoyant = search ? state.clairvoyant : 0;
  options.threads = state.threads;
  options.on_day = [&] { progress.advance(); };
  Result<sim::PlayedDays> const played = sim::play_days(options);
  if (!played && played.error().kind == ErrorKind::interrupted) return kept.interrupted();
  if (!played) return played.error();
  lab::GateResults more;
  for (std::size_t p = 0; p < missing.size(); ++p) {
    more.played.push_back({family.name, missing[p].crc32c, lab::policy_days(missing[p].policy, played->days[p])});
  }
  if (search) {
    more.clairvoyant.push_back({family.name, {}});
    for (Cost const& cost : played->clairvoyant)
      more.clairvoyant.back().cents.push_back(static_cast<double>(cost.total()));
  }
  return kept.add(std::move(more));
}

Result<lab::GateFamily> family_of(sim::Family const& family, lab::GateSettings const& settings, State const& state,
                                  Kept& kept) {
  // 1. Who plays. A model that has nothing to say of such days plays the rule, whose days are not played twice.
  bool const rule_plays = std::ranges::find(settings.rules, silent_models_rule) != settings.rules.end();
  std::vector<lab::GateCandidate> rules, candidates;
  for (std::string const& rule : settings.rules) rules.push_back({.policy = rule});
  for (lab::GateCandidate const& candidate : settings.candidates) {
    Result<bool> const silent = lab::says_nothing_of(candidate, family.name);
    if (!silent) return silent.error();
    candidates.push_back(*silent && rule_plays ? lab::GateCandidate{.policy = std::string(silent_models_rule)}
                                               : candidate);
  }
  std::vector<lab::GateCandidate> all = candidates;
  all.insert(all.end(), rules.begin(), rules.end());
  std::ranges::sort(all, {}, &lab::GateCandidate::policy);
  all.erase(std::unique(all.begin(), all.end(), [](auto const& a, auto const& b) { return a.policy == b.policy; }),
            all.end());
  if (Status const played = play_missing(family, all, state, kept); !played) return played.error();

  // 2. What they earned.
  lab::GateFamily figures;
  figures.name = family.name;
  for (lab::GateCandidate const& rule : rules) figures.rules.push_back(*kept.results().find(family.name, rule));
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    figures.candidates.push_back(*kept.results().find(family.name, candidates[i]));
    figures.candidates.back().name = settings.candidates[i].policy;
  }
  if (settings.clairvoyant > 0) figures.clairvoyant = *kept.results().find_clairvoyant(family.name);
  return figures;
}

std::string percent(double share) {
  double const shown = std::round(10'000 * share) / 100;
  return fmt::format("{:+.2f} %", shown == 0 ? 0 : shown);  // no -0.00
}

std::string percent(Interval const& interval) {
  return fmt::format("[{:+.2f}, {:+.2f}]", 100 * interval.low, 100 * interval.high);
}

std::string heading(bool with_gap) {
  return fmt::format("  {:<27} {:>10} {:>24} {:>27} {:>15} {:>17} {:>17}{}", "francs a day", "candidate", "best rule",
                     "saving, 95 % interval", "unserved", "on time %", "decide ms p99", with_gap ? " gap closed" : "");
}

std::string line_of(lab::GateRow const& row) {
  std::string text = fmt::format("  {:<27} {:>10} {:>24} {:>27} {:>15} {:>17} {:>17}", row.family, francs(row.cost),
                                 fmt::format("{} {}", row.best_rule, francs(row.rule_cost)),
                                 fmt::format("{} {}", percent(row.saving.mean), percent(row.saving.ci95)),
                                 fmt::format("{:.2f} / {:.2f}", row.unserved, row.rule_unserved),
                                 fmt::format("{:.1f} / {:.1f}", 100 * row.on_time_share, 100 * row.rule_on_time_share),
                                 fmt::format("{:.2f} / {:.2f}", row.decide_ms_p99, row.slowest_rule_decide_ms_p99));
  if (row.gap_closed) text += fmt::format(" {:>8.1f} %", 100 * *row.gap_closed);
  return text;
}

std::string line_of(lab::GateCheck const& check) {
  if (!check.skipped.empty()) return fmt::format("  {:<6} {:<32} not checked: {}", "-", check.name, check.skipped);
  bool const share = check.unit == "share";
  bool const whole = check.unit.empty() && !check.ci95;
  auto const shown = [&](double value) {
    if (value == 0) return std::string("0");
    if (share) return percent(value);
    std::string const number = whole        ? fmt::format("{:.0f}", value)
                               : check.ci95 ? fmt::format("{:+.3f}", value)
                                            : fmt::format("{:.3f}", value);
    return check.unit.empty() ? number : number + " " + check.unit;
  };
  std::string text = fmt::format("  {:<6} {:<32} {}", check.passed ? "ok" : "FAILED", check.name, shown(check.figure));
  if (check.ci95 && share) text += " " + percent(*check.ci95);
  if (check.ci95 && !share) text += fmt::format(" [{:+.3f}, {:+.3f}]", check.ci95->low, check.ci95->high);
  text += fmt::format(", {} {}", check.must, shown(check.limit));
  if (!check.failed_in.empty()) return text + fmt::format("; failed in {}", fmt::join(check.failed_in, ", "));
  return check.family.empty() ? text : text + fmt::format("; worst in {}", check.family);
}

std::string text_of(lab::GateVerdict const& verdict) {
  std::string text = fmt::format("  {:<27} {:>10} {:>24} {:>27}", "all, each counting the same", "", "",
                                 fmt::format("{} {}", percent(verdict.overall.mean), percent(verdict.overall.ci95)));
  if (verdict.saving_by_candidate.size() > 1) {
    std::vector<std::string> savings;
    for (double const saving : verdict.saving_by_candidate) savings.push_back(percent(saving));
    text += fmt::format("\n  each training by itself: {}", fmt::join(savings, ", "));
  }
  text += "\n";
  for (lab::GateCheck const& check : verdict.checks) text += "\n" + line_of(check);
  return text + (verdict.passed ? "\n\nPASS" : "\n\nFAIL: the heuristic stays");
}

// One record for each model. A model that changed while it was judged gets none.
Result<std::vector<std::string>> write_records(lab::GateSettings const& settings, lab::GateVerdict const& verdict) {
  std::vector<std::string> written;
  for (std::size_t i = 0; i < settings.candidates.size(); ++i) {
    lab::GateCandidate const& candidate = settings.candidates[i];
    if (!candidate.is_model()) continue;
    Result<lab::GateCandidate> const now = lab::gate_candidate(candidate.policy);
    if (!now) return now.error();
    if (now->crc32c != candidate.crc32c || now->bytes != candidate.bytes)
      return Error{ErrorKind::corrupt,
                   fmt::format("{} changed while it was judged; run the gate again", candidate.file)};
    Json record = lab::gate_record(settings, i, verdict);
    record["timestamp"] = timestamp_now();
    record["command"] = command_line();
    std::filesystem::path const path = lab::gate_record_path(candidate.file);
    if (Status const put = write_file(path, record.dump(2) + "\n"); !put) return put.error();
    written.push_back(path.string());
  }
  return written;
}

Status run(State const& state, Common const& common) {
  // 1. What can be wrong is said before hours of play.
  if (common.scenario == lab::classic_scenario) {
    return invalid("--scenario = classic: the gate judges on days of families (regulus scenario list)");
  }
  auto const chosen = lab::families_of(common.scenario);
  if (!chosen) return chosen.error();
  Result<lab::GateSettings> const settings = settings_of(state);
  if (!settings) return settings.error();
  Result<Kept> kept = Kept::open(state.results, *settings);
  if (!kept) return kept.error();

  // 2. Family by family, each shown when it is there.
  if (!common.json) {
    std::string const title = fmt::format("{} against {}, {} days a family from seed {}", fmt::join(state.models, ", "),
                                          fmt::join(state.rules, ", "), state.days, state.seed);
    if (Status const said = print_line(title + "\n" + heading(state.clairvoyant > 0)); !said) return said;
  }
  std::vector<lab::GateFamily> families;
  for (sim::Family const* one : *chosen) {
    if (interrupted()) return kept->interrupted();
    Result<lab::GateFamily> family = family_of(*one, *settings, state, *kept);
    if (!family) return family.error();
    families.push_back(family.take());
    if (common.json) continue;
    if (Status const said = print_line(line_of(lab::row_of(families.back(), state.seed))); !said) return said;
  }

  // 3. The verdict.
  std::vector<std::int64_t> parameters;
  for (lab::GateCandidate const& candidate : settings->candidates) {
    if (candidate.is_model()) parameters.push_back(candidate.parameters);
  }
  lab::GateLimits limits;
  if (state.max_decide_ms > 0) limits.max_decide_ms = state.max_decide_ms;
  lab::GateVerdict const verdict = lab::judge(families, parameters, limits, state.seed);
  std::vector<std::string> written;
  if (!state.no_write) {
    Result<std::vector<std::string>> records = write_records(*settings, verdict);
    if (!records) return records.error();
    written = records.take();
  }
  Json json = to_json(verdict);
  json["settings"] = to_json(*settings);
  json["written"] = Json::array_of(written);
  if (!verdict.passed) common.exit_code = heuristic_stays;
  std::string text = text_of(verdict);
  for (std::string const& path : written) text += "\nwritten to " + path;
  return print_result(common, json, text);
}

}  // namespace

Run add_gate(Flags& flags);
Run add_gate(Flags& flags) {
  auto state = std::make_shared<State>();
  flags
      .add("MODEL", state->models,
           "Trainings of one design: files (.safetensors), each of which plays as the policy dqn:FILE; any other "
           "word is the name of a policy")
      ->required();
  flags.add("--rules", state->rules, "The rules to beat, with commas between")
      ->separated_by(',')
      ->leaves_the_rest()  // words after it are models
      ->shows_default();
  flags.add("--days", state->days, "Days of each family")->between(2, 100'000)->shows_default();
  add_seed(flags, state->seed, "Seed of the first day; each following day has the next");
  flags
      .add("--clairvoyant", state->clairvoyant,
           "Also search each day for what it would have cost somebody who knew everything, by so many steps, and "
           "say how much of insertion's distance to that is closed")
      ->between(std::int64_t{0}, std::int64_t{1'000'000'000})
      ->shows_default();
  flags
      .add("--max-decide-ms", state->max_decide_ms,
           "Milliseconds that 99 of 100 decisions may take [what the slowest rule takes on the same days]")
      ->between(0.001, 1e9);
  flags.add("--results", state->results,
            "Keep what each policy earned in each family in this JSON file; what is in it is not played again, also "
            "for other models of the same settings");
  flags.add_switch("--no-write", state->no_write, "Write no MODEL.gate.json");
  add_threads(flags, state->threads);
  declare_policy_settings(flags, state->settings);
  flags.footer(
      "A candidate passes when all of this holds: it saves, over all families, beyond doubt; no family is more than 1 "
      "% \n"
      "dearer than by its best rule; compared with that rule no passenger (unserved, late by class, time on board) "
      "and\n"
      "no driver (spread of trips) is significantly worse off; it decides as fast as the slowest rule or within\n"
      "--max-decide-ms; none of its decisions was refused; a model has at most 25,000 parameters. The verdict is\n"
      "written beside each model as MODEL.gate.json, with the checksum of the file that was judged.\n\n"
      "Exit codes: 0 pass, 3 fail (the heuristic stays); 1, 2 and 130 as everywhere: a failure, a mistake, Ctrl-C.\n\n"
      "Examples:\n"
      "  regulus gate data/rl/models/dispatch_*.safetensors --results data/rl/gate.json\n"
      "  regulus gate lns --rules nearest,insertion --scenario geneva-medical,valley --days 50");
  return [state](Common const& common) { return run(*state, common); };
}

}  // namespace regulus::app
