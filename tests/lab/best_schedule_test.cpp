#include "lab/best_schedule.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "core/rng.h"

namespace regulus::lab {
namespace {

using Table = std::vector<std::vector<float>>;  // jobs × steps

BestSchedule solved(Table const& table, int steps) {
  BestSchedule schedule;
  auto const values = schedule.values(static_cast<int>(table.size()), steps);
  auto out = values.begin();
  for (auto const& row : table) out = std::ranges::copy(row, out).out;
  schedule.solve();
  return schedule;
}

// Tries every way to give jobs steps of their own, or none.
float best_by_trying(Table const& table, std::size_t job, std::vector<bool>& taken) {
  if (job == table.size()) return 0;
  float best = best_by_trying(table, job + 1, taken);
  for (std::size_t t = 0; t < taken.size(); ++t) {
    if (taken[t]) continue;
    taken[t] = true;
    best = std::max(best, table[job][t] + best_by_trying(table, job + 1, taken));
    taken[t] = false;
  }
  return best;
}

float best_by_trying(Table const& table, int steps) {
  std::vector<bool> taken(static_cast<std::size_t>(steps), false);
  return best_by_trying(table, 0, taken);
}

TEST(BestSchedule, serves_the_job_that_cannot_wait_first) {
  // Serving job 0 first and job 1 second: 50 + 70 = 120. The other way round only 80, for job 0 is lost.
  BestSchedule const schedule = solved({{50, 0}, {80, 70}}, 2);
  EXPECT_EQ(schedule.total(), 120);
  // Without job 0 the other would go first and earn 80; without job 1 50 are left.
  EXPECT_EQ(schedule.worth(0), 40);
  EXPECT_EQ(schedule.worth(1), 70);
}

TEST(BestSchedule, leaves_the_cheapest_job_unserved_when_steps_are_short) {
  BestSchedule const schedule = solved({{30}, {90}, {60}}, 1);
  EXPECT_EQ(schedule.total(), 90);
  EXPECT_FALSE(schedule.is_served(0));
  EXPECT_TRUE(schedule.is_served(1));
  EXPECT_EQ(schedule.worth(0), 0);
  EXPECT_EQ(schedule.worth(1), 30);  // the job at 60 would take its place
}

TEST(BestSchedule, is_worth_nothing_without_steps_or_jobs) {
  EXPECT_EQ(solved({}, 3).total(), 0);
  BestSchedule const schedule = solved({{}, {}}, 0);
  EXPECT_EQ(schedule.total(), 0);
  EXPECT_EQ(schedule.worth(1), 0);
}

RC_GTEST_PROP(BestSchedule, total_and_worths_equal_those_of_trying_everything, (std::uint64_t seed)) {
  Rng rng(seed);
  int const jobs = static_cast<int>(rng.below(6));
  int const steps = static_cast<int>(rng.below(6));
  Table table(static_cast<std::size_t>(jobs), std::vector<float>(static_cast<std::size_t>(steps)));
  for (auto& row : table) {
    for (float& value : row) value = rng.chance(0.3) ? 0.0F : static_cast<float>(rng.below(12)) * 10;
  }
  BestSchedule const schedule = solved(table, steps);
  float const best = best_by_trying(table, steps);
  RC_ASSERT(std::abs(schedule.total() - best) < 0.01F);
  for (int job = 0; job < jobs; ++job) {
    Table without = table;
    without.erase(without.begin() + job);
    RC_ASSERT(std::abs(schedule.worth(job) - (best - best_by_trying(without, steps))) < 0.01F);
  }
}

}  // namespace
}  // namespace regulus::lab
