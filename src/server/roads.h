// Travel times for live decisions from a road server, which may be slow, wrong or down.
//
// Each company has a table builder for as long as the server runs: legs that were asked for before are not asked again,
// and a road server that keeps failing is left alone for a while instead of costing every decision its patience
// (travel/table.h). What nobody answered in time is estimated by straight lines, and the answer says so. Safe from any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "domain/day.h"
#include "travel/table.h"

namespace regulus::server {

class Roads {
 public:
  // `patience`: the most that one decision waits, whoever else is asking at the moment.
  Roads(travel::TravelOptions options, std::chrono::milliseconds patience);

  struct Answer {
    TravelTimes times;
    bool degraded = false;  // some of it is estimated
  };
  // Places beyond what a table can hold are answered by straight lines, degraded.
  Answer times_for(std::int64_t company, Day const& day);

 private:
  // A company's connection. One question at a time: a builder is one thread's.
  struct Road {
    std::timed_mutex asking;
    SpeedProfile speeds;
    std::unique_ptr<travel::TableBuilder> builder;
  };
  static constexpr std::size_t most_companies = 64;
  std::shared_ptr<Road> road_of(std::int64_t company);
  std::unique_ptr<travel::TableBuilder> build(SpeedProfile const& speeds) const;

  travel::TravelOptions const options_;
  std::chrono::milliseconds const patience_;
  std::mutex mutex_;
  std::map<std::int64_t, std::shared_ptr<Road>> roads_;
};

}  // namespace regulus::server
