#include "travel/recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/json.h"
#include "travel/provider.h"

namespace regulus::travel {

bool is_on_earth(Point const& point) { return std::abs(point.latitude) <= 90 && std::abs(point.longitude) <= 180; }

std::uint64_t cell_of(Point const& point) {
  auto const latitude = static_cast<std::int64_t>(std::llround(point.latitude * 1e4)) + 900'000;
  auto const longitude = static_cast<std::int64_t>(std::llround(point.longitude * 1e4)) + 1'800'000;
  return static_cast<std::uint64_t>(latitude) << 32 | static_cast<std::uint64_t>(longitude);
}

namespace {

constexpr std::string_view format_name = "regulus-travel-1";
constexpr std::string_view keys[] = {"format", "provider", "data_version", "places", "seconds", "metres"};

Json rows_of(std::vector<std::int32_t> const& cells, std::size_t side) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < side; ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < side; ++j) {
      std::int32_t const cell = cells[i * side + j];
      Json& written = row.as_array().emplace_back();
      if (cell != no_road) written = Json(cell);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<std::int32_t>> cells_of(Json const& rows, std::string_view key, std::size_t side,
                                           std::int32_t most) {
  if (!rows.is_array() || rows.as_array().size() != side)
    return invalid(fmt::format("{} is not a list of {} rows, one for each place", key, side));
  std::vector<std::int32_t> cells;
  cells.reserve(side * side);
  for (std::size_t i = 0; i < side; ++i) {
    Json const& row = rows.as_array()[i];
    if (!row.is_array() || row.as_array().size() != side)
      return invalid(fmt::format("{}[{}] is not a list of {} cells, one for each place", key, i, side));
    for (std::size_t j = 0; j < side; ++j) {
      Json const& cell = row.as_array()[j];
      if (cell.is_null()) {
        cells.push_back(no_road);
      } else if (cell.is_integer() && cell.as_integer() >= 0 && cell.as_integer() <= most) {
        cells.push_back(static_cast<std::int32_t>(cell.as_integer()));
      } else {
        return invalid(fmt::format("{}[{}][{}] = {} is neither null nor a whole number between 0 and {}", key, i, j,
                                   cell.dump(), most));
      }
    }
  }
  return cells;
}

Result<std::vector<Point>> places_of(Json const& list) {
  if (!list.is_array() || list.as_array().empty()) return invalid("places is not a list of [longitude, latitude]");
  std::vector<Point> places;
  std::vector<std::pair<std::uint64_t, std::size_t>> seen;
  for (std::size_t i = 0; i < list.as_array().size(); ++i) {
    Json const& pair = list.as_array()[i];
    bool const two = pair.is_array() && pair.as_array().size() == 2 && pair.as_array()[0].is_number() &&
                     pair.as_array()[1].is_number();
    Point const place = two ? Point{pair.as_array()[1].as_number(), pair.as_array()[0].as_number()} : Point{NAN, NAN};
    if (!is_on_earth(place))
      return invalid(fmt::format("places[{}] = {} is not [longitude, latitude] in degrees", i, pair.dump()));
    places.push_back(place);
    seen.emplace_back(cell_of(place), i);
  }
  std::ranges::sort(seen);
  for (std::size_t k = 1; k < seen.size(); ++k) {
    if (seen[k].first == seen[k - 1].first)
      return invalid(fmt::format("places[{}] and places[{}] are the same to four decimals; list each place once",
                                 seen[k - 1].second, seen[k].second));
  }
  return places;
}

}  // namespace

Recording record(std::vector<Point> const& places, TravelTimes const& times) {
  std::vector<Place> rows;
  std::unordered_set<std::uint64_t> seen;
  Recording recording;
  for (std::size_t row = 0; row < places.size(); ++row) {
    if (!seen.insert(cell_of(places[row])).second) continue;
    rows.push_back(static_cast<Place>(row));
    recording.places.push_back(places[row]);
  }
  for (Place const from : rows) {
    for (Place const to : rows) {
      Leg const leg = times.leg(from, to, 12);
      bool const road = leg.seconds < no_road_seconds;
      recording.seconds.push_back(road ? static_cast<std::int32_t>(leg.seconds) : no_road);
      recording.metres.push_back(road ? static_cast<std::int32_t>(leg.metres) : no_road);
    }
  }
  return recording;
}

std::string recording_text(Recording const& recording) {
  Json places = Json::array();
  for (Point const& place : recording.places)
    places.push_back(Json(Json::Array{Json(place.longitude), Json(place.latitude)}));
  std::size_t const side = recording.places.size();
  return Json::object({{"format", format_name},
                       {"provider", recording.provider},
                       {"data_version", recording.data_version},
                       {"places", std::move(places)},
                       {"seconds", rows_of(recording.seconds, side)},
                       {"metres", rows_of(recording.metres, side)}})
             .dump() +
         "\n";
}

Result<Recording> parse_recording(std::string_view text) {
  Result<Json> const parsed = parse_json(text);
  if (!parsed) return parsed.error();
  Json const& json = *parsed;
  Json const* const format = json.find("format");
  if (format == nullptr || !format->is_string() || format->as_string() != format_name)
    return invalid(fmt::format("this is not a recording of travel times: \"format\" is not \"{}\"", format_name));
  for (std::string_view key : keys) {
    if (!json.has(key)) return invalid(fmt::format("{} is missing", key));
  }
  for (auto const& [key, value] : json.as_object()) {
    if (std::ranges::find(keys, key) == std::end(keys)) return invalid(fmt::format("{} is not known", key));
  }
  for (std::string_view key : {"provider", "data_version"}) {
    if (!json.find(key)->is_string()) return invalid(fmt::format("{} is not a text", key));
  }
  Result<std::vector<Point>> places = places_of(*json.find("places"));
  if (!places) return places.error();
  std::size_t const side = places->size();
  auto seconds = cells_of(*json.find("seconds"), "seconds", side, no_road_seconds);
  if (!seconds) return seconds.error();
  auto metres = cells_of(*json.find("metres"), "metres", side, no_road_metres);
  if (!metres) return metres.error();
  for (std::size_t cell = 0; cell < seconds->size(); ++cell) {
    if (((*seconds)[cell] == no_road) != ((*metres)[cell] == no_road))
      return invalid(fmt::format("seconds[{0}][{1}] and metres[{0}][{1}] disagree whether there is a road", cell / side,
                                 cell % side));
  }
  return Recording{json.find("provider")->as_string(), json.find("data_version")->as_string(), places.take(),
                   seconds.take(), metres.take()};
}

}  // namespace regulus::travel
