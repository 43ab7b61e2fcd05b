#include "store/decisions.h"

#include "store/counters.h"
#include "store/hash.h"

namespace regulus::store {
namespace {

// The snapshot is last, so that a list can leave it out.
constexpr std::string_view columns =
    "id, company, run, at, kind, arm, model_hash, inputs_hash, answer, shadow_answer, agreement, cost_difference, "
    "fallback_reason, decide_us";

StoredDecision decision_from(Transaction& tx, Row const& row) {
  return {.id = row.text(0),
          .company = row.integer(1),
          .run = row.text_or_none(2),
          .at_us = row.integer(3),
          .kind = row.text(4),
          .arm = row.text(5),
          .model_hash = row.text_or_none(6),
          .inputs_hash = row.text(7),
          .snapshot = {},
          .answer = json_of(tx, row.text(8)),
          .shadow_answer = json_of(tx, row.text_or_none(9)),
          .agreement = row.real_or_none(10),
          .cost_difference = row.integer_or_none(11),
          .fallback_reason = row.text_or_none(12),
          .decide_us = row.integer(13)};
}

}  // namespace

Result<DispatchRun> add_run(Transaction& tx, DispatchRun run, Entropy const& entropy) {
  if (Status const known = check_company(tx, run.company); !known) return known.error();
  run.id = make_id("run", run.at_us, entropy);
  std::string const summary = run.summary.dump();
  tx.run("INSERT INTO dispatch_runs VALUES (?, ?, ?, ?, ?)", {run.id, run.company, run.at_us, run.reason, summary});
  return checked(tx, std::move(run));
}

Result<DispatchRun> load_run(Transaction& tx, std::int64_t company, std::string const& id) {
  std::optional<DispatchRun> found;
  tx.query("SELECT id, company, at, reason, summary FROM dispatch_runs WHERE id = ? AND company = ?", {id, company},
           [&](Row const& row) {
             found = DispatchRun{row.text(0), row.integer(1), row.integer(2), row.text(3), json_of(tx, row.text(4))};
           });
  return found_or(tx, std::move(found), "run " + id);
}

Result<StoredDecision> add_decision(Transaction& tx, StoredDecision decision, Entropy const& entropy) {
  if (Status const known = check_company(tx, decision.company); !known) return known.error();
  if (decision.run) {
    Result<DispatchRun> const run = load_run(tx, decision.company, *decision.run);
    if (!run) return run.error();
  }
  decision.id = make_id("dec", decision.at_us, entropy);
  decision.inputs_hash = hex_of(sha256(decision.snapshot));
  std::string const answer = decision.answer.dump();
  std::optional<std::string> const shadow = text_of(decision.shadow_answer);
  tx.run(
      fmt::format("INSERT INTO decisions ({}, snapshot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", columns),
      {decision.id, decision.company, or_null(decision.run), decision.at_us, decision.kind, decision.arm,
       or_null(decision.model_hash), decision.inputs_hash, answer, or_null(shadow), or_null(decision.agreement),
       or_null(decision.cost_difference), or_null(decision.fallback_reason), decision.decide_us,
       Blob{decision.snapshot}});
  return checked(tx, std::move(decision));
}

Result<StoredDecision> load_decision(Transaction& tx, std::int64_t company, std::string const& id) {
  std::optional<StoredDecision> found;
  tx.query(
      fmt::format("SELECT {}, snapshot FROM decisions WHERE id = ? AND company = ?", columns), {id, company},
      [&](Row const& row) {
        found = decision_from(tx, row);
        found->snapshot = row.blob(14);
        if (hex_of(sha256(found->snapshot)) != found->inputs_hash) {
          tx.fail({ErrorKind::corrupt, fmt::format("the snapshot of decision {} is not the one it was made on", id)});
        }
      });
  return found_or(tx, std::move(found), "decision " + id);
}

std::vector<StoredDecision> list_decisions(Transaction& tx, std::int64_t company, Cursor<std::string> const& after,
                                           int limit) {
  std::vector<StoredDecision> decisions;
  tx.query(
      fmt::format("SELECT {} FROM decisions WHERE company = ? AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?", columns),
      {company, after.at_us, after.id, rows_of_page(limit)},
      [&](Row const& row) { decisions.push_back(decision_from(tx, row)); });
  return decisions;
}

}  // namespace regulus::store
