#include "store/study_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "store/encoding.h"
#include "store/study_schema.h"

namespace regulus::store {
namespace {

using Kind = Transaction::Kind;

constexpr std::size_t longest_name = 512;

void write_update(Transaction& tx, std::int64_t trial_id, TrialUpdate const& update) {
  write_intermediate(tx, trial_id, update.intermediate);
  write_attributes(tx, trial_user, trial_id, update.user_attributes);
  write_attributes(tx, trial_system, trial_id, update.system_attributes);
  write_heartbeat(tx, trial_id);
}

// Whether a proposal for `number` may be made: every trial up to number - lag has ended. A Python worker's running
// trial is not waited for: it may have died long ago without a trace.
bool lag_allows(std::span<Trial const> trials, std::int64_t number, std::int64_t lag) {
  return std::ranges::all_of(
      trials.first(static_cast<std::size_t>(std::max<std::int64_t>(0, number - lag + 1))),
      [](Trial const& trial) { return trial.finished() || (trial.state == TrialState::running && !is_ours(trial)); });
}

Trial without_outcome(Trial const& trial) {
  Trial open;
  open.number = trial.number;
  open.params = trial.params;
  open.distributions = trial.distributions;
  for (auto const& [key, value] : trial.system_attributes) {
    if (key.starts_with("tpe:")) open.system_attributes.emplace(key, value);
  }
  return open;
}

// Calls `propose` with what the lag rule lets it know; `trials` is as before afterwards.
Result<Proposal> propose_with_lag(std::span<Trial> trials, int number, int lag, Propose const& propose) {
  std::size_t const first_hidden = static_cast<std::size_t>(std::max(0, number - lag + 1));
  std::vector<Trial> hidden;
  for (std::size_t i = first_hidden; i < static_cast<std::size_t>(number); ++i) {
    hidden.push_back(std::exchange(trials[i], without_outcome(trials[i])));
  }
  Result<Proposal> proposal = propose(trials.first(static_cast<std::size_t>(number)), number);
  std::ranges::move(hidden, trials.begin() + static_cast<std::ptrdiff_t>(first_hidden));
  return proposal;
}

// The parameters in a queued trial's fixed_params that the space knows and the trial lacks. Errors say which does not
// fit.
Result<std::map<std::string, double>> fixed_params(Trial const& trial, SearchSpace const& space) {
  std::map<std::string, double> fixed;
  auto const attribute = trial.system_attributes.find(std::string(fixed_key));
  if (attribute == trial.system_attributes.end()) return fixed;
  for (auto const& [name, distribution] : space) {
    Json const* external = attribute->second.find(name);
    if (external == nullptr || trial.params.contains(name)) continue;
    Result<double> const internal = internal_value(distribution, *external);
    bool const whole =
        !std::holds_alternative<IntDistribution>(distribution) || !internal || *internal == std::round(*internal);
    if (!internal || !whole) {
      return invalid(fmt::format("fixed parameter {} = {} does not fit {}", name, external->dump(),
                                 distribution_to_json(distribution).dump()));
    }
    fixed[name] = *internal;
  }
  return fixed;
}

}  // namespace

// The trials of a study as last read. What is settled has ended and never changes again.
struct StudyStore::Cache {
  std::vector<Trial> trials;
  std::vector<std::int64_t> ids;
  std::vector<bool> settled;
  std::size_t settled_prefix = 0;
};

Result<std::filesystem::path> parse_storage_url(std::string_view url) {
  constexpr std::string_view scheme = "sqlite:///";
  constexpr std::string_view remedy =
      "write sqlite:///studies.db for a file in this folder, sqlite:////tmp/studies.db for an absolute path";
  if (!url.starts_with(scheme)) return invalid(fmt::format("storage \"{}\" is not an SQLite URL; {}", url, remedy));
  std::string_view const path = url.substr(scheme.size());
  if (path.empty() || path == ":memory:" || path.ends_with('/')) {
    return invalid(fmt::format("storage \"{}\" names no file; {}", url, remedy));
  }
  if (path.find('?') != std::string_view::npos || path.find('\0') != std::string_view::npos) {
    return invalid(fmt::format("storage \"{}\": options after ? are not supported; {}", url, remedy));
  }
  return std::filesystem::path(path);
}

StudyStore::StudyStore(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
StudyStore::StudyStore(StudyStore&&) noexcept = default;
StudyStore& StudyStore::operator=(StudyStore&&) noexcept = default;
StudyStore::~StudyStore() = default;

Result<StudyStore> StudyStore::open(std::string const& url, Mode mode, std::chrono::milliseconds patience) {
  Result<std::filesystem::path> const path = parse_storage_url(url);
  if (!path) return path.error();
  Result<std::unique_ptr<Connection>> connection = Connection::open(*path, {.patience = patience});
  if (!connection && connection.error().kind == ErrorKind::not_found && mode == Mode::create) {
    if (Status created = Connection::create(*path, create_study_tables); !created) return created.error();
    connection = Connection::open(*path, {.patience = patience});
  }
  if (!connection) return connection.error();

  bool complete = false;
  {
    Transaction tx(**connection, Kind::read);
    complete = check_study_tables(tx, *path);
    if (Status checked = tx.commit(); !checked) return checked.error();
  }
  if (!complete) {
    if (mode == Mode::existing) return invalid(fmt::format("{}: holds no studies", path->string()));
    Transaction tx(**connection, Kind::write);
    create_study_tables(tx);
    if (Status made = tx.commit(); !made) return made.error();
  }
  return StudyStore(connection.take());
}

Result<std::vector<Study>> StudyStore::studies() {
  std::vector<Study> found;
  Transaction tx(*connection_, Kind::read);
  tx.query("SELECT study_id, study_name FROM studies ORDER BY study_id", {}, [&](Row const& row) {
    Study study;
    study.id = StudyId{row.integer(0)};
    study.info.name = row.text(1);
    study.info.directions.clear();
    std::int64_t const id = row.integer(0);
    tx.query(
        "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", {id},
        [&](Row const& direction) {
          // NOT_SET, of very old studies, means minimise.
          study.info.directions.push_back(direction.text(0) == "MAXIMIZE" ? Direction::maximize : Direction::minimize);
        });
    study.info.user_attributes = read_attributes(tx, study_user, id);
    study.info.system_attributes = read_attributes(tx, study_system, id);
    found.push_back(std::move(study));
  });
  if (Status read = tx.commit(); !read) return read.error();
  return found;
}

Result<Study> StudyStore::load(std::string const& name) {
  Result<std::vector<Study>> all = studies();
  if (!all) return all.error();
  std::vector<std::string> names;
  for (Study& study : *all) {
    if (study.info.name == name) return std::move(study);
    names.push_back(study.info.name);
  }
  return Error{ErrorKind::not_found, fmt::format("{}: no study \"{}\"; it holds {}", connection_->path().string(), name,
                                                 names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")))};
}

Result<Study> StudyStore::create_or_load(StudyInfo const& info) {
  if (info.name.empty() || info.name.size() > longest_name) {
    return invalid(fmt::format("a study's name has 1 to {} bytes, \"{}\" has {}", longest_name, info.name.substr(0, 40),
                               info.name.size()));
  }
  if (info.directions.empty()) return invalid(fmt::format("study \"{}\" has no objective", info.name));
  {
    Transaction tx(*connection_, Kind::write);
    if (!tx.integer("SELECT study_id FROM studies WHERE study_name = ?", {info.name})) {
      std::int64_t const id =
          tx.integer("INSERT INTO studies (study_name) VALUES (?) RETURNING study_id", {info.name}).value_or(0);
      std::int64_t objective = 0;
      for (Direction direction : info.directions) {
        tx.run("INSERT INTO study_directions (direction, study_id, objective) VALUES (?, ?, ?)",
               {direction_name(direction), id, objective++});
      }
      write_attributes(tx, study_user, id, info.user_attributes);
      write_attributes(tx, study_system, id, info.system_attributes);
    }
    if (Status made = tx.commit(); !made) return made.error();
  }
  Result<Study> study = load(info.name);
  if (study && study->info.directions != info.directions) {
    auto const text = [](std::vector<Direction> const& directions) {
      std::vector<std::string_view> names(directions.size());
      std::ranges::transform(directions, names.begin(), direction_name);
      return fmt::format("{}", fmt::join(names, ", "));
    };
    return invalid(fmt::format("study \"{}\" has the directions {}, not {}; give the new study another name", info.name,
                               text(study->info.directions), text(info.directions)));
  }
  return study;
}

Status StudyStore::set_attributes(StudyId study, Attributes const& user, Attributes const& system) {
  Transaction tx(*connection_, Kind::write);
  write_attributes(tx, study_user, static_cast<std::int64_t>(study), user);
  write_attributes(tx, study_system, static_cast<std::int64_t>(study), system);
  return tx.commit();
}

StudyStore::Cache& StudyStore::refresh(Transaction& tx, StudyId study) {
  std::unique_ptr<Cache>& slot = caches_[study];
  if (slot == nullptr) slot = std::make_unique<Cache>();
  Cache& cache = *slot;
  auto const id = static_cast<std::int64_t>(study);
  if (!tx.integer("SELECT 1 FROM studies WHERE study_id = ?", {id})) {
    tx.fail({ErrorKind::not_found, fmt::format("{}: the study was deleted", connection_->path().string())});
  }
  while (cache.settled_prefix < cache.settled.size() && cache.settled[cache.settled_prefix]) ++cache.settled_prefix;

  std::size_t count = cache.settled_prefix;
  tx.query(
      "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id = ? AND number >= "
      "? "
      "ORDER BY number, trial_id",
      {id, static_cast<std::int64_t>(cache.settled_prefix)}, [&](Row const& row) {
        TrialRow const trial{.id = row.integer(0),
                             .number = row.integer(1),
                             .state = row.text(2),
                             .started = row.text(3),
                             .finished = row.text(4)};
        if (trial.number != static_cast<std::int64_t>(count)) {
          return tx.fail(odd_trial(trial, fmt::format("its number should be {}: trial numbers count from 0", count)));
        }
        if (count == cache.trials.size()) {
          cache.trials.emplace_back();
          cache.ids.push_back(0);
          cache.settled.push_back(false);
        }
        if (!cache.settled[count]) {
          cache.trials[count] = read_trial(tx, trial);
          cache.ids[count] = trial.id;
          cache.settled[count] = cache.trials[count].finished();
        }
        ++count;
      });
  cache.trials.resize(count);
  cache.ids.resize(count);
  cache.settled.resize(count);
  return cache;
}

Result<std::span<Trial const>> StudyStore::trials(StudyId study) {
  Transaction tx(*connection_, Kind::read);
  Cache const& cache = refresh(tx, study);
  if (Status read = tx.commit(); !read) {
    caches_.erase(study);
    return read.error();
  }
  return std::span<Trial const>(cache.trials);
}

Result<int> StudyStore::add_trial(StudyId study, Trial const& trial) {
  auto const id = static_cast<std::int64_t>(study);
  Transaction tx(*connection_, Kind::write);
  if (Status fits = check_values(trial.state, trial.values, objectives_of(tx, id)); !fits) return fits.error();
  std::int64_t const number = tx.integer("SELECT COUNT(*) FROM trials WHERE study_id = ?", {id}).value_or(0);
  bool const waiting = trial.state == TrialState::waiting;
  std::int64_t const started = waiting ? 0 : trial.started_us == 0 ? now_us() : trial.started_us;
  std::int64_t const finished = !trial.finished() ? 0 : trial.finished_us == 0 ? started : trial.finished_us;
  std::int64_t const trial_id = insert_trial(tx, id, number, trial.state, started, finished);
  write_params(tx, trial_id, trial.params, trial.distributions);
  write_intermediate(tx, trial_id, trial.intermediate);
  write_values(tx, trial_id, trial.values);
  write_attributes(tx, trial_user, trial_id, trial.user_attributes);
  write_attributes(tx, trial_system, trial_id, trial.system_attributes);
  if (Status added = tx.commit(); !added) return added.error();
  return static_cast<int>(number);
}

Result<Claim> StudyStore::claim_next(StudyId study, ClaimRules const& rules, Propose const& propose) {
  if (rules.lag < 1) return invalid(fmt::format("lag = {} is below 1", rules.lag));
  Transaction tx(*connection_, Kind::write);
  Result<Claim> claim = claim_in(tx, study, rules, propose);
  Status const committed = claim ? tx.commit() : Status(claim.error());
  if (!committed) {
    // What was read may have been our own writes, now rolled back.
    caches_.erase(study);
    return committed.error();
  }
  return claim;
}

Result<Claim> StudyStore::claim_in(Transaction& tx, StudyId study, ClaimRules const& rules, Propose const& propose) {
  auto const id = static_cast<std::int64_t>(study);
  // Step 1. What dead workers left goes back to the queue, before anybody decides what is next.
  sweep(tx, id, rules.grace);
  Cache& cache = refresh(tx, study);
  if (tx.failed()) return tx.error();
  std::vector<Trial>& trials = cache.trials;

  // Step 2. The lowest queued trial. Its missing parameters are fixed, or proposed, and then the lag rule holds for it
  // too.
  for (std::size_t i = 0; i < trials.size(); ++i) {
    Trial& trial = trials[i];
    if (trial.state != TrialState::waiting) continue;
    std::int64_t const trial_id = cache.ids[i];
    Result<std::map<std::string, double>> const fixed = fixed_params(trial, rules.space);
    if (!fixed) {
      write_attributes(tx, trial_user, trial_id, {{"failure", Json(fixed.error().message)}});
      tx.run("UPDATE trials SET state = 'FAIL', datetime_start = ?, datetime_complete = ? WHERE trial_id = ?",
             {timestamp_text(now_us()), timestamp_text(now_us()), trial_id});
      trial.state = TrialState::fail;
      continue;
    }
    Proposal added{.params = *fixed, .distributions = {}, .system_attributes = {}};
    for (auto const& [name, value] : *fixed) added.distributions[name] = rules.space.at(name);
    bool const lacks_some = std::ranges::any_of(rules.space, [&](auto const& dimension) {
      return !trial.params.contains(dimension.first) && !fixed->contains(dimension.first);
    });
    if (lacks_some) {
      if (!lag_allows(trials, trial.number, rules.lag))
        return Claim{.kind = Claim::Kind::wait, .trial = {}, .lease = {}};
      Result<Proposal> proposal = propose_with_lag(trials, trial.number, rules.lag, propose);
      if (!proposal) return proposal.error();
      for (auto const& [name, value] : proposal->params) {
        if (!trial.params.contains(name) && added.params.emplace(name, value).second) {
          added.distributions[name] = proposal->distributions.at(name);
        }
      }
      added.system_attributes = std::move(proposal->system_attributes);
    }
    std::int64_t const now = now_us();
    if (tx.run("UPDATE trials SET state = 'RUNNING', datetime_start = ? WHERE trial_id = ? AND state = 'WAITING'",
               {timestamp_text(now), trial_id}) != 1) {
      continue;
    }
    return take(tx, trials, trial, trial_id, now, added);
  }

  // Step 3. A new trial, as far as number and lag allow.
  auto const number = static_cast<int>(trials.size());
  if (number >= rules.max_trials) {
    bool const open = std::ranges::any_of(
        trials, [](Trial const& trial) { return trial.state == TrialState::running && is_ours(trial); });
    return Claim{.kind = open ? Claim::Kind::wait : Claim::Kind::finished, .trial = {}, .lease = {}};
  }
  if (!lag_allows(trials, number, rules.lag)) return Claim{.kind = Claim::Kind::wait, .trial = {}, .lease = {}};
  Result<Proposal> const proposal = propose_with_lag(trials, number, rules.lag, propose);
  if (!proposal) return proposal.error();
  Trial trial;
  trial.number = number;
  std::int64_t const now = now_us();
  std::int64_t const trial_id = insert_trial(tx, id, number, TrialState::running, now, 0);
  return take(tx, trials, trial, trial_id, now, *proposal);
}

Result<Claim> StudyStore::take(Transaction& tx, std::span<Trial const> trials, Trial trial, std::int64_t trial_id,
                               std::int64_t now, Proposal const& added) {
  for (auto const& [name, distribution] : added.distributions) {
    if (Status compatible = check_compatible(trials, name, distribution); !compatible) return compatible.error();
  }
  write_params(tx, trial_id, added.params, added.distributions);
  write_attributes(tx, trial_system, trial_id, added.system_attributes);
  Claim claim{.kind = Claim::Kind::trial, .trial = {}, .lease = take_lease(tx, trial_id, trial.number)};
  if (tx.failed()) return tx.error();
  claim.trial = std::move(trial);
  claim.trial.state = TrialState::running;
  claim.trial.started_us = now;
  for (auto const& [name, value] : added.params) {
    claim.trial.params[name] = value;
    claim.trial.distributions[name] = added.distributions.at(name);
  }
  for (auto const& [key, value] : added.system_attributes) claim.trial.system_attributes[key] = value;
  return claim;
}

Result<Write> StudyStore::write_under(Lease const& lease, std::function<void(Transaction&)> const& write) {
  Transaction tx(*connection_, Kind::write);
  if (!is_held(tx, lease) && !tx.failed()) return Write::lease_lost;
  write(tx);
  if (Status written = tx.commit(); !written) return written.error();
  return Write::stored;
}

Result<Write> StudyStore::report(Lease const& lease, TrialUpdate const& update) {
  return write_under(lease, [&](Transaction& tx) { write_update(tx, lease.trial_id, update); });
}

Result<Write> StudyStore::finish(Lease const& lease, TrialState state, std::vector<double> const& values,
                                 TrialUpdate const& update) {
  if (state == TrialState::running || state == TrialState::waiting) {
    return invalid(fmt::format("a trial cannot end as {}", state_name(state)));
  }
  return write_under(lease, [&](Transaction& tx) {
    write_update(tx, lease.trial_id, update);
    std::int64_t const study =
        tx.integer("SELECT study_id FROM trials WHERE trial_id = ?", {lease.trial_id}).value_or(0);
    std::int64_t const objectives = objectives_of(tx, study);
    if (Status fits = check_values(state, values, objectives); !fits) return tx.fail(fits.error());
    write_values(tx, lease.trial_id, values);
    if (state == TrialState::pruned && values.empty() && objectives == 1) {
      tx.run(
          "INSERT INTO trial_values (trial_id, objective, value, value_type) "
          "SELECT trial_id, 0, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
          "WHERE trial_id = ? AND intermediate_value_type <> 'NAN' AND "
          "step = (SELECT MAX(step) FROM trial_intermediate_values WHERE trial_id = ?)",
          {lease.trial_id, lease.trial_id});
    }
    tx.run("UPDATE trials SET state = ?, datetime_complete = ? WHERE trial_id = ? AND state = 'RUNNING'",
           {state_name(state), timestamp_text(now_us()), lease.trial_id});
  });
}

Result<Write> StudyStore::give_back(Lease const& lease) {
  return write_under(lease, [&](Transaction& tx) { requeue(tx, {.id = lease.trial_id, .number = lease.number}); });
}

Result<Requeued> StudyStore::requeue_dead(StudyId study, std::chrono::seconds grace) {
  Transaction tx(*connection_, Kind::write);
  Requeued const changed = sweep(tx, static_cast<std::int64_t>(study), grace);
  if (Status done = tx.commit(); !done) return done.error();
  return changed;
}

}  // namespace regulus::store
