// A second opinion on plans, added to their cost wherever a search compares two of them: what a plan is worth beyond
// its price. It is asked once for every change that is tried.
#pragma once

#include "dispatch/search/plan.h"

namespace regulus::dispatch {

class Appraiser {
 public:
  virtual ~Appraiser() = default;
  // Depends on nothing but the plan.
  virtual schedule::Money extra_cost(Plan const& plan) = 0;
};

}  // namespace regulus::dispatch
