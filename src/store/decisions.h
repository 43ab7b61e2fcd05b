// What was decided, by whom, on what knowledge: enough to ask the same question again in a year.
//
// A run is one occasion on which a fleet was looked at; its decisions name it. The snapshot is the bytes of everything
// that the policy saw, and `inputs_hash` is theirs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "store/ids.h"
#include "store/rows.h"
#include "store/sqlite.h"

namespace regulus::store {

struct DispatchRun {
  std::string id{};  // "run_01J…"
  std::int64_t company = 0;
  std::int64_t at_us = 0;
  std::string reason{};  // "booking_created"
  Json summary = Json::object();
  friend bool operator==(DispatchRun const&, DispatchRun const&) = default;
};
// Gives it an id. Errors: not_found (company).
Result<DispatchRun> add_run(Transaction& tx, DispatchRun run, Entropy const& entropy);
Result<DispatchRun> load_run(Transaction& tx, std::int64_t company, std::string const& id);

struct StoredDecision {
  std::string id{};  // "dec_01J…"
  std::int64_t company = 0;
  std::optional<std::string> run{};
  std::int64_t at_us = 0;
  std::string kind{};                       // "insertion"
  std::string arm{};                        // who decided: "rules", "model"
  std::optional<std::string> model_hash{};  // SHA-256 of the model that was asked, in digits
  std::string inputs_hash{};                // SHA-256 of the snapshot, in digits; written by add_decision
  std::string snapshot{};                   // bytes
  Json answer{};
  std::optional<Json> shadow_answer{};            // what the other arm would have done
  std::optional<double> agreement{};              // of both answers, 0 … 1
  std::optional<std::int64_t> cost_difference{};  // shadow minus answer, cents
  std::optional<std::string> fallback_reason{};   // why the rules stepped in
  std::int64_t decide_us = 0;                     // how long it took, in microseconds
  friend bool operator==(StoredDecision const&, StoredDecision const&) = default;
};

// Gives it an id and inputs_hash. Errors: not_found (company, run).
Result<StoredDecision> add_decision(Transaction& tx, StoredDecision decision, Entropy const& entropy);
// corrupt when the snapshot is no longer the one that inputs_hash was made of.
Result<StoredDecision> load_decision(Transaction& tx, std::int64_t company, std::string const& id);
// By (at_us, id), without snapshots.
std::vector<StoredDecision> list_decisions(Transaction& tx, std::int64_t company, Cursor<std::string> const& after,
                                           int limit);

}  // namespace regulus::store
