#include "lab/train.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/files.h"
#include "core/interrupt.h"
#include "lab/event_file.h"
#include "lab/scenarios.h"
#include "lab/trust.h"

namespace regulus::lab {
namespace {

// Those worth naming beside a trained agent.
std::vector<std::string> reference_rules(Config const& config) {
  if (is_dispatch(config)) return rules_of(config);
  return {"random_valid", "least_time_left", "score_rule"};
}

// How much of a learned value is believed: what is tried on the days of selection.
constexpr std::array<double, 5> trusts = {0, 0.15, 0.3, 0.6, 1};

// A network that did well in a quick evaluation and is compared again at the end.
struct Candidate {
  double score = 0;
  int episode = 0;
  std::vector<float> parameters;
};

// Everything of a run that is not in TrainingRun; saved and restored with it.
struct Journal {
  std::string stamp;
  std::vector<EpisodeRecord> episodes;
  std::vector<TrainOutcome::Evaluation> evaluations;
  std::vector<Candidate> candidates;  // best score first, ties to the earlier
  int evaluations_since_best = 0;
  std::uint64_t event_bytes = 0;

  void save(ArchiveWriter& out) const {
    out.tag("journal");
    out.put(stamp);
    out.put(episodes);
    out.put(evaluations);
    out.put(static_cast<std::uint64_t>(candidates.size()));
    for (Candidate const& c : candidates) {
      out.put(c.score);
      out.put(c.episode);
      out.put(c.parameters);
    }
    out.put(evaluations_since_best);
    out.put(event_bytes);
  }
  void load(ArchiveReader& in) {
    in.tag("journal");
    in.get(stamp);
    in.get(episodes);
    in.get(evaluations);
    std::uint64_t count = 0;
    in.get(count);
    candidates.clear();
    for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
      Candidate& c = candidates.emplace_back();
      in.get(c.score);
      in.get(c.episode);
      in.get(c.parameters);
    }
    in.get(evaluations_since_best);
    in.get(event_bytes);
  }
};

// The files of a run.
struct Files {
  TrainFolders const& folders;
  std::filesystem::path model(std::string const& name) const { return folders.models / (name + ".safetensors"); }
  std::filesystem::path checkpoint() const { return folders.models / "dqn_checkpoint.rgls"; }
  std::filesystem::path config() const { return folders.models / "dqn_config.json"; }
  std::filesystem::path events(std::string const& stamp) const {
    return folders.tensorboard / ("dqn_" + stamp) / std::string(event_file_name);
  }
  std::filesystem::path metrics(std::string const& stamp) const {
    return folders.logs / ("metrics_" + stamp + ".json");
  }
};

std::string encode_checkpoint(TrainingRun const& run, Journal const& journal) {
  ArchiveWriter out;
  out.put(to_json(run.config()).dump());
  out.put(run.seed());
  journal.save(out);
  run.save(out);
  return std::move(out).finish();
}

// The first setting in which two configurations differ, with both values.
std::optional<std::string> difference(Config const& asked, Config const& stored) {
  Config a = asked;
  Config b = stored;
  auto const as = settings(a);
  auto const bs = settings(b);
  for (std::size_t i = 0; i < as.size(); ++i) {
    Json const x = as[i].get();
    Json const y = bs[i].get();
    if (x != y) return fmt::format("{} = {} is asked for, the checkpoint has {}", as[i].path, x.dump(), y.dump());
  }
  return std::nullopt;
}

struct Resumed {
  std::unique_ptr<TrainingRun> run;
  Journal journal;
};

Result<Resumed> resume(TrainOptions const& options, std::filesystem::path const& path) {
  Result<std::string> bytes = read_file(path);
  if (!bytes) return bytes.error().in("nothing to resume");
  Result<ArchiveReader> in = ArchiveReader::open(bytes.take());
  if (!in) return in.error().in(path.string());
  std::string config_text;
  std::uint64_t seed = 0;
  in->get(config_text);
  in->get(seed);
  Result<Json> const document = parse_json(config_text);
  Config config;
  if (in->failed() || !document) return Error{ErrorKind::corrupt, path.string() + ": no configuration inside"};
  if (Status applied = apply_document(config, *document); !applied) return applied.error().in(path.string());
  if (options.config) {
    if (auto const differs = difference(*options.config, config)) {
      return invalid(
          fmt::format("{}: {}; leave out --resume to start anew, or the setting to continue", path.string(), *differs));
    }
  }
  if (options.seed && *options.seed != seed) {
    return invalid(
        fmt::format("{}: --seed {} is asked for, the checkpoint has {}", path.string(), *options.seed, seed));
  }
  Resumed resumed;
  resumed.run = std::make_unique<TrainingRun>(config, seed);
  resumed.journal.load(*in);
  resumed.run->load(*in);
  if (Status whole = in->finish(); !whole) return whole.error().in(path.string());
  return resumed;
}

Json figure_json(Summary const& s) {
  return Json::object({{"avg_reward", s.reward.mean},
                       {"std_reward", s.reward.std},
                       {"min_reward", s.reward.min},
                       {"max_reward", s.reward.max},
                       {"ci95", interval_json(s.reward.ci95)},
                       {"episodes", s.episodes},
                       {"avg_steps", s.steps.mean},
                       {"avg_assignments", s.assignments.mean},
                       {"avg_late_pickups", s.late_pickups.mean},
                       {"avg_cancellations", s.cancellations.mean},
                       {"avg_refused", s.refused.mean},
                       {"avg_distance_km", s.distance.mean}});
}

Json trust_json(dispatch::Trust const& trust) {
  Json json = Json::object();
  for (auto const& [kind, value] : trust.by_kind) json[kind] = value;
  return json;
}

Json metrics_json(TrainOutcome const& o, std::string const& timestamp) {
  Json rewards = Json::array();
  Json losses = Json::array();
  for (EpisodeRecord const& e : o.episodes) {
    rewards.push_back(e.reward);
    losses.push_back(e.loss);
  }
  Json evaluations = Json::array();
  double best = o.evaluations.empty() ? 0 : o.evaluations.front().mean;
  for (auto const& e : o.evaluations) {
    evaluations.push_back(Json::object({{"episode", e.episode}, {"avg_reward", e.mean}, {"std_reward", e.std}}));
    best = std::max(best, e.mean);
  }
  Json leads = Json::object();
  for (auto const& [name, d] : o.leads) {
    leads[name] = Json::object({{"mean", d.mean}, {"ci95", interval_json(d.ci95)}});
  }
  Json const config = to_json(o.config);
  return Json::object({{"timestamp", timestamp},
                       {"run", "dqn_" + o.stamp},
                       {"episodes", static_cast<int>(o.episodes.size())},
                       {"learning_rate", o.config.agent.learning_rate},
                       {"gamma", o.config.agent.gamma},
                       {"epsilon_decay", o.config.agent.epsilon_decay},
                       {"batch_size", o.config.agent.batch_size},
                       {"final_epsilon", o.episodes.empty() ? o.config.agent.epsilon_start : o.episodes.back().epsilon},
                       {"training_steps", o.ledger.gradient_steps},
                       {"best_eval_reward", best},
                       {"best_episode", o.best_episode},
                       {"scenario", o.config.scenario},
                       {"trust", o.trust.otherwise},
                       {"trust_by_kind", trust_json(o.trust)},
                       {"final_eval", figure_json(o.final_network)},
                       {"best_eval", figure_json(o.best)},
                       {"lead_over", leads},
                       {"seed", o.seed},
                       {"environment", *config.find("environment")},
                       {"config", config},
                       {"sentinel_events", Json::array_of(o.events)},
                       {"environment_steps", o.ledger.environment_steps},
                       {"evaluation_steps", o.ledger.evaluation_steps},
                       {"wall_seconds", o.ledger.wall_seconds},
                       {"evaluations", evaluations},
                       {"episode_rewards", rewards},
                       {"episode_losses", losses}});
}

std::shared_ptr<Model const> model_of(TrainingRun const& run, Candidate const& candidate) {
  Model model = *run.snapshot();
  model.episodes = candidate.episode;
  std::ranges::copy(candidate.parameters, model.network.network().parameters().begin());
  if (is_dispatch(model.config)) model.trust = usual_trust;
  return std::make_shared<Model const>(std::move(model));
}

Candidate candidate_of(TrainingRun const& run, double score) {
  auto const model = run.snapshot();
  auto const parameters = model->network.network().parameters();
  return {.score = score, .episode = run.episode(), .parameters = {parameters.begin(), parameters.end()}};
}

double steps_of_a_day(TrainingRun const& run) {
  Config const& config = run.config();
  if (!is_dispatch(config)) return config.environment.simulation_hours * 60.0 / sim::ClassicWorld::step_minutes;
  return static_cast<double>(run.environment_steps()) / (run.episode() + config.training.warmup_episodes);
}

double mean_of_last(std::vector<EpisodeRecord> const& episodes, std::size_t count) {
  double sum = 0;
  for (std::size_t i = episodes.size() - count; i < episodes.size(); ++i) sum += episodes[i].reward;
  return sum / static_cast<double>(count);
}

void write_episode_scalars(EventFile& events, Journal const& journal) {
  EpisodeRecord const& e = journal.episodes.back();
  auto const step = static_cast<std::int64_t>(journal.episodes.size()) - 1;
  events.add(scalars::reward, step, e.reward);
  events.add(scalars::epsilon, step, e.epsilon);
  events.add(scalars::loss, step, e.loss);
  events.add(scalars::steps, step, static_cast<double>(e.steps));
  events.add(scalars::buffer_size, step, static_cast<double>(e.buffer));
  if (journal.episodes.size() >= 10) events.add(scalars::average_reward_10, step, mean_of_last(journal.episodes, 10));
  if (journal.episodes.size() >= 100)
    events.add(scalars::average_reward_100, step, mean_of_last(journal.episodes, 100));
}

}  // namespace

