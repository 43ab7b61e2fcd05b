#include "lab/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "core/interrupt.h"
#include "core/parallel.h"
#include "lab/evaluate.h"
#include "store/study_store.h"
#include "tune/pruner.h"
#include "tune/sampler.h"
#include "tune/schedule.h"
#include "tune/space.h"

namespace regulus::lab {
namespace {

constexpr Direction direction = Direction::maximize;
constexpr std::string_view plan_key = "regulus:plan";
constexpr std::string_view ledger_key = "regulus:ledger";
constexpr std::string_view result_key = "regulus:result";

// Agent seeds by phase: search, selection and validation never share one.
std::uint64_t agent_seed(std::uint64_t study_seed, Role role, int index) {
  return mix(mix(study_seed, static_cast<std::uint64_t>(role) + 100), static_cast<std::uint64_t>(index)) >> 1;
}

Json ledger_json(Ledger const& l) {
  return Json::object({{"environment_steps", l.environment_steps},
                       {"gradient_steps", l.gradient_steps},
                       {"evaluation_steps", l.evaluation_steps},
                       {"cpu_seconds", l.cpu_seconds},
                       {"wall_seconds", l.wall_seconds}});
}

Ledger ledger_of(Trial const& trial) {
  Ledger l;
  auto const found = trial.user_attributes.find(std::string(ledger_key));
  if (found == trial.user_attributes.end()) return l;
  auto const read = [&](char const* key) {
    Json const* value = found->second.find(key);
    return value != nullptr && value->is_number() ? value->as_number() : 0.0;
  };
  l.environment_steps = static_cast<std::int64_t>(read("environment_steps"));
  l.gradient_steps = static_cast<std::int64_t>(read("gradient_steps"));
  l.evaluation_steps = static_cast<std::int64_t>(read("evaluation_steps"));
  l.cpu_seconds = read("cpu_seconds");
  l.wall_seconds = read("wall_seconds");
  return l;
}

// What one worker needs to run trials; shared by all of them.
struct Search {
  Subject const& subject;
  StudyOptions const& options;
  StudyProgress const& progress;
  store::StudyId study;
  SearchSpace space;
  std::map<std::string, double> defaults;
  std::unique_ptr<tune::Sampler> sampler;
  std::unique_ptr<tune::Pruner> pruner;
  int lag;

  std::mutex mutex;  // for progress and the first error
  std::optional<Error> error;
  std::atomic<bool> stop{false};

