// What every provider must do, over all entries of providers.def, and what OSRM and Valhalla are asked.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/json.h"
#include "tests/travel/loopback_server.h"
#include "tests/travel/road_twin.h"
#include "travel/provider.h"
#include "travel/recording.h"

namespace regulus::travel {
namespace {

Deadline plenty() { return std::chrono::steady_clock::now() + std::chrono::minutes(2); }

std::vector<Point> const town{{41.15, -8.61}, {41.16, -8.62}, {41.17, -8.60}, {41.14, -8.63}, {41.18, -8.59}};
Point const at_sea{41.0, -12.0};

std::vector<double> numbers_in(std::string_view list) {
  std::vector<double> numbers;
  std::string text(list);
  for (char& c : text) {
    if (c == ';' || c == ',') c = ' ';
  }
  char const* at = text.c_str();
  for (char* end = nullptr;; at = end) {
    double const number = std::strtod(at, &end);
    if (end == at) return numbers;
    numbers.push_back(number);
  }
}

Json rows_of(std::vector<std::int32_t> const& cells, std::size_t width, double unit) {
  Json::Array rows(cells.size() / width);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<double> row;
    for (std::size_t j = 0; j < width; ++j) row.push_back(cells[i * width + j] * unit);
    rows[i] = Json::array_of(row);
  }
  return rows;
}

// Answers as OSRM does, of the roads of road_twin.h and no road at sea.
void like_osrm(Conversation& talk) {
  for (std::string request = talk.read_request(); !request.empty(); request = talk.read_request()) {
    auto const part = [&](std::string const& after, std::string const& until) {
      std::size_t const start = request.find(after) + after.size();
      return request.substr(start, request.find_first_of(until, start) - start);
    };
    auto const coordinates = numbers_in(part("/table/v1/driving/", "?"));
    auto const points = [&](std::string const& name) {
      std::vector<Point> chosen;
      for (double const k : numbers_in(part(name + "=", "& ")))
        chosen.push_back(
            {coordinates[2 * static_cast<std::size_t>(k) + 1], coordinates[2 * static_cast<std::size_t>(k)]});
      return chosen;
    };
    std::string refusal;
    for (std::size_t k = 0; 2 * k < coordinates.size(); ++k) {
      if (coordinates[2 * k] < -10 && refusal.empty()) {
        refusal = R"({"code":"NoSegment","message":"Could not find a matching segment for coordinate )" +
                  std::to_string(k) + "\"}";
      }
    }
    if (!refusal.empty()) {
      talk.answer(400, refusal);
      continue;
    }
    Rectangle const asked{points("sources"), points("destinations")};
    Cells const cells = road_twin(asked);
    talk.answer(200, Json::object({{"code", "Ok"},
                                   {"durations", rows_of(cells.seconds, asked.targets.size(), 1)},
                                   {"distances", rows_of(cells.metres, asked.targets.size(), 1)},
                                   {"data_version", "a day in May"}})
                         .dump());
  }
}

std::vector<Point> points_in(Json const& list) {
  std::vector<Point> points;
  for (Json const& place : list.as_array())
    points.push_back({place.find("lat")->as_number(), place.find("lon")->as_number()});
  return points;
}

// Answers as Valhalla does, of the same roads.
void like_valhalla(Conversation& talk) {
  for (std::string request = talk.read_request(); !request.empty(); request = talk.read_request()) {
    Result<Json> const body = parse_json(request.substr(request.find("\r\n\r\n") + 4));
    if (!body) return;
    auto const is_lost = [](Point const& place) { return place.longitude < -10; };
    if (request.starts_with("POST /locate")) {
      Json places = Json::array();
      for (Point const& place : points_in(*body->find("locations"))) {
        Json edges = Json::array();
        if (!is_lost(place)) edges.push_back(Json::object({{"way_id", 7}}));
        places.push_back(Json::object({{"edges", edges}, {"nodes", Json::array()}}));
      }
      talk.answer(200, places.dump());
      continue;
    }
    Rectangle const asked{points_in(*body->find("sources")), points_in(*body->find("targets"))};
    if (std::ranges::any_of(asked.sources, is_lost) || std::ranges::any_of(asked.targets, is_lost)) {
      talk.answer(400, R"({"error_code":171,"error":"No suitable edges near location","status_code":400})");
      continue;
    }
    Cells const cells = road_twin(asked);
    Json const matrices = Json::object({{"durations", rows_of(cells.seconds, asked.targets.size(), 1)},
                                        {"distances", rows_of(cells.metres, asked.targets.size(), 0.001)}});
    talk.answer(200, Json::object({{"sources_to_targets", matrices}, {"units", "kilometers"}}).dump());
  }
}

