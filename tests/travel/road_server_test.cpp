#include "travel/road_server.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace regulus::travel {
namespace {

using Kind = TableAnswer::Kind;

// Place k of a made-up country; the latitude says which it is.
Point place(int k) { return {static_cast<double>(k), 0}; }
int number_of(Point const& point) { return static_cast<int>(point.latitude); }
std::int32_t seconds_between(int from, int to) { return 100 * from + to; }

// A server of that country: answers at most `limit` cells at once, finds no road near the places in `lost`, and joins
// nothing across the two sides of `river`.
struct Country {
  std::size_t limit = 1'000;
  std::vector<int> lost = {};
  int river = 0;  // places below are on one side, the others on the other; 0: none
  bool names_the_lost = true;
  int questions = 0;

  bool is_lost(Point const& point) const { return std::ranges::find(lost, number_of(point)) != lost.end(); }
  bool joined(Point const& a, Point const& b) const { return (number_of(a) < river) == (number_of(b) < river); }
  std::int32_t cell(Point const& from, Point const& to) const {
    if (is_lost(from) || is_lost(to) || !joined(from, to)) return no_road;
    return seconds_between(number_of(from), number_of(to));
  }

  Result<TableAnswer> answer(Rectangle const& asked) {
    ++questions;
    REGULUS_CHECK(!asked.sources.empty() && !asked.targets.empty());
    TableAnswer answer;
    if (asked.sources.size() * asked.targets.size() > limit) {
      answer.kind = Kind::too_big;
      return answer;
    }
    std::vector<Point> places = asked.sources;
    places.insert(places.end(), asked.targets.begin(), asked.targets.end());
    for (std::size_t k = 0; k < places.size(); ++k) {
      if (!is_lost(places[k])) continue;
      answer.kind = names_the_lost ? Kind::off_road : Kind::somewhere_lost;
      if (names_the_lost) answer.places.push_back(k);
    }
    if (answer.kind != Kind::cells) return answer;
    for (Point const& from : asked.sources) {
      for (Point const& to : asked.targets) {
        if (!joined(from, to))
          return TableAnswer{.kind = Kind::not_connected, .cells = {}, .places = {}, .data_version = {}};
        answer.cells.seconds.push_back(cell(from, to));
        answer.cells.metres.push_back(2 * cell(from, to));
      }
    }
    return answer;
  }
};

Rectangle rectangle(std::vector<int> const& sources, std::vector<int> const& targets) {
  Rectangle asked;
  for (int const k : sources) asked.sources.push_back(place(k));
  for (int const k : targets) asked.targets.push_back(place(k));
  return asked;
}

Cells ask(Country& country, Rectangle const& asked) {
  Result<Cells> cells = ask_in_parts(asked, [&](Rectangle const& part) { return country.answer(part); });
  EXPECT_TRUE(cells);
  return cells ? cells.take() : Cells{};
}

TEST(RoadServer, is_asked_once_when_it_answers_all) {
  Country country;
  Cells const cells = ask(country, rectangle({1, 2}, {3, 4}));
  EXPECT_EQ(cells.seconds, (std::vector<std::int32_t>{103, 104, 203, 204}));
  EXPECT_EQ(cells.metres, (std::vector<std::int32_t>{206, 208, 406, 408}));
  EXPECT_EQ(country.questions, 1);
}

// 2 × 4 cells are too many for a limit of 4: the longer side is halved, and both halves fit.
TEST(RoadServer, that_finds_the_question_too_big_is_asked_for_halves) {
  Country country{.limit = 4};
  Cells const cells = ask(country, rectangle({1, 2}, {3, 4, 5, 6}));
  EXPECT_EQ(cells.seconds, (std::vector<std::int32_t>{103, 104, 105, 106, 203, 204, 205, 206}));
  EXPECT_EQ(country.questions, 3);
}

TEST(RoadServer, that_finds_a_single_cell_too_big_leaves_it_open) {
  Country country{.limit = 0};
  EXPECT_EQ(ask(country, rectangle({1}, {2, 3})).seconds, (std::vector<std::int32_t>{not_known, not_known}));
}

TEST(RoadServer, that_names_a_place_off_the_road_is_asked_without_it) {
  Country country{.lost = {2, 5}};
  Cells const cells = ask(country, rectangle({1, 2, 3}, {4, 5}));
  EXPECT_EQ(cells.seconds, (std::vector<std::int32_t>{104, no_road, no_road, no_road, 304, no_road}));
  EXPECT_EQ(cells.off_road, (std::vector<Point>{place(2), place(5)}));
  EXPECT_EQ(country.questions, 2);
}

TEST(RoadServer, with_every_place_off_the_road_is_not_asked_for_nothing) {
  Country country{.lost = {1, 2}};
  EXPECT_EQ(ask(country, rectangle({1, 2}, {3})).seconds, (std::vector<std::int32_t>{no_road, no_road}));
  EXPECT_EQ(country.questions, 1);
}

TEST(RoadServer, passes_on_an_error) {
  Result<Cells> const cells = ask_in_parts(rectangle({1}, {2}), [](Rectangle const&) -> Result<TableAnswer> {
    return Error{ErrorKind::io, "gone"};
  });
  ASSERT_FALSE(cells);
  EXPECT_EQ(cells.error().message, "gone");
}

RC_GTEST_PROP(RoadServer, gives_every_cell_what_the_country_says_of_it, ()) {
  auto const some = [] {
    return *rc::gen::resize(9, rc::gen::nonEmpty(rc::gen::unique<std::vector<int>>(rc::gen::inRange(1, 30))));
  };
  std::vector<int> const sources = some(), targets = some();
  Country country{.limit = static_cast<std::size_t>(*rc::gen::inRange(1, 100)),
                  .lost = *rc::gen::resize(3, rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 30))),
                  .river = *rc::gen::inRange(0, 30),
                  .names_the_lost = *rc::gen::arbitrary<bool>()};
  Rectangle const asked = rectangle(sources, targets);
  Cells const cells = ask(country, asked);
  RC_ASSERT(cells.seconds.size() == sources.size() * targets.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    for (std::size_t j = 0; j < targets.size(); ++j) {
      std::int32_t const expected = country.cell(asked.sources[i], asked.targets[j]);
      RC_ASSERT(cells.seconds[i * targets.size() + j] == expected);
      RC_ASSERT(cells.metres[i * targets.size() + j] == (expected == no_road ? no_road : 2 * expected));
    }
  }
}

TEST(Profile, may_hold_only_what_a_path_may_hold) {
  EXPECT_EQ(*checked_profile("", "driving"), "driving");
  EXPECT_EQ(*checked_profile("taxi_2-b", "driving"), "taxi_2-b");
  EXPECT_FALSE(checked_profile("../secret", "driving"));
  EXPECT_FALSE(checked_profile("a b", "driving"));
}

}  // namespace
}  // namespace regulus::travel
