// When a company's day has to be decided about although nobody asks: by the clock.
//
// A ride of today that waits and was never asked about is due at once: it was booked days ahead and its day has come,
// it came with a list, or what was suggested for it has ended. One that nobody could take is due when the policy wanted
// to be asked again, or a driver came or changed, and not before: what cannot be served costs one decision and not one
// a minute.
//
// Kept in memory: a new process knows of no question, and so asks once about every day with somebody waiting.
// Thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "domain/fleet.h"
#include "server/civil_time.h"
#include "store/sqlite.h"

namespace regulus::server {

class Server;

class Due {
 public:
  // What a decision left behind. `fleet`: fleet_version before it; `wake_at`: when to ask again.
  struct Left {
    std::string date;
    std::set<BookingId> waiting;
    std::int64_t fleet = 0;
    Instant wake_at = std::numeric_limits<Instant>::max();
  };
  void note(std::int64_t company, Left left);
  // The next look asks about this ride, as if nobody ever had.
  void forget(std::int64_t company, BookingId booking);
  // Whether a company has to be asked about, whose day stands so.
  struct Stand {
    std::string const& date;
    std::vector<BookingId> const& waiting;
    std::int64_t fleet = 0;
    Instant now = 0;
  };
  bool is_due(std::int64_t company, Stand const& stand) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::int64_t, Left> left_;  // by company
};

// Rises whenever a driver of the company comes or changes.
std::int64_t fleet_version(store::Transaction& tx, std::int64_t company);

// Asks, in the background, for the decisions that are due at this moment, for every company that wants them without
// being asked; and tells clients whose pickup has come near when it will be. Not from the writer's thread. Errors: the
// database's.
Status look_at_the_clock(Server& server);

}  // namespace regulus::server