// The provider of one entry, with whatever it needs to answer for `town`.
struct Subject {
  explicit Subject(std::string_view name) : osrm(like_osrm), valhalla(like_valhalla) {
    ProviderSettings settings;
    if (name == "osrm") settings.url = osrm.url();
    if (name == "valhalla") settings.url = valhalla.url();
    if (name == "recorded") {
      Cells const cells = road_twin({town, town});
      settings.recording = recording_text(
          {.provider = "osrm", .data_version = "", .places = town, .seconds = cells.seconds, .metres = cells.metres});
    }
    Result<std::unique_ptr<Provider>> made = make_provider(name, settings);
    EXPECT_TRUE(made) << made.error().message;
    provider = made.take();
  }
  LoopbackServer osrm, valhalla;
  std::unique_ptr<Provider> provider;
};

class EveryProvider : public testing::TestWithParam<std::string> {};

TEST_P(EveryProvider, answers_with_as_many_cells_as_were_asked_for) {
  Subject subject(GetParam());
  for (auto const& [sources, targets] :
       std::vector<std::pair<std::size_t, std::size_t>>{{1, 1}, {1, 5}, {5, 1}, {3, 5}}) {
    Rectangle const asked{{town.begin(), town.begin() + static_cast<std::ptrdiff_t>(sources)},
                          {town.begin(), town.begin() + static_cast<std::ptrdiff_t>(targets)}};
    Result<Cells> const cells = subject.provider->cells(asked, plenty());
    ASSERT_TRUE(cells) << cells.error().message;
    ASSERT_EQ(cells->seconds.size(), sources * targets);
    ASSERT_EQ(cells->metres.size(), sources * targets);
    for (std::size_t cell = 0; cell < cells->seconds.size(); ++cell) {
      EXPECT_GE(cells->seconds[cell], 0);
      EXPECT_GE(cells->metres[cell], 0);
      EXPECT_EQ(cells->seconds[cell] == 0, cell / targets == cell % targets);  // only from a place to itself
    }
  }
}

TEST_P(EveryProvider, says_the_same_when_asked_again_and_when_asked_in_parts) {
  Subject subject(GetParam());
  Result<Cells> const first = subject.provider->cells({town, town}, plenty());
  Result<Cells> const again = subject.provider->cells({town, town}, plenty());
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->seconds, again->seconds);
  EXPECT_EQ(first->metres, again->metres);
  for (std::size_t i = 0; i < town.size(); ++i) {
    Result<Cells> const row = subject.provider->cells({{town[i]}, town}, plenty());
    ASSERT_TRUE(row);
    EXPECT_TRUE(std::ranges::equal(row->seconds, std::span(first->seconds).subspan(i * town.size(), town.size()))) << i;
  }
}

TEST_P(EveryProvider, marks_both_times_and_distances_of_a_cell_that_it_has_not) {
  Subject subject(GetParam());
  std::vector<Point> const places{town[0], at_sea, town[1]};
  Result<Cells> const cells = subject.provider->cells({places, places}, plenty());
  ASSERT_TRUE(cells) << cells.error().message;
  for (std::size_t cell = 0; cell < cells->seconds.size(); ++cell) {
    bool const sea = cell / 3 == 1 || cell % 3 == 1;
    if (cells->seconds[cell] < 0) {
      EXPECT_TRUE(sea) << cell;
      EXPECT_EQ(cells->seconds[cell], cells->metres[cell]);
    } else {
      EXPECT_GE(cells->metres[cell], 0);
    }
  }
}

TEST_P(EveryProvider, has_a_name_and_a_summary_of_its_own) {
  std::set<std::string_view> names, summaries;
  for (ProviderEntry const& entry : providers()) {
    names.insert(entry.name);
    summaries.insert(entry.summary);
    EXPECT_TRUE(entry.summary.ends_with('.')) << entry.name;
  }
  EXPECT_EQ(names.size(), providers().size());
  EXPECT_EQ(summaries.size(), providers().size());
}

