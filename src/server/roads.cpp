#include "server/roads.h"

#include <algorithm>

namespace regulus::server {

namespace {

// About 20 MB when it is full.
constexpr std::size_t cells_of_a_company = 200'000;

}  // namespace

Roads::Roads(travel::TravelOptions options, std::chrono::milliseconds patience)
    : options_(std::move(options)), patience_(patience) {}

std::shared_ptr<Roads::Road> Roads::road_of(std::int64_t company) {
  std::lock_guard const lock(mutex_);
  // Whoever is left out begins with an empty cache next time.
  if (roads_.size() >= most_companies && !roads_.contains(company)) roads_.erase(roads_.begin());
  std::shared_ptr<Road>& road = roads_[company];
  if (!road) road = std::make_shared<Road>();
  return road;
}

// Null when the settings make no provider.
std::unique_ptr<travel::TableBuilder> Roads::build(SpeedProfile const& speeds) const {
  travel::ProviderSettings const settings{
      .url = options_.url, .profile = options_.profile, .recording = options_.recording, .speeds = speeds};
  std::vector<std::unique_ptr<travel::Provider>> connections;
  // A recording has no server whose connections could be used side by side.
  int const wanted = options_.provider == "recorded" ? 1 : std::max(1, options_.connections);
  for (int k = 0; k < wanted; ++k) {
    Result<std::unique_ptr<travel::Provider>> made = travel::make_provider(options_.provider, settings);
    if (!made) return nullptr;
    connections.push_back(made.take());
  }
  travel::TableSettings table;
  table.cache_cells = cells_of_a_company;
  return std::make_unique<travel::TableBuilder>(std::move(connections), speeds, table);
}

Roads::Answer Roads::times_for(std::int64_t company, Day const& day) {
  SpeedProfile const speeds = options_.speeds.value_or(day.speeds);
  auto const straight = [&](bool degraded) {
    return Answer{.times = TravelTimes::straight_line(day.places, speeds), .degraded = degraded};
  };
  if (options_.provider == "straight-line") return straight(false);
  if (day.places.size() > travel::most_table_places) return straight(true);
  auto const deadline = std::chrono::steady_clock::now() + patience_;
  std::shared_ptr<Road> const road = road_of(company);
  std::unique_lock const turn(road->asking, deadline);
  if (!turn.owns_lock()) return straight(true);
  if (!road->builder || road->speeds != speeds) {
    road->builder = build(speeds);
    road->speeds = speeds;
    if (!road->builder) return straight(true);
  }
  travel::TableReport report;
  TravelTimes times = road->builder->build(day.places, deadline, &report);
  return {.times = std::move(times), .degraded = report.estimated > 0};
}

}  // namespace regulus::server
