// Large neighbourhood search that goes by a learned value: what a plan will cost beyond what it says, because rides
// take longer than believed, because room that is used up is missing later, and because the partner takes only so many
// rides. Published gains come from value and search together (dispatch.md 5.3).
//
// It plans anew whenever something has happened, not only when a booking is open: a late driver's rides go to others.
//
// Where the value has nothing to say (untrained, not trusted on such days, fleets of a size on which it was not
// trained) this is lns_futures, the strongest rule that decides in the same time, decision by decision.
#include "dispatch/instance_of.h"
#include "dispatch/learned/plan_appraiser.h"
#include "dispatch/policy_neighbourhood.h"

namespace regulus::dispatch {

namespace {

// A plan is searched for as long as lns_futures searches for its candidates and weighs them (docs/decisions/0013).
constexpr std::int64_t searches = 2;

class LearnedSearch final : public Policy {
 public:
  explicit LearnedSearch(PolicySettings const& settings)
      : settings_(settings), rule_(make_policy("lns_futures", settings).take()) {}

  Decision decide(Situation const& situation, Rng rng) const override {
    auto const opinion = settings_.model ? settings_.model->opinion_on(situation.fleet) : std::nullopt;
    std::optional<Question> const around = opinion ? question_around(situation) : std::nullopt;
    if (!around) return rule_->decide(situation, rng);
    Question const& question = *around;
    PlanContext const context(situation);
    PlanAppraiser appraiser(context, question, *opinion);
    schedule::Money const premium = appraiser.price_of_partner();
    appraiser.set_premium(premium);
    // What is searched differs in prices from what is answered.
    Question priced = question;
    for (std::size_t r = 0; r < priced.instance.requests.size(); ++r) {
      if (priced.partner_is_cheaper[r]) priced.instance.requests[r].left_out += premium;
    }
    Solution const first = construct(priced.instance, priced.present, 1);
    if (first.cost >= no_plan) return decision_of(situation, question, question.present);
    SearchOptions options;
    options.iterations = searches * settings_.iterations;
    options.seconds = settings_.seconds;
    options.appraiser = &appraiser;
    return decision_of(situation, question, improve(priced.instance, first, options, rng));
  }

 private:
  PolicySettings settings_;
  std::unique_ptr<Policy> rule_;
};

}  // namespace

std::unique_ptr<Policy> make_dqn(PolicySettings const& settings) { return std::make_unique<LearnedSearch>(settings); }

}  // namespace regulus::dispatch
