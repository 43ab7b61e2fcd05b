#include "sim/recorded_days.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <set>

#include "core/seeds.h"
#include "domain/day_file.h"
#include "sim/scenario.h"
#include "tests/support/temporary_folder.h"

namespace regulus::sim {
namespace {

using regulus::testing::TemporaryFolder;

// Days of a family with returns, named by date from 2026-03-01 on.
struct Folder {
  TemporaryFolder root;
  std::vector<Day> days;

  explicit Folder(int count) {
    std::filesystem::create_directory(path());
    for (int k = 0; k < count; ++k) {
      Day day = (*find_family("geneva-medical"))->generate(static_cast<std::uint64_t>(k));
      day.date = fmt::format("2026-03-{:02}", k + 1);
      put(day.date + ".json", to_json(day).dump());
      days.push_back(std::move(day));
    }
    put("notes.txt", "not a day");
  }
  std::filesystem::path path() const { return root.path("valais"); }
  void put(std::string const& name, std::string const& text) const { std::ofstream(path() / name) << text; }
};

std::set<std::string> dates(RecordedDays const& recorded, Role role, std::uint64_t count = 300) {
  std::set<std::string> seen;
  for (std::uint64_t k = 0; k < count; ++k) seen.insert(recorded.day(scenario_seed(role, 7, k)).date);
  return seen;
}

TEST(RecordedDays, are_kept_apart_by_what_they_are_for) {
  Folder const folder(10);
  auto const recorded = RecordedDays::open(folder.path());
  ASSERT_TRUE(recorded) << recorded.error().message;
  EXPECT_EQ(recorded->name(), "valais");
  std::set<std::string> const learn = {"2026-03-01", "2026-03-02", "2026-03-03",
                                       "2026-03-04", "2026-03-05", "2026-03-06"};
  std::set<std::string> const choose = {"2026-03-07", "2026-03-08"}, report = {"2026-03-09", "2026-03-10"};
  EXPECT_EQ(dates(*recorded, Role::train), learn);
  EXPECT_EQ(dates(*recorded, Role::warmup), learn);
  EXPECT_EQ(dates(*recorded, Role::tune), choose);
  EXPECT_EQ(dates(*recorded, Role::select), choose);
  EXPECT_EQ(dates(*recorded, Role::validate), report);
  EXPECT_EQ(dates(*recorded, Role::test), report);
}

TEST(RecordedDays, of_five_days_keep_one_to_choose_and_one_to_report_on) {
  Folder const folder(5);
  auto const recorded = RecordedDays::open(folder.path());
  ASSERT_TRUE(recorded);
  EXPECT_EQ(dates(*recorded, Role::train).size(), 3U);
  EXPECT_EQ(dates(*recorded, Role::select), std::set<std::string>{"2026-03-04"});
  EXPECT_EQ(dates(*recorded, Role::test), std::set<std::string>{"2026-03-05"});
}

TEST(RecordedDays, are_reported_on_as_they_were_but_for_their_luck) {
  Folder const folder(5);
  auto const recorded = RecordedDays::open(folder.path());
  ASSERT_TRUE(recorded);
  std::set<std::uint64_t> luck;
  for (std::uint64_t k = 0; k < 20; ++k) {
    Day day = recorded->day(scenario_seed(Role::test, 0, k));
    EXPECT_EQ(day.name, "valais");
    luck.insert(day.reality.seed);
    day.name = folder.days[4].name;
    day.reality.seed = folder.days[4].reality.seed;
    EXPECT_EQ(day, folder.days[4]);
  }
  EXPECT_EQ(luck.size(), 20U);
}

RC_GTEST_PROP(RecordedDays, to_learn_on_are_legal_parts_of_one_day, (std::uint64_t index)) {
  static Folder const folder(6);
  static auto const recorded = RecordedDays::open(folder.path());
  std::uint64_t const seed = scenario_seed(Role::train, 1, index % 1'000'000);
  Day const day = recorded->day(seed);
  RC_ASSERT(day == recorded->day(seed));
  RC_ASSERT(static_cast<bool>(check_day(day)));
  auto const whole = std::ranges::find(folder.days, day.date, &Day::date);
  RC_ASSERT(whole != folder.days.end());
  RC_ASSERT(day.drivers == whole->drivers);
  std::set<BookingId> kept;
  for (Booking const& b : day.bookings) kept.insert(b.id);
  for (Booking const& b : whole->bookings) {
    if (kept.contains(b.id)) RC_ASSERT(day.bookings[static_cast<std::size_t>(day.booking_position(b.id))] == b);
    if (b.linked != 0) RC_ASSERT(kept.contains(b.id) == kept.contains(b.linked));
  }
}

TEST(RecordedDays, to_learn_on_lose_a_tenth_of_their_rides) {
  Folder const folder(5);
  auto const recorded = RecordedDays::open(folder.path());
  ASSERT_TRUE(recorded);
  double share = 0;
  constexpr int count = 400;
  for (std::uint64_t k = 0; k < count; ++k) {
    Day const day = recorded->day(scenario_seed(Role::train, 3, k));
    auto const whole = std::ranges::find(folder.days, day.date, &Day::date);
    share += static_cast<double>(day.bookings.size()) / static_cast<double>(whole->bookings.size()) / count;
  }
  EXPECT_NEAR(share, 0.9, 0.02);
}

TEST(RecordedDays, that_are_none_are_refused_by_name) {
  auto const missing = RecordedDays::open("/nowhere/days");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_NE(missing.error().message.find("/nowhere/days"), std::string::npos);

  Folder const few(4);
  auto const refused = RecordedDays::open(few.path());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("4 days"), std::string::npos) << refused.error().message;

  few.put("2026-03-05.json", "{}");
  auto const broken = RecordedDays::open(few.path());
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("2026-03-05.json"), std::string::npos) << broken.error().message;
}

TEST(FindFamily, takes_a_path_for_a_companys_own_days_and_reads_them_once) {
  Folder const folder(5);
  auto const family = find_family(folder.path().string() + "/");
  ASSERT_TRUE(family) << family.error().message;
  EXPECT_EQ((*family)->name, "valais");
  EXPECT_EQ(*family, *find_family(folder.path().string() + "/"));
  EXPECT_EQ((*family)->generate(900'000).name, "valais");
  EXPECT_FALSE(find_family("./no-such-folder"));
  // Once there are days it is found.
  EXPECT_FALSE(find_family("valais"));
}

}  // namespace
}  // namespace regulus::sim
