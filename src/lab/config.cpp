#include "lab/config.h"

#include <fmt/format.h>

#include "core/files.h"
#include "dispatch/learned/plan_features.h"
#include "dispatch/learned/value_model.h"
#include "lab/scenarios.h"

namespace regulus::lab {

Json to_json(Config const& config) {
  Config copy = config;
  return regulus::to_json(settings(copy));
}

Status apply_document(Config& config, Json const& document) {
  Config changed = config;
  auto const leaves = settings(changed);
  Json const* best = document.find("best_params");
  if (best == nullptr) {
    if (Status applied = apply_json(leaves, document); !applied) return applied;
  } else {
    if (Json const* base = document.find("config")) {
      if (Status applied = apply_json(leaves, *base); !applied) return applied.error().in("config");
    }
    if (best->is_null()) return invalid("best_params = null: the study found no complete trial");
    if (Status applied = apply_flat(leaves, *best); !applied) return applied.error().in("best_params");
  }
  config = std::move(changed);
  return ok();
}

Status apply_file(Config& config, std::filesystem::path const& path) {
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  Result<Json> document = parse_json(*text);
  if (!document) return document.error().in(path.string());
  if (Status applied = apply_document(config, *document); !applied) return applied.error().in(path.string());
  return ok();
}

namespace {

// What a model of the dispatch world may be: a small network over rows of plan features.
Status check_dispatch(Config const& config) {
  if (auto const families = families_of(config.scenario); !families) return families.error();
  std::string const& teacher = config.training.teacher;
  if (teacher != rule_as_teacher) {
    if (teacher.find(':') != std::string::npos) {
      return invalid(fmt::format("training.teacher = {}: a teacher is a rule, not a model in a file", teacher));
    }
    if (auto const known = dispatch::make_policy(teacher, {}); !known) return known.error().in("training.teacher");
  }
  rl::NetworkConfig const& network = config.network;
  if (network.kind != rl::NetworkKind::pairs || network.dueling || network.layer_norm || !network.pairs.residual) {
    return invalid(fmt::format(
        "scenario = {}: a dispatch value is a residual pairs network without dueling and layer_norm", config.scenario));
  }
  std::size_t parameters = 0;
  int inputs = dispatch::plan_features;
  for (int const units : network.hidden()) {
    parameters += static_cast<std::size_t>(units) * (static_cast<std::size_t>(inputs) + 1);
    inputs = units;
  }
  parameters += static_cast<std::size_t>(inputs) + 1;
  if (parameters > dispatch::most_parameters) {
    return invalid(fmt::format("network.pairs.pair_hidden_sizes make {} parameters; a dispatch value has at most {}",
                               parameters, dispatch::most_parameters));
  }
  return ok();
}

}  // namespace

Status check_consistent(Config const& config) {
  if (config.agent.batch_size > config.replay.buffer_size) {
    return invalid(
        fmt::format("agent.batch_size = {} is above replay.buffer_size = {}; lower the one or raise the other",
                    config.agent.batch_size, config.replay.buffer_size));
  }
  if (config.replay.n_step >= config.replay.buffer_size) {
    return invalid(fmt::format("replay.n_step = {} must be below replay.buffer_size = {}", config.replay.n_step,
                               config.replay.buffer_size));
  }
  if (config.replay.keep_demonstrations && config.replay.n_step >= config.replay.buffer_size / 2) {
    return invalid(
        fmt::format("replay.n_step = {} must be below half of replay.buffer_size = {} when demonstrations "
                    "are kept",
                    config.replay.n_step, config.replay.buffer_size));
  }
  if (config.agent.epsilon_end > config.agent.epsilon_start) {
    return invalid(fmt::format("agent.epsilon_end = {} is above agent.epsilon_start = {}", config.agent.epsilon_end,
                               config.agent.epsilon_start));
  }
  if (is_dispatch(config)) {
    if (Status fits = check_dispatch(config); !fits) return fits;
  } else if (config.training.teacher != rule_as_teacher) {
    return invalid(fmt::format("training.teacher = {}: only the dispatch world (--scenario) has other teachers than {}",
                               config.training.teacher, rule_as_teacher));
  }
  if (config.network.hidden().size() > 8) {
    return invalid(fmt::format("network.{}hidden_sizes has {} layers; at most 8",
                               config.network.kind == rl::NetworkKind::pairs ? "pairs.pair_" : "slots.",
                               config.network.hidden().size()));
  }
  return ok();
}

std::string describe(sim::ClassicConfig const& e) {
  return fmt::format("{} drivers × {} slots, {} h, {}", e.num_drivers, e.max_bookings, e.simulation_hours,
                     sim::enum_names(e.reward)[static_cast<std::size_t>(e.reward)]);
}

std::string describe(Config const& config) {
  return is_dispatch(config) ? "days of " + config.scenario + "; reward is minus what a day costs, in francs"
                             : describe(config.environment);
}

Status same_environment(sim::ClassicConfig const& a, std::string const& a_name, sim::ClassicConfig const& b,
                        std::string const& b_name) {
  sim::ClassicConfig left = a;
  sim::ClassicConfig right = b;
  auto const lefts = settings(left);
  auto const rights = settings(right);
  std::string differences;
  for (std::size_t i = 0; i < lefts.size(); ++i) {
    Json const x = lefts[i].get();
    Json const y = rights[i].get();
    if (x == y) continue;
    differences += fmt::format("{}{} = {} in {} but {} in {}", differences.empty() ? "" : "; ", lefts[i].path, x.dump(),
                               a_name, y.dump(), b_name);
  }
  if (differences.empty()) return ok();
  return invalid(fmt::format("not the same environment: {}", differences));
}

std::vector<TunedDimension> tuned_dimensions(Config const& config) {
  Config copy = config;
  std::string_view const other = config.network.kind == rl::NetworkKind::slots ? "network.pairs." : "network.slots.";
  std::vector<TunedDimension> all;
  for (Setting const& s : settings(copy)) {
    if (s.path.starts_with(other)) continue;
    for (TunedDimension& d : regulus::tuned_dimensions(s)) all.push_back(std::move(d));
  }
  return all;
}

}  // namespace regulus::lab
