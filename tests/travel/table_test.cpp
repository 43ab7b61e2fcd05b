#include "travel/table.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/travel/loopback_server.h"
#include "tests/travel/road_twin.h"
#include "travel/recording.h"

namespace regulus::travel {
namespace {

using namespace std::chrono_literals;

// A clock that moves only when somebody waits.
struct ManualClock {
  Deadline now{Deadline{} + 1h};
  std::vector<Deadline> waits;
  Clock clock() {
    return {.now = [this] { return now; },
            .wait_until =
                [this](Deadline moment) {
                  waits.push_back(moment);
                  now = moment;
                }};
  }
};

// What a test wants of its provider, shared by all connections.
struct Script {
  std::mutex mutex;
  std::vector<Rectangle> questions;
  std::function<Result<Cells>(Rectangle const&, int question)> answer = [](Rectangle const& asked, int) {
    return Result<Cells>(road_twin(asked));
  };
  std::string version;
  std::size_t side = 100;

  std::size_t cells() const {
    std::size_t count = 0;
    for (Rectangle const& asked : questions) count += asked.sources.size() * asked.targets.size();
    return count;
  }
};

class Scripted final : public Provider {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  Result<Cells> cells(Rectangle const& asked, Deadline) override {
    std::lock_guard const lock(script_.mutex);
    script_.questions.push_back(asked);
    return script_.answer(asked, static_cast<int>(script_.questions.size()));
  }
  std::string data_version() const override { return script_.version; }
  std::size_t largest_side() const override { return script_.side; }

 private:
  Script& script_;
};

std::vector<std::unique_ptr<Provider>> connections(Script& script, int count = 1) {
  std::vector<std::unique_ptr<Provider>> all;
  for (int i = 0; i < count; ++i) all.push_back(std::make_unique<Scripted>(script));
  return all;
}

Error dead() { return {ErrorKind::io, "dead"}; }

std::vector<Point> some_places(std::size_t count) {
  std::vector<Point> places;
  for (std::size_t k = 0; k < count; ++k) {
    auto const step = static_cast<double>(k);
    places.push_back({41.15 + 0.003 * std::fmod(step * 7, 20), -8.61 + 0.002 * step});
  }
  return places;
}

std::int32_t asked_seconds(Point const& from, Point const& to) { return road_twin({{from}, {to}}).seconds[0]; }

void expect_all_measured(TravelTimes const& times, std::vector<Point> const& places) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = 0; j < places.size(); ++j) {
      auto const from = static_cast<Place>(i), to = static_cast<Place>(j);
      Leg const leg = times.leg(from, to, 8);
      std::int32_t const seconds = i == j ? 0 : asked_seconds(places[i], places[j]);
      ASSERT_EQ(leg, (Leg{seconds, 3 * seconds})) << i << " to " << j;
      ASSERT_FALSE(times.estimated(from, to));
    }
  }
}

void expect_all_estimated(TravelTimes const& times, std::vector<Point> const& places) {
  TravelTimes const straight = TravelTimes::straight_line(places, {});
  for (Place i = 0; i < std::ssize(places); ++i) {
    for (Place j = 0; j < std::ssize(places); ++j) {
      ASSERT_EQ(times.leg(i, j, 8), straight.leg(i, j, 12)) << i << " to " << j;
      ASSERT_EQ(times.estimated(i, j), i != j);
    }
  }
}

TEST(TableBuilder, gives_every_cell_what_the_provider_says) {
  Script script;
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  auto const places = some_places(7);
  TableReport report;
  expect_all_measured(builder.build(places, time.now + 1s, &report), places);
  EXPECT_EQ(script.questions.size(), 1U);
  EXPECT_EQ(report.answered, 42);  // 7 × 6; from a place to itself nobody drives
  EXPECT_EQ(report.asked, 42);
  EXPECT_EQ(report.requests, 1);
  EXPECT_EQ(report.estimated + report.unreachable + report.from_cache, 0);
  EXPECT_EQ(report.last_error, "");
}