  void fail(Error problem) {
    std::lock_guard const lock(mutex);
    if (!error) error = std::move(problem);
    stop = true;
  }
};

Result<store::Proposal> propose(Search const& search, std::span<Trial const> known, int number) {
  store::Proposal proposal;
  proposal.distributions = search.space;
  // Trial 0 is the default configuration: a study never ends below what it started from.
  auto const sampled = search.sampler->propose(search.space, tune::visible_to(number, known, search.lag),
                                               tune::proposal_rng(search.options.seed, number), direction);
  proposal.params = sampled;
  if (number == 0) {
    for (auto const& [name, value] : search.defaults) proposal.params[name] = value;
  }
  return proposal;
}

void announce(Search& search, std::span<Trial const> trials) {
  if (!search.progress.trials) return;
  int done = 0;
  std::optional<double> best;
  for (Trial const& t : trials) {
    done += t.finished() ? 1 : 0;
    if (t.state == TrialState::complete && (!best || t.values.front() > *best)) best = t.values.front();
  }
  std::lock_guard const lock(search.mutex);
  search.progress.trials(done, search.options.trials, best);
}

// Runs one claimed trial to its end. Returns false when this worker must stop.
bool run_trial(Search& search, store::StudyStore& store, store::Claim const& claim) {
  Trial current = claim.trial;
  bool lost = false;
  bool halted = false;
  auto const write = [&](Result<store::Write> const& written) {
    if (!written) {
      search.fail(written.error());
      halted = true;
    } else if (*written == store::Write::lease_lost) {
      lost = true;
    }
    return !halted && !lost;
  };

  auto const report = [&](int step, std::vector<double> const& values) -> bool {
    if (interrupted() || search.stop) {
      halted = true;
      return true;
    }
    store::TrialUpdate update;
    if (search.pruner->granularity() == tune::Granularity::per_checkpoint) {
      update.intermediate[step] = mean(values);
    } else {
      int const first = static_cast<int>(current.intermediate.size());
      for (std::size_t i = 0; i < values.size(); ++i) update.intermediate[first + static_cast<int>(i)] = values[i];
    }
    for (auto const& [at, value] : update.intermediate) current.intermediate[at] = value;
    Result<std::span<Trial const>> const trials = store.trials(search.study);
    if (!trials) {
      search.fail(trials.error());
      halted = true;
      return true;
    }
    tune::Verdict const verdict =
        search.pruner->judge(current, tune::visible_to(current.number, *trials, search.lag), direction);
    update.system_attributes = verdict.system_attributes;
    for (auto const& [key, value] : verdict.system_attributes) current.system_attributes[key] = value;
    return !write(store.report(claim.lease, update)) || verdict.prune;
  };

  Result<SubjectResult> const result = search.subject.run(tune::external_params(search.space, current.params),
                                                          agent_seed(search.options.seed, Role::tune, 0), Role::tune,
                                                          search.options.eval_episodes, report);
  if (lost) return true;
  if (halted) {
    (void)store.give_back(claim.lease);  // on failure the next process finds it abandoned and re-queues it
    return false;
  }
  store::TrialUpdate last;
  if (!result) {
    last.user_attributes["failure"] = result.error().message;
    return write(store.finish(claim.lease, TrialState::fail, {}, last)) || lost;
  }
  last.user_attributes[std::string(ledger_key)] = ledger_json(result->ledger);
  double const score = mean(result->rewards);
  bool const sound = std::isfinite(score);
  if (!sound) last.user_attributes["failure"] = "the score is no finite number";
  return write(store.finish(claim.lease,
                            !sound            ? TrialState::fail
                            : result->stopped ? TrialState::pruned
                                              : TrialState::complete,
                            sound && !result->stopped ? std::vector<double>{score} : std::vector<double>{}, last)) ||
         lost;
}

void work(Search& search) {
  Result<store::StudyStore> opened = store::StudyStore::open(search.options.storage, store::StudyStore::Mode::existing);
  if (!opened) {
    search.fail(opened.error());
    return;
  }
  store::StudyStore& store = *opened;
  store::ClaimRules const rules{.max_trials = search.options.trials, .lag = search.lag, .space = search.space};
  while (!search.stop && !interrupted()) {
    Result<store::Claim> const claim = store.claim_next(
        search.study, rules, [&](std::span<Trial const> known, int number) { return propose(search, known, number); });
    if (!claim) {
      search.fail(claim.error());
      return;
    }
    switch (claim->kind) {
      case store::Claim::Kind::finished:
        return;
      case store::Claim::Kind::wait:
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        break;
      case store::Claim::Kind::trial:
        if (!run_trial(search, store, *claim)) return;
        if (auto const trials = store.trials(search.study)) announce(search, *trials);
        break;
    }
  }
}

Error stopped_by_user() { return {ErrorKind::interrupted, "interrupted; the same command continues the study"}; }

// The same subject with several agent seeds: one row of rewards each. Runs in parallel, placed by index.
struct Repeat {
  Json params;
  std::uint64_t agent_seed;
};
Result<std::vector<SubjectResult>> repeat(Subject const& subject, std::vector<Repeat> const& runs, Role role, int days,
                                          int jobs, std::string const& phase, StudyProgress const& progress) {
  std::mutex mutex;
  int done = 0;
  auto const keep_going = [](int, std::vector<double> const&) { return interrupted(); };
  auto results = parallel_map(runs.size(), jobs, [&](std::size_t i) -> std::optional<Result<SubjectResult>> {
    if (interrupted()) return std::nullopt;
    auto result = subject.run(runs[i].params, runs[i].agent_seed, role, days, keep_going);
    std::lock_guard const lock(mutex);
    if (progress.phases) progress.phases(phase, ++done, static_cast<int>(runs.size()));
    return result;
  });
  if (interrupted()) return stopped_by_user();
  std::vector<SubjectResult> all;
  for (auto& result : results) {
    if (!*result) return result->error();
    all.push_back(result->take());
  }
  return all;
}

double mean_of(std::vector<std::vector<double>> const& rows) {
  std::vector<double> means;
  for (auto const& row : rows) means.push_back(mean(row));
  return mean(means);
}

// The first setting in which a study's plan differs from this command's.
Status check_plan(std::string const& study, std::string const& prefix, Json const& before, Json const& plan) {
  for (auto const& [key, value] : plan.as_object()) {
    Json const* const stored = before.find(key);
    if (stored == nullptr || *stored == value) continue;
    if (stored->is_object() && value.is_object()) {
      if (Status same = check_plan(study, prefix + key + ".", *stored, value); !same) return same;
      continue;
    }
    return invalid(fmt::format(
        "study {} was made with {}{} = {}, this command has {}; choose another --study-name or the same setting", study,
        prefix, key, stored->dump(), value.dump()));
  }
  return ok();
}

// Nothing for a study of another program, whose trials speak for themselves.
Json const* plan_of(StudyInfo const& info) {
  auto const stored = info.user_attributes.find(std::string(plan_key));
  return stored == info.user_attributes.end() ? nullptr : &stored->second;
}

}  // namespace

double StudyOutcome::validation_score() const { return mean_of(validation); }

Result<StudyOutcome> run_study(Subject const& subject, StudyOptions const& options, StudyProgress const& progress) {
  // 1. Everything that can be refused is refused before anything is written.
  Result<std::unique_ptr<tune::Sampler>> sampler = tune::make_sampler(options.sampler);
  if (!sampler) return sampler.error();
  tune::PrunerConfig pruning;
  pruning.pruner_warmup_steps = 0;
  Result<std::unique_ptr<tune::Pruner>> pruner = tune::make_pruner(options.pruner, pruning);
  if (!pruner) return pruner.error();
  auto const dimensions = subject.dimensions();
  int lag = options.lag > 0 ? options.lag : tune::default_lag;
  Json plan = Json::object({{"seed", options.seed},
                            {"lag", lag},
                            {"eval_episodes", options.eval_episodes},
                            {"sampler", options.sampler},
                            {"pruner", options.pruner}});
  Json const identity = subject.identity();
  for (auto const& [key, value] : identity.as_object()) plan[key] = value;

  // 2. The study.
  Result<store::StudyStore> store = store::StudyStore::open(options.storage, store::StudyStore::Mode::create);
  if (!store) return store.error();
  Result<store::Study> study = store->create_or_load({.name = options.name,
                                                      .directions = {direction},
                                                      .user_attributes = {{std::string(plan_key), plan}},
                                                      .system_attributes = {}});
  if (!study) return study.error();
  if (Json const* const stored = plan_of(study->info)) {
    Json const* const its_lag = stored->find("lag");
    if (options.lag == 0 && its_lag != nullptr && its_lag->is_integer()) {
      lag = static_cast<int>(its_lag->as_integer());
      plan["lag"] = lag;
    }
    if (Status same = check_plan(options.name, "", *stored, plan); !same) return same.error();
  }
  Result<std::span<Trial const>> before = store->trials(study->id);
  if (!before) return before.error();
  int const resumed = static_cast<int>(before->size());

  // 3. Search.
  Search search{.subject = subject,
                .options = options,
                .progress = progress,
                .study = study->id,
                .space = tune::search_space(dimensions),
                .defaults = tune::default_params(dimensions),
                .sampler = sampler.take(),
                .pruner = pruner.take(),
                .lag = lag,
                .mutex = {},
                .error = std::nullopt};
  announce(search, *before);
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < options.jobs; ++i) workers.emplace_back([&search] { work(search); });
  }
  if (search.error) return *search.error;
  if (interrupted()) return stopped_by_user();

  Result<std::span<Trial const>> const all = store->trials(study->id);
  if (!all) return all.error();
  StudyOutcome outcome;
  outcome.info = study->info;
  outcome.trials.assign(all->begin(), all->end());
  outcome.resumed_trials = resumed;
  for (Trial const& t : outcome.trials) outcome.search += ledger_of(t);

  // 4. Select among the best few with fresh seeds.
  std::vector<Trial const*> complete;
  for (Trial const& t : outcome.trials) {
    if (t.state == TrialState::complete && std::isfinite(t.values.front())) complete.push_back(&t);
  }
  if (complete.empty())
    return invalid(fmt::format("study {} has no complete trial; run more with --trials", options.name));
  std::ranges::stable_sort(complete,
                           [](Trial const* a, Trial const* b) { return a->values.front() > b->values.front(); });
  std::vector<Repeat> runs;
  for (Trial const* t : complete) {
    if (static_cast<int>(outcome.candidates.size()) == options.select_top) break;
    Json const params = tune::external_params(t->distributions, t->params);
    bool const seen = std::ranges::any_of(outcome.candidates, [&](Candidate const& c) { return c.params == params; });
    if (seen) continue;
    outcome.candidates.push_back(
        {.trial = t->number, .params = params, .tuning_score = t->values.front(), .select_rewards = {}});
    for (int s = 0; s < options.select_seeds; ++s) runs.push_back({params, agent_seed(options.seed, Role::select, s)});
  }
  Result<std::vector<SubjectResult>> const selected =
      repeat(subject, runs, Role::select, options.select_days, options.jobs, "selecting", progress);
  if (!selected) return selected.error();
  outcome.selection_score = -std::numeric_limits<double>::infinity();
  for (std::size_t c = 0; c < outcome.candidates.size(); ++c) {
    for (int s = 0; s < options.select_seeds; ++s) {
      SubjectResult const& r =
          (*selected)[c * static_cast<std::size_t>(options.select_seeds) + static_cast<std::size_t>(s)];
      outcome.candidates[c].select_rewards.push_back(r.rewards);
      outcome.select += r.ledger;
    }
    double const score = mean_of(outcome.candidates[c].select_rewards);
    if (score > outcome.selection_score) {
      outcome.selection_score = score;
      outcome.winner = c;
    }
  }

  // 5. Validate the winner and the default on what has chosen nothing.
  Json const default_params = tune::external_params(search.space, search.defaults);
  std::vector<Repeat> finals;
  for (Json const& params : {outcome.candidates[outcome.winner].params, default_params}) {
    for (int s = 0; s < options.validate_seeds; ++s)
      finals.push_back({params, agent_seed(options.seed, Role::validate, s)});
  }
  Result<std::vector<SubjectResult>> const validated =
      repeat(subject, finals, Role::validate, options.validate_days, options.jobs, "validating", progress);
  if (!validated) return validated.error();
  for (std::size_t i = 0; i < validated->size(); ++i) {
    auto& rows = i < static_cast<std::size_t>(options.validate_seeds) ? outcome.validation : outcome.default_validation;
    rows.push_back((*validated)[i].rewards);
    outcome.validate += (*validated)[i].ledger;
  }
  outcome.winner_minus_default = paired_difference(outcome.validation, outcome.default_validation, options.seed);
  if (Status stored = store->set_attributes(study->id, {{std::string(result_key), study_json(outcome, nullptr)}}, {});
      !stored) {
    return stored.error();
  }
  return outcome;
}

