#include "sim/classic_policy.h"

#include <fmt/format.h>

#include "core/config.h"

namespace regulus::sim {

#define POLICY(name) std::unique_ptr<ClassicPolicy> make_##name();
#include "sim/classic_policies.def"
#undef POLICY

namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<ClassicPolicy> (*make)();
};

constexpr Entry entries[] = {
#define POLICY(name) {#name, make_##name},
#include "sim/classic_policies.def"
#undef POLICY
};

}  // namespace

std::vector<std::string> classic_policy_names() {
  std::vector<std::string> names;
  for (Entry const& entry : entries) names.emplace_back(entry.name);
  return names;
}

Result<std::unique_ptr<ClassicPolicy>> make_classic_policy(std::string_view name) {
  for (Entry const& entry : entries) {
    if (entry.name == name) return entry.make();
  }
  auto const names = classic_policy_names();
  return invalid(fmt::format("policy = {} is not known{} (known: {}, model:FILE)", name, suggestion(name, names),
                             fmt::join(names, ", ")));
}

int nearest_driver(ClassicWorld const& world, int slot) {
  int best = -1;
  double best_km = 0;
  for (int driver = 0; driver < world.config().num_drivers; ++driver) {
    if (!world.is_valid_pair(driver, slot) || !world.is_legal(world.action_of(driver, slot))) continue;
    double const km = ClassicWorld::distance_km(world.drivers()[static_cast<std::size_t>(driver)].at,
                                                world.bookings()[static_cast<std::size_t>(slot)].pickup);
    if (best < 0 || km < best_km) {
      best = driver;
      best_km = km;
    }
  }
  return best;
}

ClassicDay play_day(ClassicWorld& world, ClassicPolicy const& policy, std::uint64_t seed) {
  world.reset(seed);
  Rng const coins = Rng(seed).stream(Purpose::policy);
  while (!world.done()) {
    Rng const coin = coins.stream(Purpose::policy, static_cast<std::uint64_t>(world.minute()));
    world.step(policy.choose(world, coin));
  }
  return world.day();
}

}  // namespace regulus::sim
