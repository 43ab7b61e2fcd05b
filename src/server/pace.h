// How work that nobody waits for shares the machine with requests.
//
// A low priority is not enough: whoever wakes up on a processor that a search fills waits for the search to be put
// aside, and a machine without a moment of idleness has longer queues for everybody. So the search works a slice at a
// time, and while requests come in it rests nine times as long as it worked.
#pragma once

#include <chrono>

#include "server/server.h"

namespace regulus::server {

class Pace {
 public:
  explicit Pace(Server const& server) : server_(server), asked_(server.asked()) {}

  // Between two pieces of work: rests when the slice is over and somebody has asked something meanwhile. Returns
  // whether a slice is over.
  bool rest();

 private:
  using Clock = std::chrono::steady_clock;

  Server const& server_;
  Clock::time_point begun_ = Clock::now();
  std::int64_t asked_;  // requests of this server when the slice began
};

}  // namespace regulus::server
