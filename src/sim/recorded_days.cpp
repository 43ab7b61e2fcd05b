#include "sim/recorded_days.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/files.h"
#include "core/rng.h"
#include "core/seeds.h"
#include "domain/day_file.h"

namespace regulus::sim {

namespace {

constexpr double kept = 0.9;  // of the rides of a day to learn on

bool is_of(std::uint64_t seed, std::initializer_list<Role> roles) {
  return std::ranges::any_of(roles, [&](Role role) {
    SeedRange const range = seed_range(role);
    return seed >= range.first && seed - range.first < range.count;
  });
}

void thin(Day& day, Rng rng) {
  std::set<BookingId> gone;
  for (Booking const& b : day.bookings) {
    bool const decided_already = b.linked != 0 && b.linked < b.id;
    if (decided_already ? gone.contains(b.linked) : !rng.chance(kept)) gone.insert(b.id);
  }
  std::erase_if(day.bookings, [&](Booking const& b) { return gone.contains(b.id); });
  std::erase_if(day.reality.bookings, [&](BookingReality const& b) { return gone.contains(b.id); });
}

}  // namespace

Result<RecordedDays> RecordedDays::open(std::filesystem::path const& folder) {
  std::error_code problem;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem)) {
    if (at->path().extension() == ".json") files.push_back(at->path());
  }
  if (problem) {
    return Error{ErrorKind::not_found, fmt::format("{}: {}; name a folder of days (regulus import writes them)",
                                                   folder.string(), problem.message())};
  }
  std::ranges::sort(files);
  if (files.size() < fewest_days) {
    return invalid(fmt::format("{} holds {} days (*.json); {} is the least, to learn, to choose and to report on",
                               folder.string(), files.size(), fewest_days));
  }
  RecordedDays recorded;
  // "days/" names the folder as "days" does.
  auto const whole = std::filesystem::absolute(folder).lexically_normal();
  recorded.name_ = whole.has_filename() ? whole.filename().string() : whole.parent_path().filename().string();
  for (auto const& file : files) {
    Result<std::string> const text = read_file(file);
    if (!text) return text.error();
    Result<Day> day = parse_day(*text);
    if (!day) return day.error().in(file.string());
    recorded.days_.push_back(day.take());
    recorded.days_.back().name = recorded.name_;
  }
  return recorded;
}

Day RecordedDays::day(std::uint64_t seed) const {
  std::size_t const fifth = std::max<std::size_t>(1, days_.size() / 5);
  bool const reports = is_of(seed, {Role::validate, Role::test}), chooses = is_of(seed, {Role::tune, Role::select});
  std::size_t first = 0, count = days_.size() - 2 * fifth;
  if (chooses) first = count;
  if (reports) first = count + fifth;
  if (chooses || reports) count = fifth;
  Rng rng = Rng(seed).stream(Purpose::demand);
  Day day = days_[first + rng.below(count)];
  day.reality.seed = rng.next();
  if (!chooses && !reports) thin(day, rng);
  return day;
}

}  // namespace regulus::sim
