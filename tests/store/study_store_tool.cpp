// Makes and extends studies from a command line, for tests in other languages:
//
//   study_store_tool shapes URL STUDY                one trial of every shape
//   study_store_tool run URL STUDY TRIALS [LAG]      works until TRIALS trials exist; prints the numbers it ran
//   study_store_tool queue URL STUDY COUNT           adds queued points
//   study_store_tool hang URL STUDY                  claims a trial, prints its number, waits for a line on standard
//   input,
//                                                    reports, prints "stored" or "lease_lost" and leaves without an end
//   study_store_tool requeue URL STUDY               queues again what dead workers left; prints the numbers
//   study_store_tool dump URL STUDY                  the study as JSON; reals that JSON lacks as "nan", "inf", "-inf"
//
// `run` maximises a smooth function of four parameters, so that a best trial and importances exist.
#include <fmt/format.h>
#include <poll.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "core/rng.h"
#include "store/encoding.h"
#include "store/study_store.h"

namespace regulus::store {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().message);
    std::exit(1);
  }
  return result.take();
}

SearchSpace space() {
  return {{"gamma", FloatDistribution{.low = 0.9, .high = 0.999, .log = false, .step = {}}},
          {"lr", FloatDistribution{.low = 1e-5, .high = 0.1, .log = true, .step = {}}},
          {"net", CategoricalDistribution{{"small", "medium", 256}}},
          {"width", IntDistribution{.low = 16, .high = 256, .log = false, .step = 16}}};
}

Result<Proposal> propose(std::span<Trial const>, int number) {
  Rng rng = Rng(42).stream(Purpose::sampler, static_cast<std::uint64_t>(number));
  return Proposal{.params = {{"gamma", rng.uniform(0.9, 0.999)},
                             {"lr", std::pow(10, rng.uniform(-5, -1))},
                             {"net", static_cast<double>(rng.below(3))},
                             {"width", static_cast<double>(16 * rng.between(1, 16))}},
                  .distributions = space(),
                  .system_attributes = {}};
}

double score(std::map<std::string, double> const& params) {
  double const lr = std::log10(params.at("lr")) + 3;
  return 100 - 20 * lr * lr + params.at("net") - 0.01 * std::abs(params.at("width") - 128);
}

