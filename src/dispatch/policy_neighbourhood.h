// The part of a day that a decision is about.
//
// A search over two hundred drivers would spend its time on those whom the new bookings do not concern. Of a small
// fleet everybody takes part; of a large one the drivers on whom the undecided bookings would cost least.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "dispatch/instance_of.h"

namespace regulus::dispatch {

// Nothing: so much is undecided that no part of the day is small. Then insertions come first.
std::optional<Question> question_around(Situation const& situation);

// The part that a rule searches now: around what is undecided, or, with nothing undecided, the whole of a small fleet's
// day when somebody will be late by the plans as they stand, so that a late driver's rides can go to others.
std::optional<Question> question_now(Situation const& situation);
// Steps of that search: a delay only moves what is planned already, and gets a quarter, at least 1.
std::int64_t steps_now(Situation const& situation, std::int64_t iterations);

}  // namespace regulus::dispatch