Json study_json(StudyOutcome const& outcome, Config const* config) {
  auto const seed_means = [](std::vector<std::vector<double>> const& rows) {
    Json::Array means;
    for (auto const& row : rows) means.emplace_back(mean(row));
    return Json(std::move(means));
  };
  int complete = 0, pruned = 0, failed = 0;
  std::vector<Trial const*> ranked;
  for (Trial const& t : outcome.trials) {
    complete += t.state == TrialState::complete ? 1 : 0;
    pruned += t.state == TrialState::pruned ? 1 : 0;
    failed += t.state == TrialState::fail ? 1 : 0;
    if (t.state == TrialState::complete) ranked.push_back(&t);
  }
  std::ranges::stable_sort(ranked,
                           [](Trial const* a, Trial const* b) { return a->values.front() > b->values.front(); });
  constexpr std::size_t history_length = 10;
  Json history = Json::array();
  for (std::size_t i = 0; i < std::min(history_length, ranked.size()); ++i) {
    history.push_back(Json::object({{"trial", ranked[i]->number},
                                    {"value", ranked[i]->values.front()},
                                    {"params", tune::external_params(ranked[i]->distributions, ranked[i]->params)},
                                    {"state", "COMPLETE"}}));
  }
  Candidate const& winner = outcome.candidates[outcome.winner];
  // The interval of the reported mean takes training seeds and days as both random.
  PairedDifference const above_zero =
      paired_difference(outcome.validation, {std::vector<double>(outcome.validation.front().size(), 0.0)}, 0);
  Json candidates = Json::array();
  for (Candidate const& c : outcome.candidates) {
    candidates.push_back(Json::object({{"trial", c.trial},
                                       {"tuning_score", c.tuning_score},
                                       {"selection_score", mean_of(c.select_rewards)},
                                       {"selection_by_seed", seed_means(c.select_rewards)},
                                       {"params", c.params}}));
  }
  Json out = Json::object({
      {"best_reward", outcome.validation_score()},
      {"best_reward_ci95", interval_json(above_zero.ci95)},
      {"best_trial_number", winner.trial},
      {"best_params", winner.params},
      {"n_trials_total", static_cast<int>(outcome.trials.size())},
      {"n_trials_completed", complete},
      {"n_trials_pruned", pruned},
      {"n_trials_failed", failed},
      {"optimization_history", history},
      {"tuning_score", winner.tuning_score},
      {"selection_score", outcome.selection_score},
      {"optimism", outcome.optimism()},
      {"validation_by_seed", seed_means(outcome.validation)},
      {"default", Json::object({{"reward", mean_of(outcome.default_validation)},
                                {"by_seed", seed_means(outcome.default_validation)},
                                {"best_minus_default", outcome.winner_minus_default.mean},
                                {"best_minus_default_ci95", interval_json(outcome.winner_minus_default.ci95)}})},
      {"candidates", candidates},
      {"budget", Json::object({{"search", ledger_json(outcome.search)},
                               {"select", ledger_json(outcome.select)},
                               {"validate", ledger_json(outcome.validate)}})},
      {"study_name", outcome.info.name},
  });
  if (Json const* const plan = plan_of(outcome.info)) out["plan"] = *plan;
  if (config != nullptr) {
    out["environment"] = *to_json(*config).find("environment");
    out["config"] = to_json(*config);
  }
  return out;
}

}  // namespace regulus::lab