Json readable(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

Study made(StudyStore& store, std::string const& name, std::vector<Direction> directions) {
  StudyInfo info;
  info.name = name;
  info.directions = std::move(directions);
  info.user_attributes = {{"program", "regulus"}};
  return must(store.create_or_load(info));
}

void shapes(StudyStore& store, std::string const& name) {
  double const infinity = std::numeric_limits<double>::infinity();
  StudyId const study = made(store, name, {Direction::minimize}).id;
  std::vector<Trial> all;
  auto const add = [&](TrialState state, std::vector<double> values) -> Trial& {
    Trial& trial = all.emplace_back();
    trial.state = state;
    trial.values = std::move(values);
    if (state != TrialState::waiting) {
      trial.distributions = space();
      trial.params = propose({}, static_cast<int>(all.size()))->params;
    }
    return trial;
  };
  add(TrialState::complete, {0.25}).intermediate = {{0, std::nan("")}, {1, infinity}, {2, -infinity}, {3, 0.5}};
  add(TrialState::complete, {infinity});
  add(TrialState::complete, {-infinity});
  add(TrialState::pruned, {0.75}).intermediate = {{5, 0.75}};
  add(TrialState::pruned, {}).intermediate = {{1, std::nan("")}};
  add(TrialState::fail, {}).user_attributes = {{"failure", "out of memory"}};
  add(TrialState::running, {}).intermediate = {{1, 3}};
  Trial& constrained = add(TrialState::complete, {0.5});
  constrained.system_attributes = {{"constraints", Json(Json::Array{-1.0, 0.5})}};
  constrained.user_attributes = {{"note", "Grüße"}, {"list", Json(Json::Array{1, 2.5, Json(), true})}};
  add(TrialState::waiting, {}).system_attributes = {
      {"fixed_params", Json::object({{"gamma", 0.95}, {"lr", 0.002}, {"net", 256}, {"width", 64}})}};
  for (Trial const& trial : all) must(store.add_trial(study, trial));

  StudyId const two = made(store, name + "-two", {Direction::minimize, Direction::maximize}).id;
  all.clear();
  add(TrialState::complete, {1, 2});
  add(TrialState::complete, {2, 3});
  add(TrialState::complete, {3, 1});
  for (Trial const& trial : all) must(store.add_trial(two, trial));
}

ClaimRules rules_of(int trials, int lag) {
  ClaimRules rules;
  rules.max_trials = trials;
  rules.lag = lag;
  rules.space = space();
  return rules;
}

void run(StudyStore& store, std::string const& name, int trials, int lag) {
  StudyId const study = made(store, name, {Direction::maximize}).id;
  ClaimRules const rules = rules_of(trials, lag);
  while (true) {
    Claim const claim = must(store.claim_next(study, rules, propose));
    if (claim.kind == Claim::Kind::finished) return;
    if (claim.kind == Claim::Kind::wait) {
      ::poll(nullptr, 0, 5);
      continue;
    }
    double const value = score(claim.trial.params);
    for (int step = 1; step <= 3; ++step) {
      must(store.report(claim.lease,
                        {.intermediate = {{step, value * step / 3}}, .user_attributes = {}, .system_attributes = {}}));
    }
    must(store.finish(claim.lease, TrialState::complete, {value}));
    fmt::print("{}\n", claim.trial.number);
    std::fflush(stdout);
  }
}

void queue(StudyStore& store, std::string const& name, int count) {
  StudyId const study = made(store, name, {Direction::maximize}).id;
  for (int i = 0; i < count; ++i) {
    Trial trial;
    trial.state = TrialState::waiting;
    trial.system_attributes = {{"fixed_params", Json::object({{"lr", 0.001 * (i % 50 + 1)}, {"net", "medium"}})}};
    must(store.add_trial(study, trial));
  }
}

void hang(StudyStore& store, std::string const& name) {
  StudyId const study = made(store, name, {Direction::maximize}).id;
  Claim const claim = must(store.claim_next(study, rules_of(1'000'000, 1'000'000), propose));
  must(store.report(claim.lease, {.intermediate = {{1, 1.0}}, .user_attributes = {}, .system_attributes = {}}));
  fmt::print("{}\n", claim.trial.number);
  std::fflush(stdout);
  static_cast<void>(std::getchar());
  bool const stored = must(store.heartbeat(claim.lease)) == Write::stored;
  fmt::print("{}\n", stored ? "stored" : "lease_lost");
}

void requeue(StudyStore& store, std::string const& name) {
  for (int number : must(store.requeue_dead(must(store.load(name)).id, std::chrono::seconds(60))).waiting) {
    fmt::print("{}\n", number);
  }
}

void dump(StudyStore& store, std::string const& name) {
  Study const study = must(store.load(name));
  Json trials = Json::array();
  for (Trial const& trial : must(store.trials(study.id))) {
    Json params = Json::object();
    for (auto const& [key, value] : trial.params) params[key] = external_value(trial.distributions.at(key), value);
    Json intermediate = Json::object();
    for (auto const& [step, value] : trial.intermediate) intermediate[std::to_string(step)] = readable(value);
    Json values = Json::array();
    for (double value : trial.values) values.push_back(readable(value));
    trials.push_back(
        Json::object({{"number", trial.number},
                      {"state", state_name(trial.state)},
                      {"values", values},
                      {"params", params},
                      {"intermediate", intermediate},
                      {"user", Json(Json::Object(trial.user_attributes.begin(), trial.user_attributes.end()))},
                      {"started_us", trial.started_us},
                      {"finished_us", trial.finished_us}}));
  }
  fmt::print("{}\n", Json::object({{"name", study.info.name}, {"trials", trials}}).dump());
}

int main_of(std::vector<std::string> const& words) {
  if (words.size() < 4) {
    fmt::print(stderr, "usage: study_store_tool shapes|run|queue|hang|requeue|dump URL STUDY [TRIALS|COUNT] [LAG]\n");
    return 2;
  }
  std::string const& verb = words[1];
  int const count = words.size() > 4 ? std::stoi(words[4]) : 0;
  StudyStore store =
      must(StudyStore::open(words[2], verb == "dump" ? StudyStore::Mode::existing : StudyStore::Mode::create));
  if (verb == "shapes") {
    shapes(store, words[3]);
  } else if (verb == "run") {
    run(store, words[3], count, words.size() > 5 ? std::stoi(words[5]) : 1);
  } else if (verb == "queue") {
    queue(store, words[3], count);
  } else if (verb == "hang") {
    hang(store, words[3]);
  } else if (verb == "requeue") {
    requeue(store, words[3]);
  } else if (verb == "dump") {
    dump(store, words[3]);
  } else {
    fmt::print(stderr, "unknown verb {}\n", verb);
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace regulus::store

int main(int argc, char** argv) { return regulus::store::main_of({argv, argv + argc}); }
