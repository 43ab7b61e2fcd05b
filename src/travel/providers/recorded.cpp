// What a recording holds; places it does not know are left to be estimated.
#include <unordered_map>

#include "travel/provider.h"
#include "travel/recording.h"

namespace regulus::travel {

Result<std::unique_ptr<Provider>> make_recorded_provider(ProviderSettings const& settings);

namespace {

class Recorded final : public Provider {
 public:
  explicit Recorded(Recording recording) : recording_(std::move(recording)) {
    for (std::size_t i = 0; i < recording_.places.size(); ++i) rows_[cell_of(recording_.places[i])] = i;
  }

  Result<Cells> cells(Rectangle const& asked, Deadline) override {
    std::vector<std::size_t> const from = rows(asked.sources), to = rows(asked.targets);
    std::size_t const side = recording_.places.size();
    Cells cells;
    for (std::size_t const i : from) {
      for (std::size_t const j : to) {
        bool const known = i < side && j < side;
        cells.seconds.push_back(known ? recording_.seconds[i * side + j] : not_known);
        cells.metres.push_back(known ? recording_.metres[i * side + j] : not_known);
      }
    }
    return cells;
  }
  std::string data_version() const override { return recording_.data_version; }

 private:
  // The row of each point, or the number of places where there is none.
  std::vector<std::size_t> rows(std::vector<Point> const& points) const {
    std::vector<std::size_t> found;
    for (Point const& point : points) {
      auto const row = is_on_earth(point) ? rows_.find(cell_of(point)) : rows_.end();
      found.push_back(row == rows_.end() ? recording_.places.size() : row->second);
    }
    return found;
  }

  Recording recording_;
  std::unordered_map<std::uint64_t, std::size_t> rows_;
};

}  // namespace

Result<std::unique_ptr<Provider>> make_recorded_provider(ProviderSettings const& settings) {
  if (settings.recording.empty()) return invalid("recorded travel times need a recording: --travel-file FILE");
  Result<Recording> recording = parse_recording(settings.recording);
  if (!recording) return recording.error();
  return std::unique_ptr<Provider>(std::make_unique<Recorded>(recording.take()));
}

}  // namespace regulus::travel
