#include "travel/fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/files.h"
#include "core/rng.h"

namespace regulus::travel {
namespace {

// Rides of a town with these speeds, north to south, 1 to 8 km long; `noise` is the spread of the logarithm of a
// duration.
std::vector<Observation> rides_of(SpeedProfile const& town, int count, std::vector<int> const& hours, double noise,
                                  std::uint64_t seed) {
  Rng rng = Rng(seed).stream(Purpose::test);
  std::vector<Observation> rides;
  for (int i = 0; i < count; ++i) {
    Observation ride;
    ride.from = {41.15, -8.61};
    ride.to = {41.15 + rng.uniform(0.009, 0.072), -8.61};
    auto const hour = hours[rng.below(hours.size())];
    ride.departed = hour * one_hour + rng.between(0, 3'599);
    double const metres = town.detour * great_circle(ride.from, ride.to);
    double const seconds = town.start_seconds + metres * 3.6 / town.kmh[static_cast<std::size_t>(hour)];
    ride.seconds = std::llround(seconds * std::exp(noise * rng.normal()));
    ride.metres = std::llround(metres);
    rides.push_back(ride);
  }
  return rides;
}

std::vector<int> all_hours() {
  std::vector<int> hours(24);
  for (int h = 0; h < 24; ++h) hours[static_cast<std::size_t>(h)] = h;
  return hours;
}

TEST(Fit, finds_the_speeds_of_a_town_without_noise) {
  SpeedProfile town{.detour = 1.5, .start_seconds = 120, .kmh = {}};
  town.kmh.fill(40);
  SpeedProfile flat;
  flat.kmh.fill(25);
  Result<SpeedProfile> const fitted = fit_speeds(rides_of(town, 400, all_hours(), 0, 1), flat);
  ASSERT_TRUE(fitted) << fitted.error().message;
  EXPECT_NEAR(fitted->detour, 1.5, 0.011);
  EXPECT_NEAR(fitted->start_seconds, 120, 3);
  for (double const kmh : fitted->kmh) EXPECT_NEAR(kmh, 40, 0.5);
  EXPECT_LT(error_of(*fitted, rides_of(town, 100, all_hours(), 0, 2)).mape, 1);
}

TEST(Fit, finds_the_slow_morning_of_a_town_with_noise) {
  SpeedProfile town{.detour = 1.4, .start_seconds = 150, .kmh = {}};
  town.kmh.fill(36);
  town.kmh[8] = 18;
  Result<SpeedProfile> const fitted = fit_speeds(rides_of(town, 3'000, {6, 7, 8, 9}, 0.25, 1));
  ASSERT_TRUE(fitted) << fitted.error().message;
  EXPECT_NEAR(fitted->kmh[8], 18, 3);
  EXPECT_NEAR(fitted->kmh[6], 36, 6);
  auto const fresh = rides_of(town, 1'000, {6, 7, 8, 9}, 0.25, 2);
  EXPECT_LT(error_of(*fitted, fresh).mape, error_of(SpeedProfile{}, fresh).mape);
  EXPECT_NEAR(error_of(*fitted, fresh).median_ape, error_of(town, fresh).median_ape, 2);
}

// One ride in twenty waits an hour with its meter on.
TEST(Fit, is_not_pulled_away_by_a_few_wild_rides) {
  SpeedProfile town;
  town.kmh.fill(30);
  SpeedProfile flat = town;
  auto rides = rides_of(town, 600, all_hours(), 0.1, 3);
  for (std::size_t i = 0; i < rides.size(); i += 20) {
    rides[i].seconds += 3'600;
    rides[i].metres *= 20;
  }
  Result<SpeedProfile> const fitted = fit_speeds(rides, flat);
  ASSERT_TRUE(fitted);
  EXPECT_NEAR(fitted->detour, 1.35, 0.02);
  EXPECT_LT(std::abs(error_of(*fitted, rides_of(town, 300, all_hours(), 0, 4)).mean_error), 30);
}

// With shrinkage of 30 rides, two rides of an hour move it 2 / 32 of the way to what they say.
TEST(Fit, an_hour_of_few_rides_stays_near_the_others) {
  SpeedProfile town;
  town.kmh.fill(30);
  auto rides = rides_of(town, 500, {9}, 0, 5);
  SpeedProfile crawl = town;
  crawl.kmh.fill(10);
  auto const two = rides_of(crawl, 2, {17}, 0, 6);
  rides.insert(rides.end(), two.begin(), two.end());
  Result<SpeedProfile> const fitted = fit_speeds(rides, town);
  ASSERT_TRUE(fitted);
  EXPECT_NEAR(fitted->kmh[9], 30, 0.5);
  EXPECT_LT(fitted->kmh[17], 29);
  EXPECT_GT(fitted->kmh[17], 24);
}

// All rides at nine, at 40 km/h. The known profile says that midnight is twice as fast as nine.
TEST(Fit, an_hour_without_rides_is_bent_as_the_known_profile_is) {
  SpeedProfile town;
  town.kmh.fill(40);
  SpeedProfile known;
  known.kmh.fill(20);
  known.kmh[0] = 40;
  Result<SpeedProfile> const fitted = fit_speeds(rides_of(town, 200, {9}, 0, 7), known);
  ASSERT_TRUE(fitted);
  EXPECT_NEAR(fitted->kmh[9], 40, 0.5);
  EXPECT_NEAR(fitted->kmh[15], 40, 0.5);
  EXPECT_NEAR(fitted->kmh[0], 80, 1);
}

TEST(Fit, rides_of_one_length_give_a_sensible_profile) {
  std::vector<Observation> rides(40);
  for (auto& ride : rides) {
    ride.from = {41.15, -8.61};
    ride.to = {41.18, -8.61};
    ride.departed = 9 * one_hour;
    ride.seconds = 600;
  }
  Result<SpeedProfile> const fitted = fit_speeds(rides);
  ASSERT_TRUE(fitted);
  EXPECT_EQ(fitted->detour, SpeedProfile{}.detour) << "no ride says how far it was";
  EXPECT_LT(error_of(*fitted, rides).mape, 1);
}

TEST(Fit, of_too_few_usable_rides_is_an_error) {
  std::vector<Observation> rides(40);  // from a place to itself, in no time
  Result<SpeedProfile> const fitted = fit_speeds(rides);
  ASSERT_FALSE(fitted);
  EXPECT_EQ(fitted.error().message, "0 of 40 rides are usable (30 s to 6 h long, over at least 200 m); speeds need 20");
}

TEST(Fit, holds_out_the_share_that_was_asked_for_and_loses_nothing) {
  auto const rides = rides_of({}, 101, all_hours(), 0.2, 8);
  Holdout const parts = hold_out(rides, 0.2, 1);
  EXPECT_EQ(parts.held_out.size(), 20U);
  EXPECT_EQ(parts.fitted.size(), 81U);
  auto const sum = [](std::vector<Observation> const& some) {
    Seconds total = 0;
    for (Observation const& ride : some) total += ride.seconds;
    return total;
  };
  EXPECT_EQ(sum(parts.fitted) + sum(parts.held_out), sum(rides));
  EXPECT_EQ(sum(hold_out(rides, 0.2, 1).fitted), sum(parts.fitted));
  EXPECT_NE(sum(hold_out(rides, 0.2, 2).fitted), sum(parts.fitted));
}

// Predicted 60 + 1.35 × 1,000 × 3.6 / 30 = 222 s for about a kilometre.
TEST(Fit, errors_are_shares_of_what_was_observed) {
  SpeedProfile profile;
  profile.kmh.fill(30);
  Observation ride;
  ride.from = {41, 0};
  ride.to = {41 + 1'000 / (6'371'008.8 * 3.14159265358979 / 180), 0};
  std::vector<Observation> rides(3, ride);
  rides[0].seconds = 222;  // right
  rides[1].seconds = 444;  // half of it
  rides[2].seconds = 111;  // twice
  FitError const error = error_of(profile, rides);
  EXPECT_EQ(error.rides, 3);
  EXPECT_NEAR(error.mape, 50, 0.1);  // (0 + 50 + 100) / 3
  EXPECT_NEAR(error.median_ape, 50, 0.1);
  EXPECT_NEAR(error.mean_error, -37, 0.1);  // (0 - 222 + 111) / 3
}

// The yardstick: real taxi rides of one morning. What is asserted is only that learning helps.
TEST(Fit, of_a_morning_in_porto_beats_the_profile_that_knows_nothing_of_it) {
  Result<std::string> const csv = read_file(std::string(REGULUS_SOURCE_DIR) + "/benchmarks/rides/porto_2013-07-01.csv");
  ASSERT_TRUE(csv);
  Result<Import> const import = import_bookings(*csv, {});
  ASSERT_TRUE(import) << import.error().message;
  std::vector<Observation> usable;
  std::ranges::copy_if(import->observed, std::back_inserter(usable), is_usable);
  EXPECT_GT(usable.size(), 900U);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Holdout const parts = hold_out(usable, 0.2, seed);
    Result<SpeedProfile> const fitted = fit_speeds(parts.fitted);
    ASSERT_TRUE(fitted) << fitted.error().message;
    FitError const before = error_of({}, parts.held_out), after = error_of(*fitted, parts.held_out);
    EXPECT_LT(after.mape, before.mape) << seed;
    EXPECT_LT(after.median_ape, before.median_ape) << seed;
  }
}

TEST(Speeds, read_back_as_they_were_written) {
  SpeedProfile profile{.detour = 1.47, .start_seconds = 210, .kmh = {}};
  for (std::size_t h = 0; h < 24; ++h) profile.kmh[h] = 20.5 + static_cast<double>(h);
  Result<SpeedProfile> const read = parse_speeds(to_json(profile).dump(2));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, profile);
}

TEST(Speeds, are_written_as_the_format_says) {
  SpeedProfile profile{.detour = 1.5, .start_seconds = 90, .kmh = {}};
  profile.kmh.fill(30);
  std::string expected = R"({"format":"regulus-speeds-1","detour":1.5,"start_seconds":90.0,"kmh":[30.0)";
  for (int h = 1; h < 24; ++h) expected += ",30.0";
  EXPECT_EQ(to_json(profile).dump(), expected + "]}");
}

TEST(Speeds, that_are_damaged_are_refused_with_path_and_value) {
  std::string const whole = to_json(SpeedProfile{}).dump();
  auto const with = [&](std::string const& from, std::string const& to) {
    std::string text = whole;
    std::size_t const at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  for (auto const& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"", "line 1"},
           {"[]", "\"format\" is not"},
           {with("speeds-1", "speeds-2"), "\"format\" is not"},
           {with("\"detour\":1.35,", ""), "detour is missing"},
           {with("\"detour\"", "\"detuor\""), "detuor is not known"},
           {with("1.35", "0.9"), "detour = 0.9 is not a number between 1 and 5"},
           {with("1.35", "\"1.35\""), "detour = \"1.35\""},
           {with("60.0", "-1"), "start_seconds = -1"},
           {with("[32.0,", "["), "kmh is not a list of 24"},
           {with("[32.0,", "[0.5,"), "kmh[0] = 0.5"},
           {with("[32.0,", "[null,"), "kmh[0] = null"},
       }) {
    Result<SpeedProfile> const read = parse_speeds(text);
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().message.find(part), std::string::npos) << read.error().message;
  }
}

}  // namespace
}  // namespace regulus::travel
