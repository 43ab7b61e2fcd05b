// Studies and their trials in a database with Optuna's tables.
//
// Whatever we write, Optuna 4.9 and 5 and their dashboard can open, plot and continue, and the other way round: Python
// and C++ workers may share one study (docs/decisions/0004-studies-in-optunas-schema.md). Tables, encodings and the
// writes that readers rely on are Optuna's; three things are ours:
//
// - Claiming is atomic. claim_next() decides and writes in one immediate transaction, so no trial runs twice.
// - A claimed trial is held by a Lease, stored as system attribute `regulus:owner` with the process that holds it. When
// that
//   process is provably gone, the trial goes back to the queue in place: same number, same parameters. Beside times and
//   the attributes `fixed_params` and `regulus:…`, a study that was killed and resumed equals one that was not.
// - Proposals see what the lag rule allows, never "whatever has arrived": the proposal of trial n knows the outcomes of
// the
//   trials 0 … n - lag and only the parameters of the younger ones. So 1 and 8 workers make the same study.
//
// A StudyStore belongs to one thread of one process: every worker opens its own, after any fork. Each call is one
// transaction; when it fails, nothing of it is written. A call waits while others write, usually for at most a minute.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "domain/trial.h"
#include "store/lease.h"

namespace regulus::store {

// The file that a storage URL names: sqlite:///relative/path.db, or sqlite:////absolute/path.db with a fourth slash.
Result<std::filesystem::path> parse_storage_url(std::string_view url);

enum class StudyId : std::int64_t {};

struct Study {
  StudyId id{};
  StudyInfo info;
};

// Whether a write under a lease was done. `lease_lost`: the trial was finished, failed or re-queued by somebody else in
// the meantime and nothing was written; the run's result is of no use to anyone, stop it and claim again.
enum class Write : std::uint8_t { stored, lease_lost };

// A point of the search space: internal values and the distribution of each.
struct Proposal {
  std::map<std::string, double> params;
  SearchSpace distributions;
  std::map<std::string, Json> system_attributes;  // of the sampler, for example tpe:relative_params:0
};

// Called inside the claim's transaction, with the lag rule applied: known[i] is trial i for every i < number. A trial
// younger than the lag allows shows as running, with its parameters and without any outcome.
using Propose = std::function<Result<Proposal>(std::span<Trial const> known, int number)>;

struct ClaimRules {
  int max_trials = 0;  // new trials are added up to this many, whatever became of them
  int lag = 1;         // trial n waits until 0 … n - lag are finished; 1 is strictly one after the other
  // A trial of another machine counts as abandoned when its heartbeat is older than this, as does a Python worker's.
  std::chrono::seconds grace{120};
  // What a queued trial must have; the parameters it lacks are taken from its `fixed_params`, else proposed.
  SearchSpace space;
};

struct Claim {
  enum class Kind : std::uint8_t {
    trial,     // run `trial` under `lease`
    wait,      // nothing to do before another worker's trial ends; ask again later
    finished,  // max_trials trials exist and none of ours is open
  };
  Kind kind = Kind::finished;
  Trial trial;
  Lease lease;
};

// What a run adds to its trial in one transaction. Keys and steps that exist are overwritten.
struct TrialUpdate {
  std::map<int, double> intermediate;  // by step; may be NaN or infinite
  std::map<std::string, Json> user_attributes;
  std::map<std::string, Json> system_attributes;
};

class StudyStore {
 public:
  enum class Mode : std::uint8_t { existing, create };  // create: makes the file and its tables when there is no file

  // Errors: invalid (URL, a database of another program or of another schema version), not_found, io, and corrupt for a
  // damaged file, which is left as it is, byte for byte and without side files.
  // `patience`: how long a call waits while others write, the opening among them.
  static Result<StudyStore> open(std::string const& url, Mode mode,
                                 std::chrono::milliseconds patience = std::chrono::minutes(1));
  StudyStore(StudyStore&&) noexcept;
  StudyStore& operator=(StudyStore&&) noexcept;
  ~StudyStore();

  // In order of creation.
  Result<std::vector<Study>> studies();
  // not_found names the studies that exist.
  Result<Study> load(std::string const& name);
  // The study of that name, made with `info` if there is none. An existing one must have the same directions; its
  // attributes stay as they are.
  Result<Study> create_or_load(StudyInfo const& info);
  // Overwrites these keys.
  Status set_attributes(StudyId study, std::map<std::string, Json> const& user,
                        std::map<std::string, Json> const& system);

  // All trials; trial i at index i. Valid until the next call on this store. Finished trials never change and are read
  // once.
  Result<std::span<Trial const>> trials(StudyId study);

  // Adds a trial as it is, with the next number whatever trial.number says, and returns that number. To queue a point
  // as Optuna does: state waiting and system attribute fixed_params = {"learning_rate": 0.001}, in external values.
  Result<int> add_trial(StudyId study, Trial const& trial);

  // The next trial to run: the lowest queued one, else a new one. Abandoned trials are re-queued first. A queued trial
  // whose fixed_params do not fit the space is set to FAIL with the reason in its user attribute `failure`, and passed
  // over.
  Result<Claim> claim_next(StudyId study, ClaimRules const& rules, Propose const& propose);

  // Writes under a lease. Each also renews the heartbeat; call one at least every third of everybody's grace.
  Result<Write> report(Lease const& lease, TrialUpdate const& update);
  Result<Write> heartbeat(Lease const& lease) { return report(lease, {}); }
  // Ends a trial: complete with one value for each objective, none NaN; pruned with values or none, which stands for
  // the last reported value; fail with none.
  Result<Write> finish(Lease const& lease, TrialState state, std::vector<double> const& values,
                       TrialUpdate const& update = {});
  // Puts the trial back into the queue, for a worker that is told to stop.
  Result<Write> give_back(Lease const& lease);

  // Re-queues the trials of dead workers; claim_next() does so by itself.
  Result<Requeued> requeue_dead(StudyId study, std::chrono::seconds grace);

 private:
  struct Cache;

  explicit StudyStore(std::unique_ptr<Connection> connection);
  Cache& refresh(Transaction& tx, StudyId study);
  Result<Claim> claim_in(Transaction& tx, StudyId study, ClaimRules const& rules, Propose const& propose);
  static Result<Claim> take(Transaction& tx, std::span<Trial const> trials, Trial trial, std::int64_t trial_id,
                            std::int64_t now, Proposal const& added);
  Result<Write> write_under(Lease const& lease, std::function<void(Transaction&)> const& write);

  std::unique_ptr<Connection> connection_;
  std::map<StudyId, std::unique_ptr<Cache>> caches_;
};

}  // namespace regulus::store
