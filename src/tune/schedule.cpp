#include "tune/schedule.h"

#include <algorithm>

#include "core/check.h"

namespace regulus::tune {

bool may_start(int number, std::span<Trial const> all, int lag) {
  REGULUS_CHECK(lag >= 1);
  int finished = 0, proposed = 0;
  for (Trial const& trial : all) {
    if (trial.number <= number - lag) {
      finished += trial.finished() ? 1 : 0;
    } else if (trial.number < number) {
      proposed += trial.finished() || !trial.params.empty() ? 1 : 0;
    }
  }
  int const settled = std::max(0, number - lag + 1);
  return finished == settled && proposed == number - settled;
}

std::vector<Trial> visible_to(int number, std::span<Trial const> all, int lag) {
  REGULUS_CHECK(may_start(number, all, lag));
  std::vector<Trial> visible;
  visible.reserve(static_cast<std::size_t>(number));
  for (Trial const& trial : all) {
    if (trial.number <= number - lag) {
      visible.push_back(trial);
    } else if (trial.number < number) {
      Trial running;
      running.number = trial.number;
      running.params = trial.params;
      running.distributions = trial.distributions;
      visible.push_back(std::move(running));
    }
  }
  std::ranges::sort(visible, {}, &Trial::number);
  return visible;
}

}  // namespace regulus::tune
