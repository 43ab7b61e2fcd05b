#include "dispatch/learned/plan_appraiser.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "dispatch/policy.h"
#include "tests/schedule/random_world.h"
#include "tests/support/random_situations.h"
#include "tests/support/random_values.h"

namespace regulus::dispatch {
namespace {

using regulus::testing::a_random_value;
using regulus::testing::RandomWorld;
using regulus::testing::with_a_silent_head;
using schedule::Money;

// A situation in the middle of a day, and the question that it is.
struct Asked {
  explicit Asked(std::uint64_t seed, ValueModel of = ValueModel(a_random_value(7)))
      : world(seed, {.drivers = 3, .bookings = 12}), value(std::move(of)) {
    auto const rule = make_policy("insertion", {}).take();
    Rng rng = Rng(seed).stream(Purpose::policy);
    for (auto rounds = rng.between(0, 3); rounds > 0; --rounds) {
      world.carry_out(rule->decide(world.situation(), rng));
      world.advance(world.fleet.now + rng.between(60, 5'400));
    }
    question = instance_of(world.situation(), world.fleet.undecided);
  }
  bool has_plans() const { return construct(question.instance, question.present, 1).cost < no_plan; }
  // Several plans for the same question.
  std::vector<Solution> plans() const {
    std::vector<Solution> some{question.present, construct(question.instance, question.present, 1)};
    for (std::uint64_t k = 0; k < 4; ++k) {
      SearchOptions options;
      options.iterations = 20;
      some.push_back(improve(question.instance, some[1], options, Rng(k)));
    }
    return some;
  }
  Money extra_cost(PlanAppraiser& appraiser, Solution const& solution) const {
    schedule::Compiled const compiled(question.instance);
    schedule::Workspace work(compiled);
    Plan plan(compiled, work, 16);
    RC_ASSERT(plan.assign(solution));
    return appraiser.extra_cost(plan);
  }

  RandomWorld world;
  ValueModel value;
  Question question;
};

RC_GTEST_PROP(PlanAppraiser, of_a_value_that_says_nothing_adds_nothing, (std::uint64_t seed)) {
  for (ValueModel const& value : {ValueModel(), ValueModel(with_a_silent_head(a_random_value(1)))}) {
    Asked const asked(seed, value);
    RC_PRE(asked.has_plans());
    Situation const situation = asked.world.situation();
    PlanContext const context(situation);
    PlanAppraiser appraiser(context, asked.question, {asked.value, 0.7});
    RC_ASSERT(appraiser.price_of_partner() == 0);
    for (Solution const& plan : asked.plans()) RC_ASSERT(asked.extra_cost(appraiser, plan) == 0);
  }
}

RC_GTEST_PROP(PlanAppraiser, depends_on_nothing_but_the_plan, (std::uint64_t seed)) {
  Asked const asked(seed);
  RC_PRE(asked.has_plans());
  Situation const situation = asked.world.situation();
  PlanContext const context(situation);
  PlanAppraiser one(context, asked.question, {asked.value, 0.7});
  RC_ASSERT(one.price_of_partner() >= 0);
  auto const plans = asked.plans();
  std::vector<Money> first;
  for (Solution const& plan : plans) first.push_back(asked.extra_cost(one, plan));
  PlanAppraiser other(context, asked.question, {asked.value, 0.7});
  for (std::size_t k = plans.size(); k-- > 0;) {
    RC_ASSERT(asked.extra_cost(other, plans[k]) == first[k]);  // in the other order
    RC_ASSERT(asked.extra_cost(one, plans[k]) == first[k]);    // and again
  }
}

// What the partner's rides cost more is taken from where it was added.
RC_GTEST_PROP(PlanAppraiser, leaves_out_the_premium_of_everybody_whom_a_partner_would_take, (std::uint64_t seed)) {
  Asked const asked(seed);
  RC_PRE(asked.has_plans());
  Situation const situation = asked.world.situation();
  PlanContext const context(situation);
  PlanAppraiser plain(context, asked.question, {asked.value}), priced(context, asked.question, {asked.value});
  priced.set_premium(1'000);
  for (Solution const& plan : asked.plans()) {
    auto const partners = std::ranges::count_if(plan.left_out, [&](std::int32_t request) {
      return static_cast<bool>(asked.question.partner_is_cheaper[static_cast<std::size_t>(request)]);
    });
    RC_ASSERT(asked.extra_cost(priced, plan) == asked.extra_cost(plain, plan) - 1'000 * partners);
  }
}

// --- In a search.

class NoOpinion final : public Appraiser {
 public:
  Money extra_cost(Plan const&) override {
    ++asked;
    return 0;
  }
  int asked = 0;
};

RC_GTEST_PROP(SearchWithAnAppraiser, who_says_nothing_finds_the_same_plan, (std::uint64_t seed)) {
  schedule::test::Mix const mix{.vehicles = 3, .requests = 8, .rests = seed % 2 == 0};
  auto const world = schedule::test::random_world(mix, Rng(seed));
  schedule::Instance const& x = world->instance;
  Solution const start = construct(x, forced_routes(x), 1);
  RC_PRE(start.cost < no_plan);
  NoOpinion nobody;
  SearchOptions options;
  options.iterations = 200;
  Solution const without = improve(x, start, options, Rng(seed));
  options.appraiser = &nobody;
  Solution const with = improve(x, start, options, Rng(seed));
  RC_ASSERT(with.routes == without.routes);
  RC_ASSERT(with.left_out == without.left_out);
  RC_ASSERT(with.cost == without.cost);
  RC_ASSERT(nobody.asked > 0);
}

// An opinion of its own on every plan: so much for each stop of the first vehicle.
class DislikesTheFirst final : public Appraiser {
 public:
  Money extra_cost(Plan const& plan) override { return price(plan.tour(0).nodes().size()); }
  static Money price(std::size_t stops) { return 10'000 * static_cast<Money>(stops); }
};

RC_GTEST_PROP(SearchWithAnAppraiser, never_answers_worse_by_cost_and_opinion_together, (std::uint64_t seed)) {
  auto const world = schedule::test::random_world({.vehicles = 3, .requests = 8}, Rng(seed));
  schedule::Instance const& x = world->instance;
  Solution const start = construct(x, forced_routes(x), 1);
  RC_PRE(start.cost < no_plan);
  DislikesTheFirst appraiser;
  SearchOptions options;
  options.iterations = 200;
  options.appraiser = &appraiser;
  Solution const found = improve(x, start, options, Rng(seed));
  RC_ASSERT(found.cost == cost_of(x, found));
  RC_ASSERT(found.cost + appraiser.price(found.routes[0].size()) <=
            start.cost + appraiser.price(start.routes[0].size()));
}

}  // namespace
}  // namespace regulus::dispatch
