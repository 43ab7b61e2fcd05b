// A company's day between the store and the desk: loading it, keeping what changed, and deciding.
//
// Everything that changes a plan goes the same way: load the desk inside a transaction, change it, and keep what
// changed in the same transaction; or, for a decision, which takes too long for the writer, load it in a reading
// transaction, decide on a thread of the pool, and keep the answer in a writing one only if every row that it changes
// is still as it was read. Otherwise decide again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "server/arms.h"
#include "server/desk.h"
#include "server/server.h"
#include "server/settings.h"
#include "store/bookings.h"
#include "store/companies.h"
#include "store/decisions.h"
#include "store/drivers.h"

namespace regulus::server {

// A desk with the rows it came from.
struct LoadedDay {
  store::Company company;
  CompanySettings settings;
  std::string date;
  Instant now = 0;
  std::shared_ptr<Desk> desk;
  std::map<BookingId, store::StoredBooking> bookings;
  std::map<DriverId, store::StoredRoute> routes;
  // What a person gave to a driver who has not left for it: nobody else may take it.
  std::map<BookingId, DriverId> by_hand;
};

// The body of a stored booking: {"asked": what the client wrote, "state": what became of it, "decided_by": "rule",
// "model" or "person", who gave it to its driver or partner or gave it up; absent when nobody has, "accepted_by": its
// driver, once he has said that he will drive, "refused_by": drivers who will not, and get it from a person only}.
struct StoredBody {
  BookingBody asked;
  BookingState state;
  std::string decided_by = {};
  DriverId accepted_by = 0;
  std::vector<DriverId> refused_by = {};
};
Json stored_body(StoredBody const& body);
Result<StoredBody> stored_body_of(store::StoredBooking const& booking);

// A person who insists: what this driver said of this booking does not count.
struct Insistence {
  BookingId booking = 0;
  DriverId driver = 0;
};
// The service day of `date`. Errors: not_found, corrupt rows, invalid for what makes no day.
Result<LoadedDay> load_day(store::Transaction& tx, std::int64_t company, std::string const& date, Instant now,
                           Insistence const& insistence = {});
// The booking that the path names. Errors: not_found.
Result<store::StoredBooking> booking_of(Call const& call, store::Transaction& tx);
// Today, or the date of the body's "date", by the company's clock. `now`: the moment of "at" for a test company.
struct When {
  std::string date;
  Instant now = 0;
};
std::variant<When, Problem> when_of(Call const& call, store::Company const& company);
std::variant<When, Problem> when_of(store::Transaction& tx, Call const& call);
std::variant<When, Problem> when_of(Server& server, Call const& call);

// Seconds late at pickup and drop-off together, beyond what is tolerated; 0 for what did not happen.
Seconds seconds_late(Booking const& booking, BookingState const& state, ObjectiveWeights const& weights);

// Writes the bookings and routes of the desk that changed. `decided_by`: whose decision that is, "" for what clients
// and drivers report. Errors: conflict, when a row is not as it was read.
Status keep_day(Server& server, store::Transaction& tx, LoadedDay const& day, Instant now,
                std::string_view decided_by = "");

// Bookings and drivers as the API shows them.
Json booking_json(store::StoredBooking const& row, StoredBody const& body, TimeZone const& zone);
Json assignment_json(LoadedDay const& day, BookingId booking);

// What came of asking for a decision.
struct Dispatched {
  std::string decision_id = {};  // "" when there was nothing to decide
  std::string arm = {};          // who decided: "rule" or "model"
  std::vector<BookingId> decided = {};
  std::vector<std::string> suggestions = {};
  std::string fallback = {};  // why the rule answered for the model
  bool degraded = false;
  std::int64_t decide_us = 0;
  std::set<BookingId> waiting = {};  // still undecided
  Seconds wake_at = never;           // when a policy wants to be asked again
};

// A decision as it was made, with its question put together again.
struct Recorded {
  store::StoredDecision decision;
  std::shared_ptr<Desk const> desk;
  std::uint64_t seed = 0;
  std::int64_t iterations = 0;  // of an improvement
  dispatch::Decision taken;
};
// Errors: not_found, corrupt.
Result<Recorded> recorded_decision(store::Transaction& tx, std::int64_t company, std::string const& id);

// Bookings that have another driver by a decision than before it, or one for the first time.
std::vector<BookingId> moved_by(Desk const& desk, dispatch::Decision const& decision);

// Decides about everything undecided of a day, in the company's mode, and keeps the answer. On a thread of the pool.
// With the reason "delay" the plans are looked at even when nothing is undecided.
// `with`: what else belongs to the transaction that keeps it. Errors: as load_day; conflict after several attempts.
using WhenKept = std::function<void(store::Transaction&, Dispatched const&)>;
Result<Dispatched> decide_day(Server& server, std::int64_t company, When const& when, std::string const& reason,
                              WhenKept const& with = {});
// The same in the background; asked for again before it began, it is done once.
void decide_soon(Server& server, std::int64_t company, When const& when, std::string const& reason);
// Called in the background after a decision: searches for something better and keeps it, as a decision that can be
// asked again, if the rows are still the same.
void improve_day(Server& server, std::int64_t company, When const& when);
// Asks the candidate beside the rule and stores what it would have done; for shadow mode.
void shadow_decision(Server& server, std::int64_t company, std::string const& decision_id);

// Suggestions of the candidate for what is undecided; for mode suggest_only. `with` as in decide_day; it is not asked
// when there was nothing new to suggest.
Result<Dispatched> suggest_day(Server& server, std::int64_t company, When const& when, WhenKept const& with = {});

// A person gives a booking to a driver: inserted where it costs least in his plan. `with`: what else belongs to the
// same transaction. Not from the writer's thread. Problems: conflict when it is not possible.
Outcome assign(Server& server, Call const& call, When const& when, BookingId booking, DriverId driver,
               std::function<std::optional<Problem>(store::Transaction&)> const& with);

// Turns the candidate off by itself: in the transaction, audited, with an event. `reason`: a limit of server/form.h, or
// what a fallback's reason begins with.
void fall_back(Server& server, store::Transaction& tx, store::Company const& company, std::string const& reason,
               Instant now);

}  // namespace regulus::server