Result<TrainOutcome> train(TrainOptions const& options,
                           std::function<void(int, int, std::optional<double>)> const& on_episode) {
  Stopwatch const stopwatch;
  Files const files{options.folders};

  // 1. A new run or the continuation of one.
  std::unique_ptr<TrainingRun> run;
  Journal journal;
  if (options.resume) {
    Result<Resumed> resumed = resume(options, files.checkpoint());
    if (!resumed) return resumed.error();
    run = std::move(resumed->run);
    journal = std::move(resumed->journal);
  } else {
    Config const config = options.config.value_or(Config{});
    if (Status consistent = check_consistent(config); !consistent) return consistent.error();
    run = std::make_unique<TrainingRun>(config, options.seed.value_or(1));
    journal.stamp = options.stamp;
    // An older run of the same second is being replaced.
    std::error_code nothing_there;
    std::filesystem::remove(files.events(journal.stamp), nothing_there);
  }
  Config const& config = run->config();
  TrainingConfig const& plan = config.training;
  Result<EventFile> events = EventFile::open(files.events(journal.stamp));
  if (!events) return events.error();
  if (options.resume) {
    if (Status cut = events->truncate_to(std::min(journal.event_bytes, events->size())); !cut) return cut.error();
  }
  auto const save_checkpoint = [&]() -> Status {
    if (Status flushed = events->flush(); !flushed) return flushed;
    journal.event_bytes = events->size();
    return write_file(files.checkpoint(), encode_checkpoint(*run, journal));
  };
  // From here on --resume continues this run: not the one that was in this folder before, and not nothing at all. A run
  // killed between these two files has only the first.
  if (!options.resume) {
    if (Status saved = save_checkpoint(); !saved) return saved.error();
  }
  if (Status written = write_file(files.config(), to_json(config).dump(2) + "\n"); !written) return written.error();

  // 2. Learn, evaluate, keep the best few.
  auto const evaluation_days = scenario_seeds(Role::tune, run->seed(), plan.eval_episodes);
  auto const patient = [&] { return plan.patience == 0 || journal.evaluations_since_best < plan.patience; };
  std::optional<double> latest;
  if (run->episode() == 0) {
    // What training starts from is a candidate too: it may have nothing to add. By the same fast play as all later
    // evaluations.
    auto const days = play_days(model_players(run->snapshot(), Use::insertion), evaluation_days, options.threads);
    journal.candidates = {candidate_of(*run, mean(rewards_of(days)))};
    if (Status saved = save_model(files.model("dqn_best"), *run->snapshot()); !saved) return saved.error();
  }
  while (run->episode() < plan.episodes && !run->stopped() && patient()) {
    if (interrupted()) {
      if (Status saved = save_checkpoint(); !saved) return saved.error();
      return Error{ErrorKind::interrupted, fmt::format("interrupted after {} of {} episodes; continue with --resume",
                                                       run->episode(), plan.episodes)};
    }
    journal.episodes.push_back(run->run_episode());
    write_episode_scalars(*events, journal);
    if (run->episode() % plan.eval_interval == 0 || run->episode() == plan.episodes) {
      auto const rewards = run->evaluate(evaluation_days, options.threads);
      latest = mean(rewards);
      bool const best_yet = journal.candidates.empty() || *latest > journal.candidates.front().score;
      journal.evaluations_since_best = best_yet ? 0 : journal.evaluations_since_best + 1;
      journal.evaluations.push_back({.episode = run->episode(),
                                     .mean = *latest,
                                     .std = standard_deviation(rewards),
                                     .steps = steps_of_a_day(*run)});
      events->add(scalars::evaluation_reward, run->episode() - 1, *latest);
      events->add(scalars::evaluation_deviation, run->episode() - 1, journal.evaluations.back().std);
      events->add(scalars::evaluation_steps, run->episode() - 1, journal.evaluations.back().steps);
      journal.candidates.push_back(candidate_of(*run, *latest));
      std::ranges::stable_sort(journal.candidates, std::ranges::greater{}, &Candidate::score);
      if (static_cast<int>(journal.candidates.size()) > plan.confirm_candidates) journal.candidates.pop_back();
      if (best_yet) {
        if (Status saved = save_model(files.model("dqn_best"), *run->snapshot()); !saved) return saved.error();
      }
    }
    if (run->episode() % plan.save_interval == 0 && run->episode() < plan.episodes) {
      if (Status saved = save_model(files.model(fmt::format("dqn_ep{:04}", run->episode())), *run->snapshot()); !saved)
        return saved.error();
      if (Status saved = save_checkpoint(); !saved) return saved.error();
    }
    if (on_episode) on_episode(run->episode(), plan.episodes, latest);
  }

  // 3. The final state is a checkpoint too, so that a run killed while the best is chosen loses nothing.
  if (run->episode() % plan.save_interval == 0) {
    if (Status saved = save_model(files.model(fmt::format("dqn_ep{:04}", run->episode())), *run->snapshot()); !saved)
      return saved.error();
  }
  auto const final_model = run->snapshot();
  if (Status saved = save_model(files.model("dqn_final"), *final_model); !saved) return saved.error();
  if (Status saved = save_checkpoint(); !saved) return saved.error();

  // 4. The quick evaluations flatter whoever was lucky on their days: compare the best few again on fresh ones.
  std::vector<Candidate> finalists = journal.candidates;
  if (std::ranges::none_of(finalists, [&](Candidate const& c) { return c.episode == run->episode(); })) {
    finalists.push_back(candidate_of(*run, 0));
  }
  auto const confirm_days = scenario_seeds(Role::select, run->seed(), plan.confirm_episodes);
  std::shared_ptr<Model const> best;
  std::int64_t evaluation_steps = run->evaluation_steps();
  auto const play = [&](PlayerFactory const& players, std::span<std::uint64_t const> seeds) {
    auto days = play_days(players, seeds, options.threads);
    for (auto const& day : days) evaluation_steps += day.steps;
    return days;
  };
  std::vector<double> best_rewards;
  for (Candidate const& finalist : finalists) {
    auto const model = model_of(*run, finalist);
    auto const rewards = rewards_of(play(model_players(model), confirm_days));
    if (best && mean(rewards) <= mean(best_rewards)) continue;
    best = model;
    best_rewards = rewards;
  }
  if (is_dispatch(config)) {
    // How far to go along with it is chosen on the same days, for each family.
    std::vector<TrustTrial> trials;
    for (double const trust : trusts) {
      if (interrupted()) return Error{ErrorKind::interrupted, "interrupted after all episodes; continue with --resume"};
      Model model = *best;
      model.trust = trust;
      trials.push_back(
          {.trust = trust,
           .rewards = trust == usual_trust
                          ? best_rewards
                          : rewards_of(play(model_players(std::make_shared<Model const>(model)), confirm_days))});
    }
    Model chosen = *best;
    Turns const turns = turns_of(config.scenario);
    std::vector<std::size_t> family_of_day;
    for (std::uint64_t const day : confirm_days) family_of_day.push_back(turns.of(day));
    chosen.trust = chosen_trust(trials, family_of_day, family_names(config.scenario));
    best = std::make_shared<Model const>(std::move(chosen));
  }
  if (Status saved = save_model(files.model("dqn_best"), *best); !saved) return saved.error();

  // 5. The figures to report come from days that chose nothing.
  TrainOutcome outcome;
  outcome.config = config;
  outcome.seed = run->seed();
  outcome.stamp = journal.stamp;
  outcome.episodes = journal.episodes;
  outcome.evaluations = journal.evaluations;
  outcome.best_episode = best->episodes;
  outcome.trust = best->trust;
  outcome.events = run->events();
  auto const report_days = scenario_seeds(Role::validate, run->seed(), plan.final_episodes);
  auto const best_days = play(model_players(best), report_days);
  outcome.best = summarize(best_days);
  outcome.final_network = summarize(play(model_players(final_model), report_days));
  auto const add_lead = [&](std::string const& name, PlayerFactory const& players) {
    auto const days = play_days(players, report_days, options.threads);
    outcome.leads.emplace_back(name, paired_difference({rewards_of(best_days)}, {rewards_of(days)}, run->seed()));
  };
  for (std::string const& rule : reference_rules(config)) {
    Result<PlayerFactory> const players = rule_players(config, rule);
    if (!players) return players.error();
    add_lead(rule, *players);
  }
  if (config.network.kind == rl::NetworkKind::pairs && config.network.pairs.residual) {
    add_lead(std::string(untrained_name), untrained_players(config, run->seed()));
  }
  outcome.ledger = {.environment_steps = run->environment_steps(),
                    .gradient_steps = run->gradient_steps(),
                    .evaluation_steps = evaluation_steps,
                    .cpu_seconds = 0,
                    .wall_seconds = 0};
  stopwatch.read(outcome.ledger);
  outcome.metrics = metrics_json(outcome, options.timestamp);
  outcome.metrics_file = files.metrics(journal.stamp);
  outcome.best_file = files.model("dqn_best");
  outcome.final_file = files.model("dqn_final");
  if (Status written = write_file(outcome.metrics_file, outcome.metrics.dump(2) + "\n"); !written)
    return written.error();
  return outcome;
}

}  // namespace regulus::lab
