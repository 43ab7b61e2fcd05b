#include "store/trial_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "store/encoding.h"

namespace regulus::store {
namespace {

constexpr std::size_t longest_key = 512;

SqlValue nullable(std::optional<double> const& value) { return value ? SqlValue(*value) : SqlValue(nullptr); }

// An internal value that its distribution cannot have would be undefined behaviour further up.
bool is_possible(Distribution const& distribution, double internal) {
  if (!std::isfinite(internal)) return false;
  auto const* categorical = std::get_if<CategoricalDistribution>(&distribution);
  return categorical == nullptr || (internal >= 0 && internal < static_cast<double>(categorical->choices.size()));
}

}  // namespace

Error odd_trial(TrialRow const& row, std::string_view what) {
  return {ErrorKind::corrupt, fmt::format("trial {} (trial_id {}): {}", row.number, row.id, what)};
}

AttributeTable const study_user{"SELECT \"key\", value_json FROM study_user_attributes WHERE study_id = ?",
                                "INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (?, ?, ?) "
                                "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json = excluded.value_json"};
AttributeTable const study_system{
    "SELECT \"key\", value_json FROM study_system_attributes WHERE study_id = ?",
    "INSERT INTO study_system_attributes (study_id, \"key\", value_json) VALUES (?, ?, ?) "
    "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json = excluded.value_json"};
AttributeTable const trial_user{"SELECT \"key\", value_json FROM trial_user_attributes WHERE trial_id = ?",
                                "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (?, ?, ?) "
                                "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json"};
AttributeTable const trial_system{
    "SELECT \"key\", value_json FROM trial_system_attributes WHERE trial_id = ?",
    "INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) VALUES (?, ?, ?) "
    "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json"};

Attributes read_attributes(Transaction& tx, AttributeTable const& table, std::int64_t id) {
  Attributes found;
  tx.query(table.select, {id}, [&](Row const& row) { found[row.text(0)] = attribute_from(row.text(1)); });
  return found;
}

void write_attributes(Transaction& tx, AttributeTable const& table, std::int64_t id, Attributes const& attributes) {
  for (auto const& [key, value] : attributes) {
    if (key.size() > longest_key) {
      return tx.fail(
          invalid(fmt::format("attribute name {}… is longer than {} bytes", key.substr(0, 40), longest_key)));
    }
    tx.run(table.upsert, {id, key, value.dump()});
  }
}

void read_params(Transaction& tx, TrialRow const& row, Trial& trial) {
  tx.query("SELECT param_name, param_value, distribution_json FROM trial_params WHERE trial_id = ?", {row.id},
           [&](Row const& param) {
             std::string const name = param.text(0);
             Result<Distribution> distribution = distribution_from(param.text(2));
             if (!distribution)
               return tx.fail(odd_trial(row, fmt::format("parameter {}: {}", name, distribution.error().message)));
             if (param.is_null(1) || !is_possible(*distribution, param.real(1))) {
               return tx.fail(
                   odd_trial(row, fmt::format("parameter {} is {}, outside its distribution", name, param.text(1))));
             }
             trial.params[name] = param.real(1);
             trial.distributions[name] = distribution.take();
           });
}

Trial read_trial(Transaction& tx, TrialRow const& row) {
  Trial trial;
  trial.number = static_cast<int>(row.number);
  std::optional<TrialState> const state = state_from(row.state);
  if (!state) tx.fail(odd_trial(row, "unknown state " + row.state));
  trial.state = state.value_or(TrialState::fail);
  trial.started_us = timestamp_us(row.started);
  trial.finished_us = timestamp_us(row.finished);
  auto const real_at = [&](Row const& stored, int column) {
    std::optional<double> const value =
        stored.is_null(column) ? std::nullopt : std::optional<double>(stored.real(column));
    std::optional<double> const real = real_from(value, stored.text(column + 1));
    if (!real) tx.fail(odd_trial(row, "a value of unknown kind " + stored.text(column + 1)));
    return real.value_or(0);
  };
  tx.query("SELECT value, value_type FROM trial_values WHERE trial_id = ? ORDER BY objective", {row.id},
           [&](Row const& value) { trial.values.push_back(real_at(value, 0)); });
  tx.query("SELECT intermediate_value, intermediate_value_type, step FROM trial_intermediate_values WHERE trial_id = ?",
           {row.id},
           [&](Row const& value) { trial.intermediate[static_cast<int>(value.integer(2))] = real_at(value, 0); });
  read_params(tx, row, trial);
  trial.user_attributes = read_attributes(tx, trial_user, row.id);
  trial.system_attributes = read_attributes(tx, trial_system, row.id);
  return trial;
}

Status check_compatible(std::span<Trial const> trials, std::string const& name, Distribution const& distribution) {
  for (Trial const& trial : trials) {
    auto const earlier = trial.distributions.find(name);
    if (earlier == trial.distributions.end()) continue;
    bool const same_kind = earlier->second.index() == distribution.index();
    bool const categorical = std::holds_alternative<CategoricalDistribution>(distribution);
    if (same_kind && (!categorical || earlier->second == distribution)) return ok();
    return invalid(fmt::format(
        "parameter {} is {} here but {} in trial {}; give the parameter another name, or start a new study", name,
        distribution_to_json(distribution).dump(), distribution_to_json(earlier->second).dump(), trial.number));
  }
  return ok();
}

Status check_values(TrialState state, std::vector<double> const& values, std::int64_t objectives) {
  auto const count = static_cast<std::int64_t>(values.size());
  bool const may_have = state != TrialState::running && state != TrialState::waiting;
  bool const may_lack = state != TrialState::complete;
  if (!(may_have && count == objectives) && !(may_lack && count == 0)) {
    return invalid(fmt::format("{} values for a {} trial of {} objectives", count, state_name(state), objectives));
  }
  if (std::ranges::any_of(values, [](double value) { return std::isnan(value); })) {
    return invalid("the final value is NaN; a trial without a usable value ends as FAIL");
  }
  return ok();
}

void write_params(Transaction& tx, std::int64_t trial_id, std::map<std::string, double> const& params,
                  SearchSpace const& distributions) {
  for (auto const& [name, internal] : params) {
    auto const distribution = distributions.find(name);
    if (distribution == distributions.end()) return tx.fail(invalid("parameter " + name + " has no distribution"));
    if (name.size() > longest_key || !is_possible(distribution->second, internal)) {
      return tx.fail(invalid(fmt::format("parameter {} = {} does not fit {}", name, internal,
                                         distribution_to_json(distribution->second).dump())));
    }
    tx.run("INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?)",
           {trial_id, name, internal, distribution_to_json(distribution->second).dump()});
  }
}

void write_intermediate(Transaction& tx, std::int64_t trial_id, std::map<int, double> const& intermediate) {
  for (auto const& [step, value] : intermediate) {
    StoredReal const stored = stored_real(value);
    tx.run(
        "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) "
        "VALUES (?, ?, ?, ?) ON CONFLICT (trial_id, step) DO UPDATE SET "
        "intermediate_value = excluded.intermediate_value, intermediate_value_type = excluded.intermediate_value_type",
        {trial_id, std::int64_t{step}, nullable(stored.value), stored.type});
  }
}

void write_values(Transaction& tx, std::int64_t trial_id, std::vector<double> const& values) {
  std::int64_t objective = 0;
  for (double value : values) {
    StoredReal const stored = stored_real(value);
    tx.run("INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, ?, ?, ?)",
           {trial_id, objective++, nullable(stored.value), stored.type});
  }
}

void write_heartbeat(Transaction& tx, std::int64_t trial_id) {
  tx.run(
      "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (?, CURRENT_TIMESTAMP) "
      "ON CONFLICT (trial_id) DO UPDATE SET heartbeat = CURRENT_TIMESTAMP",
      {trial_id});
}

std::int64_t objectives_of(Transaction& tx, std::int64_t study) {
  return tx.integer("SELECT COUNT(*) FROM study_directions WHERE study_id = ?", {study}).value_or(0);
}

std::int64_t insert_trial(Transaction& tx, std::int64_t study, std::int64_t number, TrialState state,
                          std::int64_t started_us, std::int64_t finished_us) {
  std::string const started = timestamp_text(started_us);
  std::string const finished = timestamp_text(finished_us);
  return tx
      .integer(
          "INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) VALUES (?, ?, ?, ?, ?) "
          "RETURNING trial_id",
          {number, study, state_name(state), started_us == 0 ? SqlValue(nullptr) : SqlValue(started),
           finished_us == 0 ? SqlValue(nullptr) : SqlValue(finished)})
      .value_or(0);
}

std::int64_t now_us() {
  auto const since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count();
}

}  // namespace regulus::store
