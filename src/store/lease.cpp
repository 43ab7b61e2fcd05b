#include "store/lease.h"

#include <fmt/format.h>

#include <optional>
#include <random>

#include "store/encoding.h"
#include "store/worker.h"

namespace regulus::store {
namespace {

bool is_stale(std::int64_t now, std::optional<std::string> const& heartbeat, std::chrono::seconds grace) {
  return heartbeat &&
         now - timestamp_us(*heartbeat) > std::chrono::duration_cast<std::chrono::microseconds>(grace).count();
}

}  // namespace

bool is_ours(Trial const& trial) { return trial.system_attributes.contains(std::string(owner_key)); }

Lease take_lease(Transaction& tx, std::int64_t trial_id, int number) {
  Json owner = to_json(this_worker());
  // Tells two claims of one process apart.
  std::random_device entropy;
  owner["claim"] = fmt::format("{:08x}{:08x}", entropy(), entropy());
  write_attributes(tx, trial_system, trial_id, {{std::string(owner_key), owner}});
  write_heartbeat(tx, trial_id);
  return {.trial_id = trial_id, .number = number, .owner = owner.dump()};
}

bool is_held(Transaction& tx, Lease const& lease) {
  return tx
      .integer(
          "SELECT 1 FROM trials JOIN trial_system_attributes AS attribute ON attribute.trial_id = trials.trial_id "
          "WHERE trials.trial_id = ? AND trials.state = 'RUNNING' AND attribute.\"key\" = ? AND attribute.value_json = "
          "?",
          {lease.trial_id, owner_key, lease.owner})
      .has_value();
}

void requeue(Transaction& tx, TrialRow const& row) {
  Trial trial;
  read_params(tx, row, trial);
  Attributes const attributes = read_attributes(tx, trial_system, row.id);
  auto const before = attributes.find(std::string(fixed_key));
  Json fixed = before != attributes.end() && before->second.is_object() ? before->second : Json::object();
  for (auto const& [name, internal] : trial.params)
    fixed[name] = external_value(trial.distributions.at(name), internal);
  auto const count = attributes.find(std::string(requeued_key));
  std::int64_t const times = count != attributes.end() && count->second.is_integer() ? count->second.as_integer() : 0;
  write_attributes(tx, trial_system, row.id, {{std::string(fixed_key), fixed}, {std::string(requeued_key), times + 1}});
  tx.run("DELETE FROM trial_intermediate_values WHERE trial_id = ?", {row.id});
  tx.run("DELETE FROM trial_heartbeats WHERE trial_id = ?", {row.id});
  tx.run(
      "DELETE FROM trial_system_attributes WHERE trial_id = ? AND "
      "(\"key\" = ? OR \"key\" LIKE 'completed!_rung!_%' ESCAPE '!')",
      {row.id, owner_key});
  tx.run("UPDATE trials SET state = 'WAITING', datetime_start = NULL WHERE trial_id = ? AND state = 'RUNNING'",
         {row.id});
}

Requeued sweep(Transaction& tx, std::int64_t study, std::chrono::seconds grace) {
  std::vector<TrialRow> running;
  tx.query("SELECT trial_id, number FROM trials WHERE study_id = ? AND state = 'RUNNING' ORDER BY number", {study},
           [&](Row const& row) { running.push_back({.id = row.integer(0), .number = row.integer(1)}); });
  Requeued changed;
  if (running.empty()) return changed;
  Worker const observer = this_worker();
  // The database's own clock, which also wrote the heartbeats.
  std::int64_t const now = timestamp_us(tx.text("SELECT CURRENT_TIMESTAMP").value_or(""));
  for (TrialRow const& row : running) {
    bool const stale =
        is_stale(now, tx.text("SELECT heartbeat FROM trial_heartbeats WHERE trial_id = ?", {row.id}), grace);
    auto const owner = tx.text("SELECT value_json FROM trial_system_attributes WHERE trial_id = ? AND \"key\" = ?",
                               {row.id, owner_key});
    if (!owner) {
      if (!stale) continue;
      tx.run("UPDATE trials SET state = 'FAIL', datetime_complete = ? WHERE trial_id = ? AND state = 'RUNNING'",
             {timestamp_text(now_us()), row.id});
      changed.failed.push_back(static_cast<int>(row.number));
      continue;
    }
    std::optional<Worker> const worker = worker_from(attribute_from(*owner));
    Presence const there = worker ? presence(*worker, observer) : Presence::elsewhere;
    if (there == Presence::alive || (there == Presence::elsewhere && !stale)) continue;
    requeue(tx, row);
    changed.waiting.push_back(static_cast<int>(row.number));
  }
  return changed;
}

}  // namespace regulus::store
