#include "rl/decisions.h"

#include "core/check.h"

namespace regulus::rl {

std::vector<Decision> greedy_decisions(QNetwork const& network, Environment& environment, std::uint64_t first_seed,
                                       std::size_t count) {
  REGULUS_CHECK(network.width() == environment.width() && network.actions() == environment.actions());
  std::vector<Decision> decisions;
  QScratch scratch;
  for (std::uint64_t seed = first_seed; decisions.size() < count; ++seed) {
    environment.reset(seed);
    for (bool over = false; !over && decisions.size() < count;) {
      Decision decision;
      environment.observe(decision.observation);
      auto const values = network.values(decision.observation, scratch);
      decision.values.assign(values.begin(), values.end());
      decision.choice = network.best_choice(decision.observation, scratch);
      over = environment.step(decision.choice).over;
      decisions.push_back(std::move(decision));
    }
  }
  return decisions;
}

nn::ModelFile decisions_file(std::span<Decision const> decisions) {
  REGULUS_CHECK(!decisions.empty());
  Observation const& first = decisions.front().observation;
  bool const pairs = first.has_candidates();
  REGULUS_CHECK(first.rows > 0);
  std::size_t const width = first.features.size() / static_cast<std::size_t>(first.rows);
  auto const states = static_cast<std::int64_t>(decisions.size());

  std::int64_t rows = 0;
  std::vector<float> features;
  std::vector<float> baseline;
  std::vector<float> legal;
  std::vector<float> rows_of_state;
  std::vector<float> values;
  std::vector<float> choice;
  auto const append = [](std::vector<float>& to, auto const& from) { to.insert(to.end(), from.begin(), from.end()); };
  for (Decision const& decision : decisions) {
    Observation const& o = decision.observation;
    REGULUS_CHECK(o.legal.size() == first.legal.size() && o.baseline.empty() == first.baseline.empty());
    REGULUS_CHECK(o.features.size() == static_cast<std::size_t>(o.rows) * width);
    REGULUS_CHECK(decision.values.size() == static_cast<std::size_t>(o.choices()) && o.is_legal(decision.choice));
    rows += o.rows;
    append(features, o.features);
    append(baseline, o.baseline);
    append(legal, o.legal);
    append(values, decision.values);
    rows_of_state.push_back(static_cast<float>(o.rows));
    choice.push_back(static_cast<float>(decision.choice));
  }

  auto const columns = static_cast<std::int64_t>(width);
  auto const actions = static_cast<std::int64_t>(first.legal.size());
  nn::ModelFile file;
  file.metadata = {{"format", "regulus-decisions-1"}};
  file.tensors.push_back({pairs ? "rows" : "observation", {rows, columns}, std::move(features)});
  if (!baseline.empty()) file.tensors.push_back({"baseline", {rows}, std::move(baseline)});
  if (pairs) {
    file.tensors.push_back({"rows_of_state", {states}, std::move(rows_of_state)});
    file.tensors.push_back({"values", {rows}, std::move(values)});
  } else {
    file.tensors.push_back({"legal", {states, actions}, std::move(legal)});
    file.tensors.push_back({"values", {states, actions}, std::move(values)});
  }
  file.tensors.push_back({"choice", {states}, std::move(choice)});
  return file;
}

}  // namespace regulus::rl
