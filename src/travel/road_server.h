// Asking a road server until each cell of a rectangle has an answer.
//
// A server may find the question too big, or one place of it may lie off the road and spoil the whole answer. Then the
// question is halved along its longer side, or asked again without the place, whose cells are no_road. Halving ends at
// single cells: one that is still too big is not_known (two places beyond the server's longest distance), one that is
// not connected is no_road.
#pragma once

#include <functional>

#include "travel/answers.h"
#include "travel/provider.h"

namespace regulus::travel {

using Ask = std::function<Result<TableAnswer>(Rectangle const&)>;

// Passes on the first error of `ask`. Kinds of an answer: as in TableAnswer; somewhere_lost is halved too.
Result<Cells> ask_in_parts(Rectangle const& asked, Ask const& ask);

// A profile becomes part of a URL: letters, digits, "_" and "-", or the default when empty.
Result<std::string> checked_profile(std::string const& profile, std::string const& otherwise);

}  // namespace regulus::travel
