#include "sim/scenario.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <mutex>

#include "core/config.h"
#include "sim/demand.h"
#include "sim/families/families.h"
#include "sim/recorded_days.h"

namespace regulus::sim {

std::span<Family const> families() {
  static Family const all[] = {
#define FAMILY(name, config, summary) \
  {name, summary, [](std::uint64_t seed) { return generate_day(name, config(), seed); }, config},
#include "sim/families.def"
#undef FAMILY
  };
  return all;
}

namespace {

Result<Family const*> recorded_family(std::string const& folder) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<Family>> known;  // by folder, never taken away again
  std::lock_guard const lock(mutex);
  std::unique_ptr<Family>& family = known[folder];
  if (family) return family.get();
  Result<RecordedDays> days = RecordedDays::open(folder);
  if (!days) {
    known.erase(folder);
    return days.error();
  }
  auto const recorded = std::make_shared<RecordedDays const>(days.take());
  family = std::make_unique<Family>(Family{.name = recorded->name(),
                                           .summary = fmt::format("{} days of {}", recorded->size(), folder),
                                           .generate = [recorded](std::uint64_t seed) { return recorded->day(seed); }});
  return family.get();
}

}  // namespace

Result<Family const*> find_family(std::string_view name) {
  if (is_path(name)) return recorded_family(std::string(name));
  std::vector<std::string> names;
  for (Family const& family : families()) {
    if (family.name == name) return &family;
    names.emplace_back(family.name);
  }
  return Error{ErrorKind::not_found, fmt::format("scenario = {} is not known{} (known: {})", name,
                                                 suggestion(name, names), fmt::join(names, ", "))};
}

}  // namespace regulus::sim
