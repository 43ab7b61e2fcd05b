#include "travel/answers.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "core/json.h"

namespace regulus::travel {
namespace {

Error nonsense(std::string_view server, std::string_view what) {
  return {ErrorKind::io, fmt::format("{} answered with {}", server, what)};
}

// A rounded-up count between 0 and `most`; no_road for null; nothing for anything else.
std::optional<std::int32_t> count_of(Json const& cell, double unit, std::int32_t most) {
  if (cell.is_null()) return no_road;
  if (!cell.is_number()) return std::nullopt;
  // Seventeen digits of a product in tenths must not push a whole number over the next one.
  double const value = std::ceil(cell.as_number() * unit - 1e-6);
  if (!(value >= 0 && value <= most)) return std::nullopt;
  return static_cast<std::int32_t>(value);
}

struct Matrices {
  Json const* seconds;  // rows × columns
  Json const* distances;
  double metres_per_unit;
};

bool is_table(Json const* rows, TableSize size) {
  if (rows == nullptr || !rows->is_array() || rows->as_array().size() != size.sources) return false;
  return std::ranges::all_of(rows->as_array(),
                             [&](Json const& row) { return row.is_array() && row.as_array().size() == size.targets; });
}

// `second` and `distance` may be null; half a cell counts as no road.
Status append(Cells& cells, Json const& second, Json const& distance, double metres_per_unit, std::string_view server) {
  auto const seconds = count_of(second, 1, no_road_seconds);
  auto const metres = count_of(distance, metres_per_unit, no_road_metres);
  if (!seconds || !metres) {
    return nonsense(server, fmt::format("{} seconds and {} as the distance of a cell, which cannot be", second.dump(),
                                        distance.dump()));
  }
  bool const road = *seconds >= 0 && *metres >= 0;
  cells.seconds.push_back(road ? *seconds : no_road);
  cells.metres.push_back(road ? *metres : no_road);
  return ok();
}

Result<Cells> read_matrices(Matrices const& matrices, TableSize size, std::string_view server) {
  if (!is_table(matrices.seconds, size) || !is_table(matrices.distances, size))
    return nonsense(server, fmt::format("no durations and distances of {} by {} cells", size.sources, size.targets));
  Cells cells;
  cells.seconds.reserve(size.sources * size.targets);
  cells.metres.reserve(size.sources * size.targets);
  for (std::size_t i = 0; i < size.sources; ++i) {
    Json::Array const& seconds = matrices.seconds->as_array()[i].as_array();
    Json::Array const& distances = matrices.distances->as_array()[i].as_array();
    for (std::size_t j = 0; j < size.targets; ++j) {
      if (Status read = append(cells, seconds[j], distances[j], matrices.metres_per_unit, server); !read)
        return read.error();
    }
  }
  return cells;
}

std::string text_at(Json const& json, std::string_view key) {
  Json const* const found = json.find(key);
  return found != nullptr && found->is_string() ? found->as_string().substr(0, 200) : std::string();
}

// What every answer has to be before it is looked into.
Result<Json> object_of(HttpAnswer const& answer, std::string_view server) {
  if (answer.status >= 500 || answer.status == 429) return nonsense(server, fmt::format("status {}", answer.status));
  Result<Json> json = parse_json(answer.body);
  if (!json) return nonsense(server, fmt::format("status {} and no JSON: {}", answer.status, json.error().message));
  return json;
}

}  // namespace

Result<TableAnswer> osrm_table(HttpAnswer const& answer, TableSize size) {
  Result<Json> const json = object_of(answer, "OSRM");
  if (!json) return json.error();
  std::string const code = text_at(*json, "code");
  std::string const message = text_at(*json, "message");
  TableAnswer read;
  if (code == "TooBig") {
    read.kind = TableAnswer::Kind::too_big;
    return read;
  }
  if (code == "NoSegment") {
    // "Could not find a matching segment for coordinate 17": the only place where the number stands.
    std::size_t const digits = message.find_last_not_of("0123456789") + 1;
    std::size_t place = 0;
    auto const [end, problem] = std::from_chars(message.data() + digits, message.data() + message.size(), place);
    bool const named = problem == std::errc{} && place < size.sources + size.targets;
    read.kind = named ? TableAnswer::Kind::off_road : TableAnswer::Kind::somewhere_lost;
    if (named) read.places = {place};
    return read;
  }
  if (code != "Ok") {
    if (code.empty()) return nonsense("OSRM", fmt::format("status {} and no code", answer.status));
    return invalid(fmt::format("OSRM refuses: {}: {}", code, message));
  }
  Result<Cells> cells = read_matrices({json->find("durations"), json->find("distances"), 1}, size, "OSRM");
  if (!cells) return cells.error();
  read.cells = cells.take();
  read.data_version = text_at(*json, "data_version");
  return read;
}

namespace {

// [[{"from_index": 0, "to_index": 1, "time": 985, "distance": 6.704}, …], …]
Result<Cells> read_verbose(Json const& rows, TableSize size, double metres_per_unit) {
  if (!is_table(&rows, size))
    return nonsense("Valhalla", fmt::format("no table of {} by {} cells", size.sources, size.targets));
  Cells cells;
  for (std::size_t i = 0; i < size.sources; ++i) {
    for (std::size_t j = 0; j < size.targets; ++j) {
      Json const& cell = rows.as_array()[i].as_array()[j];
      Json const *const time = cell.find("time"), *const distance = cell.find("distance");
      if (time == nullptr || distance == nullptr) return nonsense("Valhalla", "a cell without time or distance");
      for (auto const& [key, expected] : {std::pair{"from_index", i}, std::pair{"to_index", j}}) {
        Json const* const index = cell.find(key);
        if (index != nullptr && *index != Json(expected)) return nonsense("Valhalla", "cells in another order");
      }
      if (Status read = append(cells, *time, *distance, metres_per_unit, "Valhalla"); !read) return read.error();
    }
  }
  return cells;
}

}  // namespace

Result<TableAnswer> valhalla_matrix(HttpAnswer const& answer, TableSize size) {
  Result<Json> const json = object_of(answer, "Valhalla");
  if (!json) return json.error();
  TableAnswer read;
  if (Json const* const code = json->find("error_code"); code != nullptr) {
    // Of Valhalla's error codes: 150 "exceeded max locations", 154 "path distance exceeds the max distance limit" (of
    // some pair), 170 "locations are in unconnected regions", 171 "no suitable edges near location", 442 "no path could
    // be found for input".
    std::int64_t const number = code->is_integer() ? code->as_integer() : 0;
    if (number == 150 || number == 154) {
      read.kind = TableAnswer::Kind::too_big;
    } else if (number == 171) {
      read.kind = TableAnswer::Kind::somewhere_lost;
    } else if (number == 170 || number == 442) {
      read.kind = TableAnswer::Kind::not_connected;
    } else {
      return invalid(fmt::format("Valhalla refuses: {}: {}", code->dump(), text_at(*json, "error")));
    }
    return read;
  }
  if (answer.status != 200) return nonsense("Valhalla", fmt::format("status {}", answer.status));
  Json const* const table = json->find("sources_to_targets");
  if (table == nullptr) return nonsense("Valhalla", "no sources_to_targets");
  double const metres_per_unit = text_at(*json, "units") == "miles" ? 1609.344 : 1000;
  Result<Cells> cells =
      table->is_object()
          ? read_matrices({table->find("durations"), table->find("distances"), metres_per_unit}, size, "Valhalla")
          : read_verbose(*table, size, metres_per_unit);
  if (!cells) return cells.error();
  read.cells = cells.take();
  return read;
}

Result<std::vector<std::size_t>> valhalla_lost_places(HttpAnswer const& answer, std::size_t places) {
  Result<Json> const json = object_of(answer, "Valhalla");
  if (!json) return json.error();
  if (!json->is_array() || json->as_array().size() != places)
    return nonsense("Valhalla", fmt::format("no list of {} located places", places));
  std::vector<std::size_t> lost;
  for (std::size_t i = 0; i < places; ++i) {
    Json const* const edges = json->as_array()[i].find("edges");
    bool const found = edges != nullptr && edges->is_array() && !edges->as_array().empty();
    if (!found) lost.push_back(i);
  }
  return lost;
}

}  // namespace regulus::travel
