#include "lab/trust.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/stats.h"

namespace regulus::lab {

namespace {
constexpr double clear = 2;  // standard errors
}

double chosen_trust(std::span<TrustTrial const> trials, std::span<std::size_t const> days) {
  auto const none = std::ranges::find(trials, 0.0, &TrustTrial::trust);
  REGULUS_CHECK(none != trials.end());
  double chosen = 0, highest = 0;  // as leads over trust 0
  for (TrustTrial const& trial : trials) {
    if (trial.trust == 0 || days.size() < 2) continue;
    std::vector<double> leads;
    for (std::size_t const day : days) leads.push_back(trial.rewards[day] - none->rewards[day]);
    double const lead = mean(leads);
    double const error = standard_deviation(leads) / std::sqrt(static_cast<double>(leads.size()));
    bool const better = lead > highest || (lead == highest && trial.trust < chosen);
    if (lead > clear * error && better) {
      chosen = trial.trust;
      highest = lead;
    }
  }
  return chosen;
}

dispatch::Trust chosen_trust(std::span<TrustTrial const> trials, std::span<std::size_t const> family_of_day,
                             std::vector<std::string> const& families) {
  dispatch::Trust trust;
  for (std::size_t f = 0; f < families.size(); ++f) {
    std::vector<std::size_t> days;
    for (std::size_t i = 0; i < family_of_day.size(); ++i) {
      if (family_of_day[i] == f) days.push_back(i);
    }
    trust.by_kind[families[f]] = chosen_trust(trials, days);
  }
  auto const least = std::ranges::min_element(trust.by_kind, {}, [](auto const& kind) { return kind.second; });
  trust.otherwise = least == trust.by_kind.end() ? 0 : least->second;
  return trust;
}

}  // namespace regulus::lab
