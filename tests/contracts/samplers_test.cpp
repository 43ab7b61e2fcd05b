// What every sampler of the registry must hold to.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "tests/tune/builders.h"
#include "tune/sampler.h"
#include "tune/samplers/random.h"
#include "tune/space.h"

namespace regulus::tune {
namespace {

Distribution any_distribution(Rng& rng) {
  switch (rng.below(8)) {
    case 0:
      return real(-5, 5);
    case 1:
      return log_real(1e-9, 1e3);
    case 2:
      return stepped(0, 0.3, 0.1);
    case 3:
      return whole(-3, 40);
    case 4:
      return whole(0, 10, 3);  // 10 is not on the grid
    case 5:
      return log_whole(1, 1'000'000);
    case 6:
      return one_of({Json("a"), Json(), Json(3), Json(true)});
    default:
      return rng.chance(0.5) ? whole(7, 7) : one_of({Json("only")});
  }
}

SearchSpace any_space(Rng& rng) {
  SearchSpace space;
  auto const size = rng.below(6);
  for (std::uint64_t d = 0; d < size; ++d)
    space.emplace(std::string(1, static_cast<char>('a' + d)), any_distribution(rng));
  return space;
}

double any_value(Rng& rng) {
  switch (rng.below(6)) {
    case 0:
      return std::numeric_limits<double>::quiet_NaN();
    case 1:
      return std::numeric_limits<double>::infinity();
    case 2:
      return -std::numeric_limits<double>::infinity();
    case 3:
      return 1;  // many equal ones
    default:
      return rng.normal();
  }
}

// A history as a long and troubled study leaves it: every state, odd values, parameters missing, out of bounds, from
// other bounds.
std::vector<Trial> any_history(Rng& rng, SearchSpace const& space) {
  std::vector<Trial> history;
  auto const size = rng.below(60);
  bool const tidy = rng.chance(0.5);
  RngSource source(rng.stream(Purpose::test));
  for (std::uint64_t i = 0; i < size; ++i) {
    Trial trial = a_trial(static_cast<int>(i), static_cast<TrialState>(rng.below(5)));
    if (trial.state == TrialState::complete) trial.values = {any_value(rng)};
    if (trial.state == TrialState::pruned || trial.state == TrialState::running) {
      for (std::uint64_t r = rng.below(3); r > 0; --r)
        trial.intermediate[static_cast<int>(rng.below(9))] = any_value(rng);
    }
    for (auto const& [name, distribution] : space) {
      trial.distributions[name] = distribution;
      trial.params[name] = random_value(distribution, source);
      if (tidy || rng.chance(0.8)) continue;
      if (rng.chance(0.5)) {
        trial.params[name] = rng.chance(0.3) ? any_value(rng) : 1e4 * rng.normal();
        if (rng.chance(0.5)) trial.distributions[name] = real(-1e6, 1e6);
      } else {
        trial.params.erase(name);
        trial.distributions.erase(name);
      }
    }
    history.push_back(std::move(trial));
  }
  return history;
}

Direction any_direction(Rng& rng) { return rng.chance(0.5) ? Direction::minimize : Direction::maximize; }

std::vector<std::unique_ptr<Sampler>> all_samplers() {
  std::vector<std::unique_ptr<Sampler>> samplers;
  SamplerConfig univariate;
  univariate.tpe_multivariate = false;
  univariate.tpe_startup_trials = 0;
  for (std::string const& name : sampler_names()) {
    samplers.push_back(make_sampler(name).take());
    samplers.push_back(make_sampler(name, univariate).take());
  }
  return samplers;
}

RC_GTEST_PROP(Samplers, propose_one_value_inside_each_distribution, (std::uint64_t luck)) {
  Rng rng(luck);
  SearchSpace const space = any_space(rng);
  std::vector<Trial> const history = any_history(rng, space);
  for (auto const& sampler : all_samplers()) {
    auto const params = sampler->propose(space, history, rng, any_direction(rng));
    RC_ASSERT(params.size() == space.size());
    for (auto const& [name, distribution] : space) RC_ASSERT(contains(distribution, params.at(name)));
  }
}

RC_GTEST_PROP(Samplers, give_the_same_answer_to_the_same_question_whatever_was_asked_before, (std::uint64_t luck)) {
  Rng rng(luck);
  SearchSpace const space = any_space(rng);
  SearchSpace const other_space = any_space(rng);
  std::vector<Trial> const history = any_history(rng, space);
  std::vector<Trial> const other_history = any_history(rng, other_space);
  auto const asked_before = all_samplers();
  auto const fresh = all_samplers();
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    asked_before[i]->propose(other_space, other_history, rng.stream(Purpose::sampler), Direction::maximize);
    RC_ASSERT(asked_before[i]->propose(space, history, rng, Direction::minimize) ==
              fresh[i]->propose(space, history, rng, Direction::minimize));
  }
}

RC_GTEST_PROP(Samplers, learn_nothing_from_failed_trials_and_from_the_results_of_running_ones, (std::uint64_t luck)) {
  Rng rng(luck);
  SearchSpace const space = any_space(rng);
  std::vector<Trial> const history = any_history(rng, space);
  std::vector<Trial> expurgated;
  for (Trial trial : history) {
    if (trial.state == TrialState::fail) continue;
    if (trial.state == TrialState::running) {
      trial.values.clear();
      trial.intermediate.clear();
    }
    expurgated.push_back(std::move(trial));
  }
  for (auto const& sampler : all_samplers()) {
    RC_ASSERT(sampler->propose(space, history, rng, Direction::minimize) ==
              sampler->propose(space, expurgated, rng, Direction::minimize));
  }
}

TEST(Samplers, give_different_trials_different_proposals) {
  SearchSpace const space{{"x", real(0, 1)}};
  for (auto const& sampler : all_samplers()) {
    EXPECT_NE(sampler->propose(space, {}, proposal_rng(1, 0), Direction::minimize),
              sampler->propose(space, {}, proposal_rng(1, 1), Direction::minimize));
    EXPECT_NE(sampler->propose(space, {}, proposal_rng(1, 0), Direction::minimize),
              sampler->propose(space, {}, proposal_rng(2, 0), Direction::minimize));
  }
}

TEST(Samplers, an_unknown_name_is_answered_with_the_known_ones) {
  auto const sampler = make_sampler("tep");
  ASSERT_FALSE(sampler);
  EXPECT_NE(sampler.error().message.find("did you mean tpe?"), std::string::npos) << sampler.error().message;
}

}  // namespace
}  // namespace regulus::tune