TEST(TableBuilder, asks_in_pieces_no_larger_than_the_provider_likes) {
  Script script;
  script.side = 4;
  ManualClock time;
  TableBuilder builder(connections(script, 3), {}, {}, time.clock());
  auto const places = some_places(10);
  TableReport report;
  expect_all_measured(builder.build(places, time.now + 1s, &report), places);
  EXPECT_EQ(script.questions.size(), 9U);  // 3 × 3 pieces of 4, 4 and 2 places
  for (Rectangle const& asked : script.questions) {
    EXPECT_LE(asked.sources.size(), 4U);
    EXPECT_LE(asked.targets.size(), 4U);
  }
  EXPECT_EQ(report.answered, 90);
}

TEST(TableBuilder, asks_nothing_twice) {
  Script script;
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  auto const places = some_places(5);
  (void)builder.build(places, time.now + 1s);
  TableReport report;
  expect_all_measured(builder.build(places, time.now + 1s, &report), places);
  EXPECT_EQ(script.questions.size(), 1U);
  EXPECT_EQ(report.from_cache, 20);
  EXPECT_EQ(report.answered + report.asked, 0);
  // Another hour is another question.
  (void)builder.build(places, time.now + 1s, &report, 8);
  EXPECT_EQ(script.questions.size(), 2U);
  EXPECT_EQ(script.questions.back().hour, 8);
}

// A booking comes in: two places among forty are new. Its rows are 2 × 42 cells, its columns 40 × 2; asking for
// everything would be 42 × 42 = 1,764.
TEST(TableBuilder, asks_only_for_rows_and_columns_of_new_places) {
  Script script;
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  auto const places = some_places(42);
  (void)builder.build(std::span(places).first(40), time.now + 1s);
  script.questions.clear();
  expect_all_measured(builder.build(places, time.now + 1s), places);
  EXPECT_EQ(script.cells(), 164U);
}

TEST(TableBuilder, counts_places_of_the_same_rounded_coordinates_as_one) {
  Script script;
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  std::vector<Point> places = some_places(2);
  places.push_back({places[0].latitude + 2e-5, places[0].longitude});
  TravelTimes const times = builder.build(places, time.now + 1s);
  EXPECT_EQ(script.cells(), 4U);
  EXPECT_EQ(times.leg(0, 2, 8), (Leg{0, 0}));
  EXPECT_EQ(times.leg(2, 1, 8), times.leg(0, 1, 8));
}

TEST(TableBuilder, of_no_places_is_empty) {
  Script script;
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  EXPECT_EQ(builder.build({}, time.now + 1s).places(), 0U);
  EXPECT_TRUE(script.questions.empty());
}

TEST(TableBuilder, repeats_a_failed_question_after_a_pause) {
  Script script;
  script.answer = [](Rectangle const& asked, int question) {
    return question == 1 ? Result<Cells>(dead()) : Result<Cells>(road_twin(asked));
  };
  ManualClock time;
  Deadline const start = time.now;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  auto const places = some_places(3);
  TableReport report;
  expect_all_measured(builder.build(places, time.now + 1s, &report), places);
  EXPECT_EQ(report.requests, 2);
  EXPECT_EQ(report.asked, 12);
  ASSERT_EQ(time.waits.size(), 1U);
  EXPECT_GE(time.waits[0] - start, 10ms);
  EXPECT_LE(time.waits[0] - start, 30ms);
}

TEST(TableBuilder, does_not_repeat_a_question_that_was_refused_for_good) {
  Script script;
  script.answer = [](Rectangle const&, int) -> Result<Cells> { return invalid("no such profile"); };
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  auto const places = some_places(3);
  TableReport report;
  expect_all_estimated(builder.build(places, time.now + 1s, &report), places);
  EXPECT_EQ(report.requests, 1);
  EXPECT_EQ(report.last_error, "no such profile");
}

