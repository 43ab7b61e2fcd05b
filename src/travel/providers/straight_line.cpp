// Great circles: always there, and what every other provider falls back to.
#include "domain/travel_times.h"
#include "travel/provider.h"

namespace regulus::travel {

Result<std::unique_ptr<Provider>> make_straight_line_provider(ProviderSettings const& settings);

namespace {

class StraightLine final : public Provider {
 public:
  explicit StraightLine(SpeedProfile const& speeds) : speeds_(speeds) {}

  Result<Cells> cells(Rectangle const& asked, Deadline) override {
    std::vector<Point> places = asked.sources;
    places.insert(places.end(), asked.targets.begin(), asked.targets.end());
    TravelTimes const times = TravelTimes::straight_line(places, speeds_);
    auto const sources = static_cast<Place>(asked.sources.size());
    auto const all = static_cast<Place>(places.size());
    Cells cells;
    for (Place from = 0; from < sources; ++from) {
      for (Place to = sources; to < all; ++to) {
        bool const same = places[static_cast<std::size_t>(from)] == places[static_cast<std::size_t>(to)];
        Leg const leg = same ? Leg{} : times.leg(from, to, asked.hour);
        cells.seconds.push_back(static_cast<std::int32_t>(leg.seconds));
        cells.metres.push_back(static_cast<std::int32_t>(leg.metres));
      }
    }
    return cells;
  }

 private:
  SpeedProfile speeds_;
};

}  // namespace

Result<std::unique_ptr<Provider>> make_straight_line_provider(ProviderSettings const& settings) {
  return std::unique_ptr<Provider>(std::make_unique<StraightLine>(settings.speeds));
}

}  // namespace regulus::travel
