// A policy: a function from a situation to a decision. No clock, no socket, no file, no memory of its own.
//
// Same inputs, same answer: today in a simulation, in a year in an audit. Policies are listed in policies.def; one file
// each. The simulator and the server call the very same code.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "core/rng.h"
#include "domain/snapshot.h"
#include "schedule/instance.h"
#include "schedule/route.h"

namespace regulus::dispatch {

// What is to change. Drivers and bookings that are not named keep what they have.
struct Decision {
  std::vector<DriverRoute> routes = {};  // the new stops of these drivers, whole, locked prefix included; by driver id
  std::vector<BookingId> overflow = {};  // give these to a partner
  std::vector<BookingId> unserved = {};  // give these up; a policy may do so only when nothing else is possible in time
  Seconds wake_at = never;               // ask again at this moment, even if nothing happens; later than now
  std::string replaced = {};             // why this stands in place of a guarded policy's answer; "": it does not
};

class Policy {
 public:
  virtual ~Policy() = default;
  // Rng by value.
  virtual Decision decide(Situation const& situation, Rng rng) const = 0;
  // When deciding about a new booking can wait for a batch: seconds between decisions, 0 for at once.
  virtual Seconds batch() const { return 0; }
};

class ValueModel;

struct PolicySettings {
  std::int64_t iterations = 200;  // of a search, at each decision
  int futures = 8;                // sampled days
  double seconds = 0;  // time limit of one decision; 0: none, and the answer depends on nothing but the input
  std::shared_ptr<ValueModel const> model = {};  // of the learned policies; none: a value that knows nothing
};

struct PolicyEntry {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Policy> (*make)(PolicySettings const&);
};
std::span<PolicyEntry const> policies();
// `name` is a policy's, or `dqn:FILE` and the like: then the model in the file goes into the settings; or
// `guarded:NAME`, where NAME is any of these. Errors: not_found with the nearest name; what load_value_model says of
// the file.
Result<std::unique_ptr<Policy>> make_policy(std::string_view name, PolicySettings const& settings);

// Whether a decision may be carried out: locks and planned breaks kept, riders on board delivered, every stop's booking
// open and known, no booking twice, every route feasible by the kernel. Names driver, booking and reason.
Status check_decision(Situation const& situation, Decision const& decision);

}  // namespace regulus::dispatch