TEST(TableBuilder, estimates_and_marks_what_nobody_answers) {
  Script script;
  script.answer = [](Rectangle const&, int) -> Result<Cells> { return dead(); };
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  auto const places = some_places(6);
  TableReport report;
  expect_all_estimated(builder.build(places, time.now + 1s, &report), places);
  EXPECT_EQ(report.estimated, 30);
  EXPECT_EQ(report.answered, 0);
  EXPECT_EQ(report.last_error, "dead");
}

TEST(TableBuilder, estimates_single_cells_that_the_provider_does_not_know) {
  Script script;
  script.answer = [](Rectangle const& asked, int) {
    Cells cells = road_twin(asked);
    cells.seconds[1] = cells.metres[1] = not_known;
    return Result<Cells>(std::move(cells));
  };
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  auto const places = some_places(3);
  TableReport report;
  TravelTimes const times = builder.build(places, time.now + 1s, &report);
  EXPECT_TRUE(times.estimated(0, 1));
  EXPECT_FALSE(times.estimated(1, 0));
  EXPECT_EQ(times.leg(0, 1, 8), TravelTimes::straight_line(places, {}).leg(0, 1, 12));
  EXPECT_EQ(report.estimated, 1);
  EXPECT_EQ(report.answered, 5);
}

TEST(TableBuilder, makes_a_cell_without_a_road_a_week_long) {
  Script script;
  script.answer = [](Rectangle const& asked, int) {
    Cells cells = road_twin(asked);
    cells.seconds[1] = cells.metres[1] = no_road;
    cells.off_road = {asked.targets[1]};
    return Result<Cells>(std::move(cells));
  };
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  TableReport report;
  TravelTimes const times = builder.build(some_places(3), time.now + 1s, &report);
  EXPECT_EQ(times.leg(0, 1, 8), (Leg{604'800, 20'000'000}));
  EXPECT_FALSE(times.estimated(0, 1));
  EXPECT_EQ(report.unreachable, 1);
  EXPECT_EQ(report.estimated, 0);
  EXPECT_EQ(report.off_road, std::vector<std::size_t>{1});
}

// Nine pieces, two attempts each: the third failure opens the breaker, and nobody asks any more.
TEST(TableBuilder, leaves_a_server_alone_that_keeps_failing_and_tries_it_again_later) {
  Script script;
  script.side = 4;
  script.answer = [](Rectangle const&, int) -> Result<Cells> { return dead(); };
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  auto const places = some_places(10);
  TableReport report;
  expect_all_estimated(builder.build(places, time.now + 1min, &report), places);
  EXPECT_EQ(report.requests, 3);

  (void)builder.build(places, time.now + 1min, &report);
  EXPECT_EQ(report.requests, 0) << "within the pause";
  EXPECT_EQ(report.estimated, 90);

  time.now += 5s;
  (void)builder.build(places, time.now + 1min, &report);
  EXPECT_EQ(report.requests, 1) << "one probe";

  time.now += 5s;
  script.answer = [](Rectangle const& asked, int) { return Result<Cells>(road_twin(asked)); };
  expect_all_measured(builder.build(places, time.now + 1min, &report), places);
  EXPECT_EQ(report.requests, 9);
}

TEST(TableBuilder, asks_nothing_after_the_deadline) {
  Script script;
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  auto const places = some_places(3);
  expect_all_estimated(builder.build(places, time.now), places);
  EXPECT_TRUE(script.questions.empty());
}

TEST(TableBuilder, does_not_begin_a_pause_that_ends_after_the_deadline) {
  Script script;
  script.answer = [](Rectangle const&, int) -> Result<Cells> { return dead(); };
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  (void)builder.build(some_places(3), time.now + 9ms);
  EXPECT_TRUE(time.waits.empty());
  EXPECT_EQ(script.questions.size(), 1U);
}

TEST(TableBuilder, forgets_what_it_knows_when_the_map_changes) {
  Script script;
  script.version = "october";
  ManualClock time;
  TableBuilder builder(connections(script), {}, {}, time.clock());
  auto const places = some_places(4);
  TableReport report;
  (void)builder.build(std::span(places).first(2), time.now + 1s, &report);
  EXPECT_EQ(report.data_version, "october");
  script.version = "november";
  (void)builder.build(std::span(places).last(2), time.now + 1s, &report);
  EXPECT_EQ(report.data_version, "november");
  (void)builder.build(std::span(places).first(2), time.now + 1s, &report);
  EXPECT_EQ(report.from_cache, 0);
  EXPECT_EQ(report.answered, 2);
}

TEST(TableBuilder, with_a_small_cache_asks_again_and_says_the_same) {
  Script script;
  ManualClock time;
  TableBuilder builder(connections(script), {}, {.cache_cells = 6}, time.clock());
  auto const places = some_places(8);
  for (int i = 0; i < 2; ++i) expect_all_measured(builder.build(places, time.now + 1s), places);
  EXPECT_EQ(script.questions.size(), 2U);
}

// The twin asks for each cell alone. Any cache contents, failures and number of connections lead to the same table, as
// long as something answers in the end.
RC_GTEST_PROP(TableBuilder, answers_as_if_each_cell_were_asked_alone, ()) {
  Script script;
  script.side = static_cast<std::size_t>(*rc::gen::inRange(1, 6));
  int const fails = *rc::gen::inRange(2, 5);  // every so many questions one fails, never twice in a row
  script.answer = [fails](Rectangle const& asked, int question) {
    return question % fails == 0 ? Result<Cells>(dead()) : Result<Cells>(road_twin(asked));
  };
  ManualClock time;
  TableSettings settings;
  settings.attempts = 3;
  TableBuilder builder(connections(script), {}, settings, time.clock());
  auto const all = some_places(12);
  for (int round = 0; round < 3; ++round) {
    auto const chosen = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12));
    std::vector<Point> places;
    for (int const k : chosen) places.push_back(all[static_cast<std::size_t>(k)]);
    TableReport report;
    TravelTimes const times = builder.build(places, time.now + 1h, &report);
    RC_ASSERT(times.places() == places.size());
    RC_ASSERT(report.estimated == 0);
    for (std::size_t i = 0; i < places.size(); ++i) {
      for (std::size_t j = 0; j < places.size(); ++j) {
        std::int32_t const expected = places[i] == places[j] ? 0 : asked_seconds(places[i], places[j]);
        RC_ASSERT(times.leg(static_cast<Place>(i), static_cast<Place>(j), 3).seconds == expected);
      }
    }
  }
}

TEST(TableBuilder, gives_the_same_table_over_any_number_of_connections) {
  auto const places = some_places(23);
  std::vector<std::int64_t> first;
  for (int const count : {1, 2, 7}) {
    Script script;
    script.side = 3;
    ManualClock time;
    TableBuilder builder(connections(script, count), {}, {}, time.clock());
    TravelTimes const times = builder.build(places, time.now + 1s);
    std::vector<std::int64_t> cells;
    for (Place i = 0; i < 23; ++i) {
      for (Place j = 0; j < 23; ++j) cells.push_back(times.leg(i, j, 0).seconds);
    }
    if (first.empty()) first = cells;
    EXPECT_EQ(cells, first) << count;
  }
}

// With real clocks and sockets: whatever a server does, a decision gets its table, and every cell is marked.
struct Fault {
  char const* name;
  LoopbackServer::Talk talk;
};
std::vector<Fault> faults() {
  auto const after_request = [](auto then) {
    return [then](Conversation& talk) {
      while (!talk.read_request().empty()) {
        if (!then(talk)) return;
      }
    };
  };
  auto const says = [after_request](int status, std::string const& body) {
    return after_request([status, body](Conversation& talk) { return talk.answer(status, body); });
  };
  auto const sends = [after_request](std::string const& bytes) {
    return after_request([bytes](Conversation& talk) { return talk.send(bytes) && false; });
  };
  return {
      {"hangs before the request", [](Conversation& talk) { talk.hang(); }},
      {"hangs after the request", after_request([](Conversation& talk) {
         talk.hang();
         return false;
       })},
      {"drips its answer", after_request([](Conversation& talk) {
         talk.send("HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n");
         talk.drip(" ");
         return false;
       })},
      {"closes at once", [](Conversation&) {}},
      {"closes in the middle", sends("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"code\":\"Ok\",\"dur")},
      {"promises more than it sends and hangs", after_request([](Conversation& talk) {
         talk.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}");
         talk.hang();
         return false;
       })},
      {"promises less than it sends", sends("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{\"code\":\"Ok\"}")},
      {"claims a gigabyte", sends("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n{")},
      {"is in trouble", says(500, "{\"code\":\"InternalError\"}")},
      {"is busy", says(503, "")},
      {"says something else", says(200, "<html>hello</html>")},
      {"says nothing", says(200, "")},
      {"gives no code", says(200, "{}")},
      {"gives fewer rows", says(200, R"({"code":"Ok","durations":[[0,1,2]],"distances":[[0,1,2]]})")},
      {"gives negative seconds",
       says(200, R"({"code":"Ok","durations":[[0,-1,1],[1,0,1],[1,1,0]],"distances":[[0,1,1],[1,0,1],[1,1,0]]})")},
      {"gives not a number",
       says(200, R"({"code":"Ok","durations":[[0,NaN,1],[1,0,1],[1,1,0]],"distances":[[0,1,1],[1,0,1],[1,1,0]]})")},
      {"gives huge seconds",
       says(200, R"({"code":"Ok","durations":[[0,1e99,1],[1,0,1],[1,1,0]],"distances":[[0,1,1],[1,0,1],[1,1,0]]})")},
      {"refuses the question", says(400, R"({"code":"InvalidQuery","message":"what?"})")},
      {"finds everything too big", says(400, R"({"code":"TooBig","message":"too big"})")},
      {"sends a redirect", says(302, "")},
  };
}

