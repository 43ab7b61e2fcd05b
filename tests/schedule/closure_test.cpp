#include "schedule/closure.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/schedule/random_world.h"

namespace regulus::schedule::test {
namespace {

struct Tally {
  std::int64_t yes = 0, no = 0, unknown = 0;
};

// Every pair of positions of every request that is not in the route, against the reference. A route grows from what is
// forced by insertions that fit.
void expect_right(World const& world, bool exact, Rng& rng, Tally& tally) {
  Instance const& x = world.instance;
  Nodes route = random_route(world, 0, {}, rng);
  if (evaluate(x, 0, route).violation != Violation::none) return;
  for (std::size_t r = 0; r < x.requests.size(); ++r) {
    if (x.requests[r].pickup < 0) continue;
    auto const request = static_cast<std::int32_t>(r);
    Closure const closure(x, 0, route);
    std::vector<Nodes> feasible;
    for (std::size_t i = 0; i <= route.size(); ++i) {
      for (std::size_t j = i + 1; j <= route.size() + 1; ++j) {
        Nodes tried = route;
        tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(i), x.requests[r].pickup);
        tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(j), x.requests[r].dropoff);
        bool const can = evaluate(x, 0, tried).violation == Violation::none;
        Fit const fit = closure.fits(request, i, j);
        bool const sure = fit != Fit::unknown;
        ASSERT_TRUE(sure || !exact) << "positions " << i << ", " << j;
        ASSERT_TRUE(!sure || (fit == Fit::yes) == can) << "positions " << i << ", " << j;
        (fit == Fit::yes ? tally.yes : fit == Fit::no ? tally.no : tally.unknown) += 1;
        if (can) feasible.push_back(tried);
      }
    }
    if (!feasible.empty()) route = feasible[rng.below(feasible.size())];
  }
}

RC_GTEST_PROP(Closure, says_of_every_pair_of_positions_what_the_reference_says, (std::uint64_t seed)) {
  Rng rng = Rng(seed).stream(Purpose::test);
  Tally tally;
  auto const world = random_world({.requests = 9}, rng.stream(Purpose::demand));
  expect_right(*world, world->instance.vehicles[0].rests.empty(), rng, tally);
  RC_ASSERT(!testing::Test::HasFatalFailure());
}

TEST(Closure, is_never_in_doubt_where_no_detour_is_a_shortcut_and_no_rest_moves) {
  Tally tally;
  for (std::uint64_t seed = 0; seed < 250; ++seed) {
    Rng rng(seed);
    auto const world = random_world({.requests = 9, .rests = false}, rng.stream(Purpose::demand));
    expect_right(*world, true, rng, tally);
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed;
  }
  EXPECT_GT(tally.yes, 500);
  EXPECT_GT(tally.no, 500);
}

RC_GTEST_PROP(Closure, is_only_ever_careful_where_detours_are_shortcuts, (std::uint64_t seed)) {
  Rng rng = Rng(seed).stream(Purpose::test);
  Tally tally;
  auto const world = random_world({.requests = 9, .detours_pay = true}, rng.stream(Purpose::demand));
  expect_right(*world, false, rng, tally);
  RC_ASSERT(!testing::Test::HasFatalFailure());
}

}  // namespace
}  // namespace regulus::schedule::test