TEST_P(EveryProvider, is_refused_settings_that_it_cannot_work_with_by_naming_the_flag) {
  if (GetParam() == "straight-line") return;  // can work with anything
  Result<std::unique_ptr<Provider>> const made = make_provider(GetParam(), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::invalid);
  EXPECT_NE(made.error().message.find("--travel-"), std::string::npos) << made.error().message;
}

std::string name_of(testing::TestParamInfo<std::string> const& entry) {
  std::string name = entry.param;
  std::ranges::replace(name, '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Providers, EveryProvider, testing::ValuesIn(provider_names()), name_of);

TEST(Osrm, gives_the_roads_of_its_server_and_names_places_at_sea) {
  Subject subject("osrm");
  std::vector<Point> const places{town[0], at_sea, town[1]};
  Result<Cells> const cells = subject.provider->cells({places, places}, plenty());
  ASSERT_TRUE(cells);
  EXPECT_EQ(cells->seconds[2], road_twin({{town[0]}, {town[1]}}).seconds[0]);
  EXPECT_EQ(cells->seconds[1], no_road);
  EXPECT_EQ(std::ranges::count(cells->off_road, at_sea), 2) << "as a source and as a target";
  EXPECT_EQ(subject.provider->data_version(), "a day in May");
}

TEST(Osrm, is_asked_for_seconds_and_metres_of_roads_nearby) {
  std::string request;
  LoopbackServer const server([&](Conversation& talk) { request = talk.read_request(); });
  Result<std::unique_ptr<Provider>> const osrm =
      make_provider("osrm", {.url = server.url() + "/x", .profile = "taxi", .recording = {}, .speeds = {}});
  ASSERT_TRUE(osrm);
  EXPECT_FALSE((*osrm)->cells({{{43.7311, 7.4197}}, {{43.7384, -7.4262}, {-1, 2}}}, plenty()));
  EXPECT_TRUE(
      request.starts_with("GET /x/table/v1/taxi/7.419700,43.731100;-7.426200,43.738400;2.000000,-1.000000"
                          "?sources=0&destinations=1;2&radiuses=5000;5000;5000"
                          "&annotations=duration,distance&generate_hints=false HTTP/1.1\r\n"))
      << request;
}

TEST(Valhalla, gives_the_roads_of_its_server_and_names_places_at_sea) {
  Subject subject("valhalla");
  std::vector<Point> const places{town[0], at_sea, town[1]};
  Result<Cells> const cells = subject.provider->cells({places, places}, plenty());
  ASSERT_TRUE(cells);
  EXPECT_EQ(cells->seconds[2], road_twin({{town[0]}, {town[1]}}).seconds[0]);
  EXPECT_EQ(cells->metres[2], road_twin({{town[0]}, {town[1]}}).metres[0]);
  EXPECT_EQ(cells->seconds[1], no_road);
  EXPECT_EQ(std::ranges::count(cells->off_road, at_sea), 2);
}

TEST(Valhalla, is_asked_in_kilometres_for_a_compact_answer) {
  std::string request;
  LoopbackServer const server([&](Conversation& talk) { request = talk.read_request(); });
  Result<std::unique_ptr<Provider>> const valhalla =
      make_provider("valhalla", {.url = server.url(), .profile = "taxi", .recording = {}, .speeds = {}});
  ASSERT_TRUE(valhalla);
  EXPECT_FALSE((*valhalla)->cells({{{43.5, 7.5}}, {{43.25, -7.5}}}, plenty()));
  EXPECT_TRUE(request.starts_with("POST /sources_to_targets HTTP/1.1\r\n")) << request;
  EXPECT_TRUE(
      request.ends_with("\r\n\r\n{\"sources\":[{\"lat\":43.5,\"lon\":7.5}],\"targets\":[{\"lat\":43.25,"
                        "\"lon\":-7.5}],\"costing\":\"taxi\",\"units\":\"kilometers\",\"verbose\":false}"))
      << request;
}

TEST(Providers, a_name_that_nobody_knows_is_refused_with_the_nearest_one) {
  auto const made = make_provider("valhala", {});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("valhalla"), std::string::npos) << made.error().message;
}

}  // namespace
}  // namespace regulus::travel