TEST(FaultyServer, costs_a_decision_its_patience_and_no_more) {
  auto const places = some_places(3);
  for (Fault const& fault : faults()) {
    SCOPED_TRACE(fault.name);
    LoopbackServer const server(fault.talk);
    for (char const* provider : {"osrm", "valhalla"}) {
      SCOPED_TRACE(provider);
      TravelOptions options;
      options.provider = provider;
      options.url = server.url();
      options.patience = 50ms;
      TableReport report;
      Result<TravelTimes> const times = times_for(places, {}, options, &report);
      ASSERT_TRUE(times) << times.error().message;
      expect_all_estimated(*times, places);
      EXPECT_EQ(report.estimated, 6);
      EXPECT_GE(server.connections(), 1);
    }
  }
}

TEST(FaultyServer, that_is_not_there_costs_nothing) {
  TravelOptions options;
  options.provider = "osrm";
  options.url = refusing_url();
  TableReport report;
  auto const places = some_places(3);
  Result<TravelTimes> const times = times_for(places, {}, options, &report);
  ASSERT_TRUE(times) << times.error().message;
  expect_all_estimated(*times, places);
  EXPECT_NE(report.last_error.find("refused the connection"), std::string::npos) << report.last_error;
}

// null is "no road", and no road is not near.
TEST(FaultyServer, that_knows_no_road_makes_places_unreachable_and_not_neighbours) {
  LoopbackServer const server([](Conversation& talk) {
    while (!talk.read_request().empty() &&
           talk.answer(200, R"({"code":"Ok","durations":[[0,null],[null,0]],"distances":[[0,null],[null,0]]})")) {
    }
  });
  TravelOptions options;
  options.provider = "osrm";
  options.url = server.url();
  TableReport report;
  Result<TravelTimes> const times = times_for(some_places(2), {}, options, &report);
  ASSERT_TRUE(times);
  EXPECT_EQ(times->leg(0, 1, 8).seconds, no_road_seconds);
  EXPECT_EQ(times->leg(1, 0, 8).seconds, no_road_seconds);
  EXPECT_EQ(report.unreachable, 2);
  EXPECT_EQ(report.estimated, 0);
}

TEST(TimesFor, straight_lines_keep_their_hours) {
  auto const places = some_places(3);
  SpeedProfile speeds;
  speeds.kmh.fill(20);
  speeds.kmh[8] = 10;
  Result<TravelTimes> const times = times_for(places, speeds, {});
  ASSERT_TRUE(times);
  EXPECT_FALSE(times->is_table());
  EXPECT_GT(times->leg(0, 1, 8).seconds, times->leg(0, 1, 9).seconds);
  TravelOptions options;
  options.speeds = SpeedProfile{};
  EXPECT_EQ(times_for(places, speeds, options)->leg(0, 1, 8), TravelTimes::straight_line(places, {}).leg(0, 1, 8));
}

TEST(TimesFor, a_recording_is_as_good_as_the_server_it_was_made_of) {
  auto const places = some_places(4);
  Cells const cells = road_twin({places, places});
  Recording const recording{.provider = "osrm",
                            .data_version = "october",
                            .places = places,
                            .seconds = cells.seconds,
                            .metres = cells.metres};
  TravelOptions options;
  options.provider = "recorded";
  options.recording = recording_text(recording);
  TableReport report;
  Result<TravelTimes> const times = times_for(places, {}, options, &report);
  ASSERT_TRUE(times) << times.error().message;
  expect_all_measured(*times, places);
  EXPECT_EQ(report.data_version, "october");
  // A place that was not recorded is estimated.
  Result<TravelTimes> const more = times_for(some_places(5), {}, options, &report);
  ASSERT_TRUE(more);
  EXPECT_TRUE(more->estimated(0, 4));
  EXPECT_FALSE(more->estimated(0, 3));
  EXPECT_EQ(report.estimated, 8);
}

TEST(TimesFor, settings_that_make_no_provider_are_errors) {
  auto const message = [](TravelOptions const& options) {
    auto const times = times_for(some_places(2), {}, options);
    return times ? std::string("a table") : times.error().message;
  };
  TravelOptions options;
  options.provider = "osmr";
  EXPECT_NE(message(options).find("did you mean osrm"), std::string::npos) << message(options);
  options.provider = "osrm";
  EXPECT_NE(message(options).find("--travel-url"), std::string::npos) << message(options);
  options.url = "https://roads";
  EXPECT_NE(message(options).find("encrypted"), std::string::npos) << message(options);
  options.provider = "recorded";
  EXPECT_NE(message(options).find("--travel-file"), std::string::npos) << message(options);
  options.recording = "{}";
  EXPECT_NE(message(options).find("not a recording"), std::string::npos) << message(options);
}

TEST(TimesFor, a_place_that_is_nowhere_is_an_error) {
  for (Point const& nowhere : {Point{91, 0}, Point{0, 181}, Point{std::nan(""), 0}, Point{0, INFINITY}}) {
    std::vector<Point> places = some_places(2);
    places.push_back(nowhere);
    auto const times = times_for(places, {}, {});
    ASSERT_FALSE(times);
    EXPECT_NE(times.error().message.find("place 2 "), std::string::npos) << times.error().message;
  }
}

TEST(TimesFor, more_places_than_a_table_may_have_are_an_error) {
  std::vector<Point> const places(most_table_places + 1, Point{41, -8});
  TravelOptions options;
  options.provider = "osrm";
  options.url = refusing_url();
  auto const times = times_for(places, {}, options);
  ASSERT_FALSE(times);
  EXPECT_NE(times.error().message.find("4001 places"), std::string::npos) << times.error().message;
  EXPECT_TRUE(times_for(places, {}, {}));
}

}  // namespace
}  // namespace regulus::travel
